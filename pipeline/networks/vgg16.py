"""VGG16: thirteen 3 × 3 convolutions and three dense layers, as Keras ships it."""

from typing import Annotated, Literal

import keras
from keras import layers
from pydantic import Field

from pipeline.networks.common.classifier import SeededLayers, check_size, stream
from pipeline.networks.common.encoders import vgg16 as published
from pipeline.networks.common.layers import MOMENTUM, BatchNormalization
from pipeline.networks.common.pretrained import begin_with, standardised
from pipeline.networks.common.settings import NetworkSettings
from pipeline.params.fields import Count, Fraction

TITLE = "VGG16"
CITATION = "Simonyan, Zisserman: Very deep convolutional networks, ICLR 2015, arXiv 1409.1556"
TASK = "classification"
SMALLEST = 32  # pixels: five poolings leave one


class Settings(NetworkSettings):
    weights: str | None = None
    dense: Count = 4096
    dropout: Fraction = 0.5
    normalization: Literal["batch", "none"] = "none"
    frozen_blocks: Annotated[int, Field(ge=0, le=5)] = 0


def build(*, size, channels, classes, pretrained, dense, dropout, normalization, frozen_blocks, mean, variance, seed):
    """Build VGG16: (N, *size, channels), float32 in [0, 1] → logits (N, classes), float32.

    It has the 13 convolutions of the Keras application and the 3 dense layers of the paper: at 224 × 224 × 3 with 1000 classes
    the published 138,357,544 weights. Raises a UserError if the images are smaller than 32 × 32, or pretrained weights do
    not suit them or cannot be loaded.

    Parameters
    ----------
    pretrained : path-like, optional
        None: He-normal kernels; with Keras's default (Glorot) the signal halves at each of 13 layers, and the network
        stays at chance. A file of published weights (`pipeline.networks.common.encoders.vgg16.load`) is for RGB images; a grey
        image is repeated. A model of this pipeline (``.keras``) gives its convolutions, and the scale of images that they
        expect; it has as many channels and the same normalization. Either way the features are normalised before ``fc1``.
    dense, dropout : int, float
        Units of the first two dense layers, and the rate after each of them.
    normalization : {"none", "batch"}
        "batch": batch normalisation, which is more recent than the paper, between each convolution and its ReLU. With it, the
        network learns from random weights, where it would otherwise stay at chance.
    frozen_blocks : int
        How many of the five convolution blocks are not trained.
    mean, variance : float or sequence of float
        Of the training images in [0, 1] units; pretrained weights bring their own.
    seed : int
        Draws the random kernels.
    """
    check_size("vgg16", size, SMALLEST)
    inputs = keras.Input((*size, channels), name="image")
    x, donor = standardised(inputs, pretrained, mean, variance, published.SCALING, "standardise")
    for layer in _convolutions(x.shape[1:], seed):
        normalise = normalization == "batch" and isinstance(layer, layers.Conv2D)
        layer.trainable = int(layer.name.removeprefix("block")[0]) > frozen_blocks
        if normalise:
            layer.activation = keras.activations.linear  # the ReLU comes behind the normalisation
        x = layer(x)
        if normalise:
            x = BatchNormalization(momentum=MOMENTUM, trainable=layer.trainable, name=f"{layer.name}_norm")(x)
            x = layers.ReLU(name=f"{layer.name}_relu")(x)
    if pretrained is not None:
        begin_with(pretrained, donor, keras.Model(inputs, x), lambda name: name.startswith("block"), published.load)
        # The published features have a deviation of about 5. He-normal dense layers would turn them into logits of that size: a
        # first loss of 6, and steps that kill the ReLUs of fc1 and fc2 within an epoch. The network would stay at chance.
        x = BatchNormalization(momentum=MOMENTUM, name="features")(x)
    x, make = layers.Flatten(name="flatten")(x), SeededLayers(seed)
    for number in (1, 2):
        x = make.dropout(make.dense(x, dense, f"fc{number}"), dropout, f"dropout{number}")
    start = "glorot_uniform" if pretrained is None else "zeros"  # zeros: the first steps leave what is pretrained as it is
    logits = layers.Dense(classes, kernel_initializer=start, dtype="float32", name="logits")
    return keras.Model(inputs, logits(x), name="vgg16")


def _convolutions(shape, seed):
    """The convolutions and poolings of the Keras application, in their order, with He-normal kernels."""
    base = keras.applications.VGG16(include_top=False, weights=None, input_shape=tuple(shape))
    for layer in (layer for layer in base.layers if hasattr(layer, "kernel")):
        layer.kernel.assign(keras.initializers.HeNormal(seed=stream(seed, layer.name))(layer.kernel.shape))
    return base.layers[1:]
