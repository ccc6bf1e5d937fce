"""Start from the weights of another network."""

from contextlib import contextmanager
from pathlib import Path

import keras
import numpy as np
from keras import layers

from pipeline.errors import UserError, in_one_line

OWN = ".keras"  # suffix of a model of this pipeline


def standardised(inputs, file, mean, variance, published, name):
    """Scale images as the pretrained weights in a file expect them, and without a file by `mean` and `variance`.

    `published` is the mean and variance for published weights, and `name` that of the layer. Returns the tensor, and the model
    that the file holds if it is one of this pipeline, else None.
    """
    donor = _load_donor(file, inputs.shape[-1]) if file is not None and Path(file).suffix == OWN else None
    if file is not None:
        mean, variance = published if donor is None else _scaling_of(donor)
        inputs = _as_rgb(inputs) if len(mean) == 3 else inputs
    return layers.Normalization(mean=mean, variance=variance, dtype="float32", name=name)(inputs), donor


def begin_with(file, donor, network, part, load):
    """Load the pretrained weights in a file into the layers of a network for whose names ``part(name)`` is true.

    They come from the layers with the same names of a `donor`, or else ``load(network, file)`` reads published weights. Raises a
    UserError if the donor has other layers, or if the file cannot be read.
    """
    with _readable(file):
        if donor is None:
            load(network, file)
            return
        taken, given = ({layer.name: layer for layer in n.layers if layer.weights and part(layer.name)} for n in (network, donor))
        if taken.keys() != given.keys():
            raise ValueError("it is of another network, or has another normalization")
        for name, layer in taken.items():
            layer.set_weights(given[name].get_weights())


@contextmanager
def _readable(file):
    """Turn whatever goes wrong while a weights file is read into a `UserError` that names the file."""
    try:
        yield
    except UserError:
        raise
    except Exception as error:  # Keras lets through whatever zipfile, h5py or its own checks raise
        raise UserError(f"{file}: cannot be used as pretrained weights: {in_one_line(error)}") from error


def _load_donor(file, channels):
    """Load a model of this pipeline whose images have as many channels."""
    with _readable(file):
        donor = keras.saving.load_model(file, compile=False, safe_mode=True)
        if donor.input.shape[-1] != channels:
            raise ValueError(f"expected images of {channels} channel(s), received one of {donor.input.shape[-1]}")
    return donor


def _scaling_of(donor):
    """Mean and variance by which a model scales the images that its encoder, or else all of it, sees: two arrays (C,)."""
    scales = {layer.name: layer for layer in donor.layers if isinstance(layer, layers.Normalization)}
    scale = scales.get("scale") or scales["standardise"]
    return np.ravel(scale.mean), np.ravel(scale.variance)


def _as_rgb(image):
    """Repeat a grey image for weights that expect red, green and blue; refuse other numbers of channels than 1 and 3."""
    channels = image.shape[-1]
    if channels == 3:
        return image
    if channels != 1:
        raise UserError(f"pretrained weights expect RGB or grey images, received {channels} channels; set the weights to null")
    return layers.Concatenate(dtype="float32", name="rgb")([image] * 3)
