"""U-Net: two convolutions a level, and the features of each level joined again on the way back."""

from typing import Annotated, Literal

import keras
from pydantic import Field

from pipeline.networks.common import blocks
from pipeline.networks.common.halves import first_half, second_half
from pipeline.networks.common.settings import ContextSettings, EncoderSettings
from pipeline.params.fields import Count, Fraction

TITLE = "U-Net"
CITATION = "Ronneberger, Fischer, Brox: U-Net, MICCAI 2015, doi 10.1007/978-3-319-24574-4_28"
TASK = "segmentation"


class Settings(ContextSettings, EncoderSettings):
    filters: Count = 64
    depth: Annotated[int, Field(ge=1, le=7)] = 4
    dropout: Fraction = 0.0
    normalization: Literal["batch", "instance", "group", "none"] = "none"


def build(
    *,
    channels,
    classes,
    filters,
    depth,
    dropout,
    normalization,
    mean,
    variance,
    encoder,
    encoder_frozen,
    encoder_lr_scale,
    pretrained,
):
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
    encoder : str
        "none": the first half as above. Any other (`pipeline.networks.common.encoders.encode`) takes the place of the first half
        and of the deepest convolutions; it has five poolings, whatever `depth`.
    encoder_frozen, encoder_lr_scale, pretrained : int, float, path-like
        Of the encoder: levels that are not trained, factor on its learning rate, file of its weights.
    """

    def two_convolutions(x, level):
        return blocks.two_convolutions(x, filters * 2**level, normalization)

    how = {"frozen": encoder_frozen, "lr_scale": encoder_lr_scale, "pretrained": pretrained}
    first = first_half(encoder, two_convolutions, depth, dropout, channels=channels, mean=mean, variance=variance, **how)
    x = second_half(first, two_convolutions, filters, normalization)
    return keras.Model(first.inputs, blocks.logits(x, classes), name="unet")
