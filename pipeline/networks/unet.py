"""U-Net: two convolutions a level, and the features of each level joined again on the way back."""

from typing import Literal

import keras

from pipeline.networks.common import blocks
from pipeline.networks.common.halves import first_half, second_half
from pipeline.networks.common.settings import EncoderSettings, UNetSettings
from pipeline.params.fields import Count, Fraction

TITLE = "U-Net"
CITATION = "Ronneberger, Fischer, Brox: U-Net, MICCAI 2015, doi 10.1007/978-3-319-24574-4_28"
TASK = "segmentation"


class Settings(UNetSettings, EncoderSettings):
    filters: Count = 64
    dropout: Fraction = 0.0
    normalization: Literal["batch", "instance", "group", "none"] = "none"


def build(*, classes, filters, depth, dropout, normalization, **start):
    """Build a U-Net: (N, H, W, channels), float32 in [0, 1] → logits (N, H, W, 1), float32, or (N, H, W, classes).

    Each level has two 3 × 3 convolutions with ReLU, then 2 × 2 max pooling and twice the filters; on the way back a
    transposed convolution and the concatenated features of the same level. Unlike the paper's, convolutions are padded:
    the output is as large as the input, and the input may have any size. With the defaults and one channel it has 31,030,593
    weights.

    Parameters
    ----------
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
    **start
        See `pipeline.networks.common.halves.first_half`. An encoder takes the place of the first half and of the deepest
        convolutions; it has five poolings, whatever `depth`.
    """

    def two_convolutions(x, level):
        return blocks.two_convolutions(x, filters * 2**level, normalization)

    first = first_half(two_convolutions, depth, dropout, **start)
    x = second_half(first, two_convolutions, filters, normalization)
    return keras.Model(first.inputs, blocks.logits(x, classes), name="unet")
