"""The building blocks of the classification networks."""

from typing import Literal

import keras
import numpy as np
from keras import layers

from pipeline.errors import UserError
from pipeline.networks.common import blocks
from pipeline.networks.common.layers import MOMENTUM, BatchNormalization, GroupedConvolution
from pipeline.networks.common.settings import NetworkSettings
from pipeline.params.fields import Positive

Stem = Literal["auto", "imagenet", "small"]
SMALL = 96  # pixels; of a smaller image, the stem for ImageNet's 224 and four stages would leave less than 3 × 3 cells
SMALLEST = {"small": 8, "imagenet": 32}  # pixels: three and five halvings leave one


class StemSettings(NetworkSettings):
    """Settings of a network that starts with one of two stems."""

    stem: Stem = "auto"
    batch_scale: Positive = 4.0  # batch normalisation needs more than four images


def image_input(name, size, channels, mean, variance, smallest):
    """Start the network `name`: images in [0, 1] of one `size`, standardised with the training set's statistics.

    Raises a UserError if a side has fewer pixels than `smallest`.
    """
    check_size(name, size, smallest)
    return blocks.image_input(channels, mean, variance, tuple(size))


def begin(name, size, channels, mean, variance, seed, stem, smallest=SMALLEST, normalization="batch"):
    """Start the network `name`, which has two stems: return inputs and images of `image_input`, `SeededLayers`, and the stem.

    A `stem` "auto" is "small" if a side has fewer than 96 pixels.
    """
    if stem == "auto":
        stem = "small" if min(size) < SMALL else "imagenet"
    return *image_input(name, size, channels, mean, variance, smallest[stem]), SeededLayers(seed, normalization), stem


def check_size(name, size, smallest):
    if min(size) < smallest:
        raise UserError(f"{name}: needs patches.resize of at least [{smallest}, {smallest}], received {list(size)}")


def stream(seed, name):
    """Derive a seed for a layer, unlike that of any layer under another seed, so that repeats share no weights."""
    return int(np.random.SeedSequence([seed, *name.encode()]).generate_state(1)[0] >> 1)


class SeededLayers:
    """Layers that draw their first weights from the seed and their own name.

    Kernels are He-normal, which keeps the variance through ReLU (He et al. 2015, arXiv 1502.01852). The `normalization` of
    convolutions is "batch" or "none".
    """

    def __init__(self, seed, normalization="batch"):
        self.seed, self.batch = seed, normalization == "batch"

    def convolution(self, x, filters, kernel, name, strides=1, groups=1, bias=False, padding="same"):
        initializer = keras.initializers.HeNormal(seed=stream(self.seed, name))
        how = {"strides": strides, "padding": padding, "groups": groups, "use_bias": bias}
        layer = layers.Conv2D if groups == 1 else GroupedConvolution
        return layer(filters, kernel, kernel_initializer=initializer, name=name, **how)(x)

    def normalised(self, x, filters, kernel, name, **how):
        """Convolve and normalise."""
        x = self.convolution(x, filters, kernel, name, bias=not self.batch, **how)
        return BatchNormalization(momentum=MOMENTUM, name=f"{name}_norm")(x) if self.batch else x

    def unit(self, x, filters, kernel, name, **how):
        """Convolve, normalise, apply ReLU."""
        return layers.ReLU(name=f"{name}_relu")(self.normalised(x, filters, kernel, name, **how))

    def activation(self, x, name):
        """Normalise, and apply ReLU."""
        x = BatchNormalization(momentum=MOMENTUM, name=f"{name}_norm")(x)
        return layers.ReLU(name=f"{name}_relu")(x)

    def dense(self, x, units, name, activation="relu"):
        initializer = keras.initializers.HeNormal(seed=stream(self.seed, name))
        return layers.Dense(units, activation, kernel_initializer=initializer, name=name)(x)

    def dropout(self, x, rate, name):
        return layers.Dropout(rate, seed=stream(self.seed, name), name=name)(x) if rate else x

    def logits(self, x, classes, name="logits"):
        """End a network: a dense layer in float32, with no activation."""
        initializer = keras.initializers.GlorotUniform(seed=stream(self.seed, name))
        return layers.Dense(classes, kernel_initializer=initializer, dtype="float32", name=name)(x)

    def head(self, x, classes):
        """End a network: the mean of each feature over the image, then a dense layer."""
        return self.logits(layers.GlobalAveragePooling2D(name="mean")(x), classes)
