"""The building blocks of the networks."""

import math
import re

import keras
from keras import layers

from pipeline.networks.common.layers import MOMENTUM, BatchNormalization, CropTo, Double, GroupNormalization

GROUPS = 8  # of group normalisation, or the largest number that divides them and the filters; the paper sees little difference
INITIALIZER = "he_normal"  # keeps the variance through ReLU (He et al. 2015, arXiv 1502.01852)


def image_input(channels, mean, variance, size=(None, None)):
    """Start a network: images in [0, 1], of any height and width or of one `size`, standardised with the training statistics."""
    inputs = keras.Input((*size, channels), name="image")
    # In float32 whatever the policy: bfloat16 keeps 8 bits of the difference from the mean, not of the intensity.
    return inputs, layers.Normalization(mean=mean, variance=variance, dtype="float32", name="standardise")(inputs)


def convolution(x, filters, normalization, kernel=3, activation=True, padding="same", dilation=1):
    """Convolve, normalise, apply ReLU."""
    bias = normalization == "none"  # a normalisation would cancel it, and has a shift of its own
    how = {"padding": padding, "dilation_rate": dilation, "use_bias": bias, "kernel_initializer": INITIALIZER}
    x = normalised(layers.Conv2D(filters, kernel, **how)(x), normalization)
    return layers.ReLU()(x) if activation else x


def normalised(x, normalization):
    """Bring channels to mean 0 and variance 1, then to a learnt scale and shift.

    Over the batch (Ioffe and Szegedy 2015, arXiv 1502.03167), or over each image by itself: each channel ("instance", Ulyanov et
    al. 2016, arXiv 1607.08022) or several together ("group", Wu and He 2018, arXiv 1803.08494).
    """
    if normalization == "none":
        return x
    if normalization == "batch":
        return BatchNormalization(momentum=MOMENTUM)(x)
    groups = x.shape[-1] if normalization == "instance" else math.gcd(x.shape[-1], GROUPS)
    return GroupNormalization(groups)(x)


def two_convolutions(x, filters, normalization, padding="same"):
    """Convolve 3 × 3 twice: what a U-Net does at each level."""
    x = convolution(x, filters, normalization, padding=padding)
    return convolution(x, filters, normalization, padding=padding)


def downsample(x):
    """Pool 2 × 2; an odd height or width is rounded up."""
    return layers.MaxPooling2D(2, padding="same")(x)


def doubled(x, filters, normalization):
    """Double height and width with a 2 × 2 transposed convolution."""
    bias = normalization == "none"  # the normalisation after the next convolution would cancel it
    return layers.Conv2DTranspose(filters, 2, strides=2, use_bias=bias, kernel_initializer=INITIALIZER)(x)


def upsample(x, filters, skip, normalization):
    """Double height and width, and crop to those of `skip`."""
    return CropTo()([doubled(x, filters, normalization), skip])


def attention_gate(skip, signal, filters, name):
    """Weigh the features of a skip connection: α = σ(ψ(ReLU(W_x x + W_g g))), Oktay et al. 2018, eq. 1 and figure 2.

    The features x (N, H, W, C) are brought to the coarser grid of the gating signal g (N, ceil(H / 2), ceil(W / 2), D) by the
    stride of W_x, and compared in `filters` channels; α, the output of the layer `name`, is brought back to the grid of x by
    bilinear interpolation.
    """
    features = layers.Conv2D(filters, 2, strides=2, padding="same", use_bias=False, kernel_initializer=INITIALIZER)(skip)
    gating = layers.Conv2D(filters, 1, kernel_initializer=INITIALIZER)(signal)
    x = layers.ReLU()(layers.Add()([features, gating]))
    x = layers.Conv2D(1, 1, activation="sigmoid")(x)
    x = Double()(x)
    # The layer that crops is the named one: its output is α on the grid of x.
    attention = CropTo(name=name)([x, skip])
    return layers.Multiply()([skip, attention])


def outputs(classes):
    """Logits of each pixel: one for background and foreground (sigmoid), one for each of more classes (softmax)."""
    return 1 if classes == 2 else classes


def logits(x, classes=2, name="logits"):
    """End a network: a 1 × 1 convolution to its `outputs`, in float32, with no activation and no normalisation behind it."""
    return layers.Conv2D(outputs(classes), 1, dtype="float32", name=name)(x)


def add_to_logits(network, offsets):
    """Add a number to each logit, shape (K,), by the biases of the layers that `logits` made; return whether there are any.

    Where a network averages the probabilities of several such layers (U-Net++), each is changed before the mean.
    """
    heads = [layer for layer in network.layers if re.fullmatch(r"logits(_\d+)?", layer.name)]
    biases = [head.bias for head in heads if getattr(head, "bias", None) is not None]
    biases = [bias for bias in biases if tuple(bias.shape) == (len(offsets),)]
    for bias in biases:
        bias.assign_add(offsets)
    return bool(biases)
