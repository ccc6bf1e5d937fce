"""GoogLeNet: inception modules, which look at their input through kernels of several sizes."""

from typing import Literal

import keras
from keras import layers

from pipeline.networks.common import residual
from pipeline.networks.common.classifier import SMALLEST, StemSettings, begin
from pipeline.params.fields import Fraction

TITLE = "GoogLeNet"
CITATION = "Szegedy, Liu, Jia et al.: Going deeper with convolutions, CVPR 2015, doi 10.1109/CVPR.2015.7298594"
TASK = "classification"
AUXILIARY_SMALLEST = {"small": 9, "imagenet": 65}  # pixels: leave the 5 × 5 that an auxiliary classifier pools
AUXILIARY = ("4a", "4d")  # the modules behind which they stand
AUXILIARY_WEIGHT = 0.3  # of their loss; that of the last classifier counts 1

# Table 1 of the paper. Filters of the 1 × 1 convolution, of the 3 × 3 one and the 1 × 1 one before it, of the 5 × 5 one and
# the 1 × 1 one before it, and of the one behind the pooling. A letter's group is halved in rows and columns before it.
INCEPTIONS = {
    "3a": (64, (96, 128), (16, 32), 32),
    "3b": (128, (128, 192), (32, 96), 64),
    "4a": (192, (96, 208), (16, 48), 64),
    "4b": (160, (112, 224), (24, 64), 64),
    "4c": (128, (128, 256), (24, 64), 64),
    "4d": (112, (144, 288), (32, 64), 64),
    "4e": (256, (160, 320), (32, 128), 128),
    "5a": (256, (160, 320), (32, 128), 128),
    "5b": (384, (192, 384), (48, 128), 128),
}


class Settings(StemSettings):
    auxiliary: bool = False
    large_kernel: Literal[3, 5] = 5
    dropout: Fraction = 0.4
    normalization: Literal["batch", "none"] = "batch"


def build(*, size, channels, classes, auxiliary, large_kernel, dropout, normalization, stem, mean, variance, seed):
    """Build GoogLeNet: (N, *size, channels), float32 in [0, 1] → logits (N, classes), float32.

    At three channels and 1000 classes, without normalisation, it has the 6,998,552 weights of the paper; with it and a
    `large_kernel` of 3, the 6,624,904 of PyTorch's. Raises a UserError if the images are smaller than 32 × 32, or 8 × 8 with
    the small stem; with auxiliary classifiers, 65 × 65 or 9 × 9. The other parameters are those of
    `pipeline.networks.resnet.build`.

    Parameters
    ----------
    auxiliary : bool
        Train two more classifiers, behind the modules 4a and 4d (see `pipeline.networks`); the model does without them. The
        paper's network, which has no batch normalisation, is hard to train otherwise.
    large_kernel : {5, 3}
        Side of the larger kernel of an inception module: 5 as published, 3 as in PyTorch's network.
    dropout : float
        Rate before the last layer.
    normalization : {"batch", "none"}
        "batch": batch normalisation before each ReLU, in the place of the paper's local response normalisation.
    stem : {"auto", "imagenet", "small"}
        "imagenet": a 7 × 7 convolution of stride 2 and two poolings, as published. "small": a 3 × 3 one of stride 1, and none.
    """
    smallest = AUXILIARY_SMALLEST if auxiliary else SMALLEST
    inputs, x, make, stem = begin("googlenet", size, channels, mean, variance, seed, stem, smallest, normalization)
    x = residual.start(make, x, 64, stem)
    x = make.unit(x, 64, 1, "conv2_reduce")
    x = make.unit(x, 192, 3, "conv2")
    x = pooled(x, "pool2") if stem == "imagenet" else x
    others = []
    for name, filters in INCEPTIONS.items():
        x = pooled(x, f"pool{name[0]}") if name in ("4a", "5a") else x
        x = inception(make, x, filters, large_kernel, f"inception{name}")
        if auxiliary and name in AUXILIARY:
            others.append(auxiliary_classifier(make, x, classes, f"auxiliary{name}"))
    x = make.dropout(layers.GlobalAveragePooling2D(name="mean")(x), dropout, "dropout")
    logits = make.logits(x, classes)
    network = keras.Model(inputs, logits, name="googlenet")
    if auxiliary:
        network.supervised = [(logits, 1.0), *((other, AUXILIARY_WEIGHT) for other in others)]
    return network


def inception(make, x, filters, large_kernel, name):
    """Four branches side by side: 1 × 1, 3 × 3 and `large_kernel` convolutions, and a pooling (figure 2 b of the paper)."""
    one, (reduce3, three), (reduce5, five), pool = filters
    y1 = make.unit(x, one, 1, f"{name}_1")
    y3 = make.unit(make.unit(x, reduce3, 1, f"{name}_3_reduce"), three, 3, f"{name}_3")
    y5 = make.unit(x, reduce5, 1, f"{name}_5_reduce")
    y5 = make.unit(y5, five, large_kernel, f"{name}_5")
    yp = layers.MaxPooling2D(3, strides=1, padding="same", name=f"{name}_pool")(x)
    yp = make.unit(yp, pool, 1, f"{name}_pool_conv")
    return layers.Concatenate(name=f"{name}_concat")([y1, y3, y5, yp])


def auxiliary_classifier(make, x, classes, name):
    """Logits from the features of a module in the middle of the network (section 5 of the paper)."""
    x = layers.AveragePooling2D(5, strides=3, name=f"{name}_pool")(x)
    x = make.unit(x, 128, 1, f"{name}_conv")
    x = make.dense(layers.Flatten(name=f"{name}_flatten")(x), 1024, f"{name}_fc")
    return make.logits(make.dropout(x, 0.7, f"{name}_dropout"), classes, f"{name}_logits")


def pooled(x, name):
    return layers.MaxPooling2D(3, strides=2, padding="same", name=name)(x)
