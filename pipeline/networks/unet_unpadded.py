"""U-Net as it was published: its convolutions are not padded; images are mirrored at their edges instead."""

import keras
from keras import layers

from pipeline.networks.common import blocks
from pipeline.networks.common.layers import CropTo, MirrorTile
from pipeline.networks.common.settings import UNetSettings

TITLE = "U-Net, unpadded"
CITATION = "Ronneberger, Fischer, Brox: U-Net, MICCAI 2015, doi 10.1007/978-3-319-24574-4_28"
TASK = "segmentation"
Settings = UNetSettings


def build(*, channels, classes, filters, depth, dropout, normalization, mean, variance):
    """Build a U-Net of unpadded convolutions.

    Parameters and returns are those of `pipeline.networks.unet.build`, and so is the number of weights. The published network
    (`unpadded`) gives an output smaller than its input: 388 × 388 of 572 × 572 pixels. This one continues each image by
    mirroring, as the paper does at the edges, so that the output is as large as the image, whatever its size. It knows only the
    image that it is given: a training patch is mirrored, too, and in prediction the real neighbours come from the overlap of the
    windows. With an overlap of at least 12/5 of the `border`, blended windows equal the whole image, seamlessly.

    At depth 4 the border is 92 pixels: a patch of 128 × 128 costs as much as one of 316 × 316.
    """
    inputs, image = blocks.image_input(channels, mean, variance)
    x = MirrorTile(border(depth), 2**depth)(image)
    x = CropTo()([unpadded(x, filters, depth, dropout, normalization), image])
    return keras.Model(inputs, blocks.logits(x, classes), name="unet_unpadded")


def unpadded(x, filters, depth, dropout=0.0, normalization="none"):
    """The published network without its last 1 × 1 convolution: from (N, H, W, C) to (N, H - 2 b, W - 2 b, filters).

    b is the `border`; H - 2 b and W - 2 b must be 4 more than a multiple of ``2**depth``, so that each pooling meets even sizes.
    """
    skips = []
    for level in range(depth):
        x = blocks.two_convolutions(x, filters * 2**level, normalization, padding="valid")
        skips.append(x)
        x = layers.MaxPooling2D(2)(x)
    x = layers.Dropout(dropout)(x)
    x = blocks.two_convolutions(x, filters * 2**depth, normalization, padding="valid")
    for level in reversed(range(depth)):
        x = blocks.doubled(x, filters * 2**level, normalization)
        # What the levels below took off, and this one did not yet: the skip is that much larger.
        middle = layers.Cropping2D(2 * border(depth - level - 1))(skips[level])
        x = layers.Concatenate()([middle, x])
        x = blocks.two_convolutions(x, filters * 2**level, normalization, padding="valid")
    return x


def border(depth):
    """Pixels that the convolutions take off each side: 92 at depth 4.

    Two 3 × 3 convolutions take 2 pixels of their level, each worth 2^level: 2 (1 + 2 + ... + 2^depth), and again on the way back.
    """
    return 6 * 2**depth - 4
