"""VGG16: thirteen 3 × 3 convolutions and three dense layers, as Keras ships it."""

from pathlib import Path
from typing import Annotated, Literal

import keras
import numpy as np
from keras import layers
from pydantic import Field

from pipeline.errors import UserError
from pipeline.networks.common.layers import MOMENTUM, BatchNormalization
from pipeline.networks.common.settings import NetworkSettings
from pipeline.params.fields import Count, Fraction

TITLE = "VGG16"
CITATION = "Simonyan, Zisserman: Very deep convolutional networks, ICLR 2015, arXiv 1409.1556"
TASK = "classification"
SMALLEST = 32  # pixels: five poolings leave one

# Mean red, green and blue of ImageNet in 0-255 units: what the published weights expect subtracted.
IMAGENET_MEAN = (123.68, 116.779, 103.939)


class Settings(NetworkSettings):
    weights: str | None = None
    dense: Count = 4096
    dropout: Fraction = 0.5
    normalization: Literal["batch", "none"] = "none"
    frozen_blocks: Annotated[int, Field(ge=0, le=5)] = 0


def build(
    *,
    size,
    channels,
    classes,
    weights=None,
    dense=4096,
    dropout=0.5,
    normalization="none",
    frozen_blocks=0,
    mean=0.0,
    variance=1.0,
    seed=0,
):
    """Build VGG16: (N, *size, channels), float32 in [0, 1] → logits (N, classes), float32.

    It has the 13 convolutions of the Keras application and the 3 dense layers of the paper: at 224 × 224 × 3 with 1000 classes
    the published 138,357,544 weights. Raises a UserError if the images are smaller than 32 × 32, or pretrained weights meet grey
    images or cannot be loaded.

    Parameters
    ----------
    weights : None, "imagenet" or path-like
        None: He-normal kernels; with Keras's default (Glorot) the signal halves at each of 13 layers, and the network
        stays at chance. "imagenet" is downloaded by Keras; a path names a ``.weights.h5`` file of the application
        without its top. Either needs three channels. A path that ends in ``.keras`` names a VGG16 that this pipeline
        trained, on other images, with as many channels and the same normalization: its convolutions are taken over.
    dense, dropout : int, float
        Units of the first two dense layers, and the rate after each of them.
    normalization : {"none", "batch"}
        "batch": batch normalisation between each convolution and its ReLU, which the paper is older than. With it the
        network learns from random weights where it would stay at chance.
    frozen_blocks : int
        How many of the five convolution blocks are not trained.
    mean, variance : float or sequence of float
        Of the training images in [0, 1] units; used with random weights and with those of this pipeline. Those of
        ImageNet bring their own.
    seed : int
        Draws the random kernels.
    """
    if min(size) < SMALLEST:
        raise UserError(f"vgg16: needs patches.resize of at least [{SMALLEST}, {SMALLEST}], received {list(size)}")
    inputs = keras.Input((*size, channels), name="image")
    if weights is not None and not _is_own(weights):
        if channels != 3:
            raise UserError(
                f"vgg16.weights: pretrained weights expect RGB images, received {channels} channel(s); set it to null"
            )
        mean, variance = [m / 255 for m in IMAGENET_MEAN], [1 / 255**2] * 3
    x = layers.Normalization(mean=mean, variance=variance, dtype="float32", name="standardise")(inputs)
    for layer in _convolutions((*size, channels), weights, seed):
        normalise = normalization == "batch" and isinstance(layer, layers.Conv2D)
        layer.trainable = int(layer.name.removeprefix("block")[0]) > frozen_blocks
        if normalise:
            layer.activation = keras.activations.linear  # the ReLU comes behind the normalisation
        x = layer(x)
        if normalise:
            x = BatchNormalization(momentum=MOMENTUM, trainable=layer.trainable, name=f"{layer.name}_norm")(x)
            x = layers.ReLU(name=f"{layer.name}_relu")(x)
    x = layers.Flatten(name="flatten")(x)
    for number in (1, 2):
        initializer = keras.initializers.HeNormal(seed=_stream(seed, f"fc{number}"))
        x = layers.Dense(dense, activation="relu", kernel_initializer=initializer, name=f"fc{number}")(x)
        x = layers.Dropout(dropout, seed=_stream(seed, f"dropout{number}"), name=f"dropout{number}")(x)
    network = keras.Model(inputs, layers.Dense(classes, dtype="float32", name="logits")(x), name="vgg16")
    if _is_own(weights):
        _take_over(network, weights)
    return network


def _stream(seed, name):
    """A seed of its own for each layer, unlike that of any layer under another seed: repeats share no weights."""
    return int(np.random.SeedSequence([seed, *name.encode()]).generate_state(1)[0] >> 1)


def _is_own(weights):
    return weights is not None and Path(weights).suffix == ".keras"


def _take_over(network, weights):
    """Give a network the convolutions, and what normalises them, of one that this pipeline trained."""
    try:
        trained = keras.saving.load_model(weights, compile=False, safe_mode=True)
        taken, given = (
            {layer.name: layer for layer in n.layers if layer.name.startswith("block") and layer.weights}
            for n in (network, trained)
        )
        if taken.keys() != given.keys():
            raise ValueError("another network, or another vgg16.normalization")
        for name, layer in taken.items():
            layer.set_weights(given[name].get_weights())
    except Exception as error:  # Keras lets through whatever zipfile, h5py or its own checks raise
        raise _unusable(weights, error) from error


def _unusable(weights, error):
    reason = (str(error) or type(error).__name__).splitlines()[0]
    if weights != "imagenet" and not Path(weights).exists():
        reason = "no such file"
    return UserError(
        f"vgg16.weights: expected null, imagenet, a weights file or a VGG16 of this pipeline, received {weights}: {reason}"
    )


def _convolutions(shape, weights, seed):
    """The convolutions and poolings of the Keras application, in their order."""
    try:
        base = keras.applications.VGG16(include_top=False, weights=None if _is_own(weights) else weights, input_shape=shape)
    except Exception as error:  # as above, and what urllib raises
        raise _unusable(weights, error) from error
    if weights is None:
        for layer in (layer for layer in base.layers if hasattr(layer, "kernel")):
            layer.kernel.assign(keras.initializers.HeNormal(seed=_stream(seed, layer.name))(layer.kernel.shape))
    elif not _is_own(weights):
        # The published weights expect blue, green, red: turn the first kernel round once instead of every image.
        first = base.get_layer("block1_conv1")
        first.kernel.assign(first.kernel[:, :, ::-1, :])
    return base.layers[1:]
