"""Wide ResNet: fewer residual blocks, with more filters in each."""

from typing import Annotated

import keras
from pydantic import Field, field_validator

from pipeline.networks.common import residual
from pipeline.networks.common.classifier import StemSettings, begin
from pipeline.params.fields import Count, Fraction

TITLE = "Wide ResNet"
CITATION = "Zagoruyko, Komodakis: Wide residual networks, BMVC 2016, doi 10.5244/C.30.87"
TASK = "classification"
SMALLEST = {"small": 4, "imagenet": 16}  # pixels: two and four halvings leave one
FILTERS = 16  # of the stem; the first stage has `width` times as many


class Settings(StemSettings):
    depth: Annotated[int, Field(ge=10)] = 16
    width: Count = 4
    dropout: Fraction = 0.0

    @field_validator("depth")
    @classmethod
    def _of_whole_blocks(cls, depth):
        if depth % 6 != 4:
            raise ValueError(f"expected 6 n + 4, such as 10, 16, 22 or 28, received {depth}")
        return depth


def build(*, size, channels, classes, depth, width, dropout, stem, mean, variance, seed):
    """Build a Wide ResNet: (N, *size, channels), float32 in [0, 1] → logits (N, classes), float32.

    Three stages of pre-activation blocks of two 3 × 3 convolutions. The paper's WRN-28-10 for 32 × 32 × 3 and 10 classes has
    36,479,194 weights. Raises a UserError if the images are smaller than 4 × 4, or 16 × 16 with the stem for ImageNet. The other
    parameters are those of `pipeline.networks.resnet.build`; its small stem is the published one for 32 × 32.

    Parameters
    ----------
    depth : int
        6 n + 4, for n blocks a stage.
    width : int
        Factor k on the 16, 32 and 64 filters of the stages.
    dropout : float
        Rate between the two convolutions of each block.
    """
    inputs, x, make, stem = begin("wide_resnet", size, channels, mean, variance, seed, stem, SMALLEST)

    def block(x, filters, strides, name):
        return residual.preactivated(make, x, filters, strides, name, dropout=dropout)

    # The small stem is not normalised: the first block does it.
    x = make.convolution(x, FILTERS, 3, "stem") if stem == "small" else residual.start(make, x, FILTERS, stem)
    x = residual.stages(x, [(depth - 4) // 6] * 3, FILTERS * width, block)
    return keras.Model(inputs, make.head(make.activation(x, "last"), classes), name="wide_resnet")
