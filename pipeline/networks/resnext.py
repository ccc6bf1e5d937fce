"""ResNeXt: a ResNet whose 3 × 3 convolutions fall into groups that do not see each other's features."""

from typing import Literal

import keras

from pipeline.networks.common import residual
from pipeline.networks.common.classifier import StemSettings, begin
from pipeline.params.fields import Count

TITLE = "ResNeXt"
CITATION = "Xie, Girshick, Dollár, Tu, He: Aggregated residual transformations, CVPR 2017, doi 10.1109/CVPR.2017.634"
TASK = "classification"
BLOCKS = residual.BLOCKS | {26: residual.BLOCKS[18]}  # the shortest of bottlenecks; the paper begins at 50
FILTERS = 64  # of the stem, and of the first stage before its groups


class Settings(StemSettings):
    depth: Literal[26, 50, 101, 152] = 26
    groups: Count = 32
    width: Count = 4


def build(*, size, channels, classes, depth, groups, width, stem, mean, variance, seed):
    """Build a ResNeXt: (N, *size, channels), float32 in [0, 1] → logits (N, classes), float32.

    ResNeXt-50 32 × 4d for ImageNet, with three channels and 1000 classes, has 25,028,904 weights. The other parameters, and the
    smallest images, are those of `pipeline.networks.resnet.build`.

    Parameters
    ----------
    depth : {26, 50, 101, 152}
        Layers with weights.
    groups : int
        The paper's cardinality C.
    width : int
        Filters of each group in the first stage, doubled at each of the three others.
    """
    inputs, x, make, stem = begin("resnext", size, channels, mean, variance, seed, stem)

    def block(x, filters, strides, name):
        inner = groups * width * filters // FILTERS
        return residual.bottleneck(make, x, filters, strides, name, groups=groups, width=inner)

    x = residual.start(make, x, FILTERS, stem)
    x = residual.stages(x, BLOCKS[depth], FILTERS, block)
    return keras.Model(inputs, make.head(x, classes), name="resnext")
