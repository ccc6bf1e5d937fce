"""Build a network: what a test does not give has its default in the network's settings, or the one below."""

import importlib
from functools import partial

import keras
import numpy as np

from pipeline.networks import arguments

FACTS = {"classes": 2, "mean": 0.0, "variance": 1.0, "seed": 0, "pretrained": None}


def build(module, **given):
    """Build the network of a module from facts about the images and settings."""
    return module.build(**arguments(module.build, FACTS | module.Settings().model_dump()) | given)


def builder(name):
    """`build` for the network of this name."""
    return partial(build, importlib.import_module(f"pipeline.networks.{name}"))


def pointwise(kernel, bias):
    """A network of one 1 × 1 convolution: `kernel` (channels, outputs) and `bias` (outputs) say what each pixel gives."""
    inputs = keras.Input((None, None, len(kernel)), name="image")
    layer = keras.layers.Conv2D(len(bias), 1, name="logits")
    network = keras.Model(inputs, layer(inputs), name="unet")
    layer.set_weights([np.array([[kernel]]), np.array(bias)])
    return network


def bright():
    """A network that calls a pixel foreground if its value is 0.5 or more: probability sigmoid(20 (x - 0.5))."""
    return pointwise([[20.0]], [-10.0])
