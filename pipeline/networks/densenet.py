"""DenseNet: each layer reads the features of all layers before it."""

from typing import Literal

import keras
from keras import layers

from pipeline.networks.common import residual
from pipeline.networks.common.classifier import StemSettings, begin
from pipeline.params.fields import Count

TITLE = "DenseNet"
CITATION = "Huang, Liu, van der Maaten, Weinberger: Densely connected networks, CVPR 2017, doi 10.1109/CVPR.2017.243"
TASK = "classification"
LAYERS = {121: (6, 12, 24, 16), 169: (6, 12, 32, 32), 201: (6, 12, 48, 32)}  # of each dense block


class Settings(StemSettings):
    depth: Literal[121, 169, 201] = 121
    growth: Count = 12


def build(*, size, channels, classes, depth, growth, stem, mean, variance, seed):
    """Build a DenseNet-BC: (N, *size, channels), float32 in [0, 1] → logits (N, classes), float32.

    Written here rather than taken from `keras.applications`, which has only a growth of 32 and the stem for large images, and
    whose normalisation averages over more steps than a short training has. At that growth, with three channels and 1000
    classes, it has the published 7,978,856 (121), 14,149,480 (169) and 20,013,928 (201) weights. The other parameters, and the
    smallest images, are those of `pipeline.networks.resnet.build`.

    Parameters
    ----------
    depth : {121, 169, 201}
        Layers with weights.
    growth : int
        Features that each layer adds, the paper's k; 32 for ImageNet.
    """
    inputs, x, make, stem = begin("densenet", size, channels, mean, variance, seed, stem)
    x = residual.start(make, x, 2 * growth, stem)
    for block, count in enumerate(LAYERS[depth], start=1):
        if block > 1:
            x = transition(make, x, f"transition{block - 1}")
        for number in range(1, count + 1):
            x = dense_layer(make, x, growth, f"block{block}_layer{number}")
    return keras.Model(inputs, make.head(make.activation(x, "last"), classes), name="densenet")


def dense_layer(make, x, growth, name):
    """A 1 × 1 convolution to four times the growth, a 3 × 3 one to the growth, and x in front of what they found."""
    y = make.convolution(make.activation(x, f"{name}_pre1"), 4 * growth, 1, f"{name}_conv1")
    y = make.convolution(make.activation(y, f"{name}_pre2"), growth, 3, f"{name}_conv2")
    return layers.Concatenate(name=f"{name}_concat")([x, y])


def transition(make, x, name):
    """Half the features, rows and columns."""
    x = make.convolution(make.activation(x, f"{name}_pre"), x.shape[-1] // 2, 1, f"{name}_conv")
    return layers.AveragePooling2D(2, name=f"{name}_pool")(x)
