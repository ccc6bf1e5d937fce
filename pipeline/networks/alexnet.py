"""AlexNet: five convolutions and three dense layers, in its one-column form."""

from typing import Literal

import keras
from keras import layers

from pipeline.networks.common.classifier import StemSettings, begin
from pipeline.params.fields import Count, Fraction, Positive

TITLE = "AlexNet"
CITATION = "Krizhevsky, Sutskever, Hinton: ImageNet classification with deep networks, NIPS 2012, doi 10.1145/3065386; "
CITATION += "Krizhevsky: One weird trick, 2014, arXiv 1404.5997"
TASK = "classification"
SMALLEST = {"small": 15, "imagenet": 57}  # pixels: what three poolings of 3 × 3 reduce to one, behind a stride of 1 or 4


class Settings(StemSettings):
    dense: Count = 1024
    dropout: Fraction = 0.5
    normalization: Literal["batch", "none"] = "batch"
    lr_scale: Positive = 0.5


def build(*, size, channels, classes, dense, dropout, normalization, stem, mean, variance, seed):
    """Build AlexNet: (N, *size, channels), float32 in [0, 1] → logits (N, classes), float32.

    The one-column form of 2014, with 64, 192, 384, 256 and 256 filters: the network of 2012 was cut in two to fit two GPUs. With
    4096 dense units and no normalisation it has 61,100,840 weights at 224 × 224 × 3 and 1000 classes. Raises a UserError if the
    images are smaller than 57 × 57, or 15 × 15 with the small stem. The other parameters are those of
    `pipeline.networks.resnet.build`.

    Parameters
    ----------
    dense, dropout : int, float
        Units of the two dense layers, as published 4096, and the rate before each of them.
    normalization : {"batch", "none"}
        "batch": batch normalisation before each ReLU of a convolution; the paper's local response normalisation is left out.
    stem : {"auto", "imagenet", "small"}
        "imagenet": an 11 × 11 convolution of stride 4. "small": a 3 × 3 one of stride 1.
    """
    inputs, x, make, stem = begin("alexnet", size, channels, mean, variance, seed, stem, SMALLEST, normalization)
    kernel, strides = (3, 1) if stem == "small" else (11, 4)
    x = make.unit(x, 64, kernel, "conv1", strides=strides)
    x = layers.MaxPooling2D(3, strides=2, name="pool1")(x)
    x = make.unit(x, 192, 5, "conv2")
    x = layers.MaxPooling2D(3, strides=2, name="pool2")(x)
    for number, filters in ((3, 384), (4, 256), (5, 256)):
        x = make.unit(x, filters, 3, f"conv{number}")
    x = layers.MaxPooling2D(3, strides=2, name="pool5")(x)
    x = layers.Flatten(name="flatten")(x)
    for number in (6, 7):
        x = make.dropout(x, dropout, f"dropout{number}")
        x = make.dense(x, dense, f"fc{number}")
    return keras.Model(inputs, make.logits(x, classes), name="alexnet")
