"""ResNet: blocks of convolutions that learn what to add to their input."""

from functools import partial
from typing import Literal

import keras

from pipeline.networks.common import residual
from pipeline.networks.common.classifier import StemSettings, begin
from pipeline.params.fields import Count

TITLE = "ResNet"
CITATION = "He, Zhang, Ren, Sun: Deep residual learning, CVPR 2016, doi 10.1109/CVPR.2016.90"
TASK = "classification"


class Settings(StemSettings):
    depth: Literal[18, 34, 50, 101, 152] = 18
    filters: Count = 64


def build(*, size, channels, classes, depth, filters, stem, mean, variance, seed):
    """Build a ResNet: (N, *size, channels), float32 in [0, 1] → logits (N, classes), float32.

    Written here rather than taken from `keras.applications`, whose ResNets begin at 50 layers, have a bias beside each batch
    normalisation, and only the stem for large images. With the stem for ImageNet, three channels and 1000 classes it has the
    11,689,512 (18), 21,797,672 (34), 25,557,032 (50), 44,549,160 (101) and 60,192,808 (152) weights of PyTorch's.
    Raises a UserError if the images are smaller than 32 × 32, or 8 × 8 with the small stem.

    Parameters
    ----------
    depth : {18, 34, 50, 101, 152}
        Layers with weights; from 50 on, blocks are bottlenecks.
    filters : int
        Of the first stage, doubled at each of the three others.
    stem : {"auto", "imagenet", "small"}
        "imagenet": a 7 × 7 convolution of stride 2 and a pooling, as published for 224 × 224. "small": a 3 × 3 convolution of
        stride 1, as in the paper's networks for 32 × 32. "auto": small if a side has fewer than 96 pixels.
    mean, variance : float or sequence of float
        Of each channel over the training images, in [0, 1] units.
    seed : int
        Draws the random kernels.
    """
    inputs, x, make, stem = begin("resnet", size, channels, mean, variance, seed, stem)
    x = residual.start(make, x, filters, stem)
    x = residual.stages(x, residual.BLOCKS[depth], filters, partial(residual.bottleneck if depth >= 50 else basic, make))
    return keras.Model(inputs, make.head(x, classes), name="resnet")


def basic(make, x, filters, strides, name):
    """Two 3 × 3 convolutions; x is added before the last ReLU."""
    y = make.unit(x, filters, 3, f"{name}_conv1", strides=strides)
    y = make.normalised(y, filters, 3, f"{name}_conv2")
    return residual.added(make, x, y, strides, name)
