"""Pre-activation ResNet: a ResNet whose shortcuts pass nothing but additions."""

from typing import Literal

import keras

from pipeline.networks.common import residual
from pipeline.networks.common.classifier import StemSettings, begin
from pipeline.params.fields import Count

TITLE = "Pre-activation ResNet"
CITATION = "He, Zhang, Ren, Sun: Identity mappings in deep residual networks, ECCV 2016, doi 10.1007/978-3-319-46493-0_38"
TASK = "classification"


class Settings(StemSettings):
    depth: Literal[18, 34, 50, 101, 152] = 18
    filters: Count = 64


def build(*, size, channels, classes, depth, filters, stem, mean, variance, seed):
    """Build a pre-activation ResNet: (N, *size, channels), float32 in [0, 1] → logits (N, classes), float32.

    Parameters, and the smallest images, are those of `pipeline.networks.resnet.build`. As in the authors' code, the stem is
    normalised and activated, so the first block starts with its convolution; a normalisation and a ReLU follow the last block.
    Keras's ResNet50V2 has a bias beside its normalisations, and the strides in the last block of each stage.
    """
    inputs, x, make, stem = begin("preact_resnet", size, channels, mean, variance, seed, stem)

    def block(x, filters, strides, name):
        first = name == "stage1_block1"
        return residual.preactivated(make, x, filters, strides, name, activated=first, bottleneck=depth >= 50)

    x = residual.start(make, x, filters, stem)
    x = residual.stages(x, residual.BLOCKS[depth], filters, block)
    return keras.Model(inputs, make.head(make.activation(x, "last"), classes), name="preact_resnet")
