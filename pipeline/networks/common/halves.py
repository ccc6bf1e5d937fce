"""The two halves of a U-Net: the contracting path, or an encoder in its place, and the expanding path."""

from dataclasses import replace

from keras import layers

from pipeline.networks.common import blocks
from pipeline.networks.common.encoders import FirstHalf, encode
from pipeline.networks.common.settings import NONE


def first_half(
    block, depth, dropout, deepest=None, *, channels, mean, variance, encoder, encoder_frozen, encoder_lr_scale, pretrained
):
    """Start a segmentation network: with ``block(x, level)`` and a pooling on each of `depth` levels, or with an encoder.

    Dropout and ``deepest(x, level)`` follow; by default `block`, but nothing behind an encoder. `encoder` is "none" or the name
    of one; the parameters behind it, which are for it alone, and the error are those of `encode`. `mean` and `variance` are
    those of each channel over the training images, in [0, 1] units. Returns `FirstHalf`.
    """
    if encoder == NONE:
        inputs, x = blocks.image_input(channels, mean, variance)
        skips, deepest = [], deepest or block
        for level in range(depth):
            skips.append(block(x, level))
            x = blocks.downsample(skips[-1])
        first = FirstHalf(inputs, skips, x, own=True)
    else:
        how = {"frozen": encoder_frozen, "lr_scale": encoder_lr_scale, "pretrained": pretrained}
        first = encode(encoder, channels=channels, mean=mean, variance=variance, **how)
    x = layers.Dropout(dropout)(first.deepest)
    return replace(first, deepest=deepest(x, len(first.skips)) if deepest else x)


def second_half(first, block, filters, normalization, gate=None):
    """Return to the size of the image: on each level, upsample, concatenate the skip, and apply ``block(x, level)``.

    `first` is a `FirstHalf`; `filters` are those of the first level. ``gate(skip, x, level)``, if given, weighs the skip by the
    features x of the level below.
    """
    x = first.deepest
    for level, skip in reversed([*enumerate(first.skips)]):
        seen = gate(skip, x, level) if gate else skip
        x = blocks.upsample(x, filters * 2**level, skip, normalization)
        x = block(layers.Concatenate()([seen, x]), level)
    return first.cropped(x)
