"""U-Net: two convolutions a level, and the features of each level joined again on the way back."""

from typing import Annotated, Literal

import keras
from keras import layers
from pydantic import Field

from pipeline.networks.common import blocks
from pipeline.networks.common.settings import NetworkSettings
from pipeline.params.fields import Count, Fraction

TITLE = "U-Net"
CITATION = "Ronneberger, Fischer, Brox: U-Net, MICCAI 2015, doi 10.1007/978-3-319-24574-4_28"
TASK = "segmentation"


class Settings(NetworkSettings):
    filters: Count = 64
    depth: Annotated[int, Field(ge=1, le=7)] = 4
    dropout: Fraction = 0.0
    normalization: Literal["batch", "instance", "group", "none"] = "none"


def build(*, channels, classes=2, filters=64, depth=4, dropout=0.0, normalization="none", mean=0.0, variance=1.0):
    """Build a U-Net: (N, H, W, channels), float32 in [0, 1] → logits (N, H, W, 1), float32, or (N, H, W, classes).

    Each level has two 3 × 3 convolutions with ReLU, then 2 × 2 max pooling and twice the filters; on the way back a
    transposed convolution and the concatenated features of the same level. Unlike the paper's, convolutions are padded:
    the output is as large as the input, and the input may have any size. With the defaults and one channel it has 31,030,593
    weights.

    Parameters
    ----------
    channels : int
    classes : int
        With the background; of more than two, each has a logit.
    filters : int
        Of the first level.
    depth : int
        Number of poolings.
    dropout : float
        Rate before the deepest convolutions.
    normalization : {"batch", "instance", "group", "none"}
        See `pipeline.networks.common.blocks.normalised`.
    mean, variance : float or sequence of float
        Of each channel over the training images, in [0, 1] units.
    """
    inputs, x = blocks.image_input(channels, mean, variance)
    skips = []
    for level in range(depth):
        x = two_convolutions(x, filters * 2**level, normalization)
        skips.append(x)
        x = blocks.downsample(x)
    x = layers.Dropout(dropout)(x)
    x = two_convolutions(x, filters * 2**depth, normalization)
    for level in reversed(range(depth)):
        x = blocks.upsample(x, filters * 2**level, skips[level], normalization)
        x = layers.Concatenate()([skips[level], x])
        x = two_convolutions(x, filters * 2**level, normalization)
    return keras.Model(inputs, blocks.logits(x, blocks.outputs(classes)), name="unet")


def two_convolutions(x, filters, normalization):
    x = blocks.convolution(x, filters, normalization)
    return blocks.convolution(x, filters, normalization)
