"""Take over what another network has learned."""

from contextlib import contextmanager
from pathlib import Path

import keras
import numpy as np
from keras import layers

from pipeline.errors import UserError, in_one_line

OWN = ".keras"  # suffix of a model of this pipeline


def is_own(file):
    """Whether a weights file is a model of this pipeline, and not published weights; None is neither."""
    return file is not None and Path(file).suffix == OWN


@contextmanager
def readable(file):
    """Turn whatever goes wrong while a weights file is read into a `UserError` that names the file."""
    try:
        yield
    except UserError:
        raise
    except Exception as error:  # Keras lets through whatever zipfile, h5py or its own checks raise
        raise UserError(f"{file}: cannot be used as pretrained weights: {in_one_line(error)}") from error


def load_donor(file, channels):
    """Load a model of this pipeline whose images have as many channels."""
    with readable(file):
        donor = keras.saving.load_model(file, compile=False, safe_mode=True)
        if donor.input.shape[-1] != channels:
            raise ValueError(f"expected images of {channels} channel(s), received one of {donor.input.shape[-1]}")
    return donor


def scaling_of(donor):
    """Mean and variance by which a model scales the images that its encoder, or else all of it, sees: two arrays (C,)."""
    scales = {layer.name: layer for layer in donor.layers if isinstance(layer, layers.Normalization)}
    scale = scales.get("scale") or scales["standardise"]
    return np.ravel(scale.mean), np.ravel(scale.variance)


def take_over(network, donor, file, part):
    """Give those layers of a network that are `part` of its first half the weights of the donor's layers by the same names.

    `part` is a function of the name of a layer. Raises a UserError if the donor, read from `file`, has others there.
    """
    with readable(file):
        taken, given = ({layer.name: layer for layer in n.layers if layer.weights and part(layer.name)} for n in (network, donor))
        if taken.keys() != given.keys():
            raise ValueError("another network, or another normalization")
        for name, layer in taken.items():
            layer.set_weights(given[name].get_weights())


def as_rgb(image):
    """Repeat a grey image for weights that expect red, green and blue; refuse other numbers of channels than 1 and 3."""
    channels = image.shape[-1]
    if channels == 3:
        return image
    if channels != 1:
        raise UserError(f"pretrained weights expect RGB or grey images, received {channels} channels; set the weights to null")
    return layers.Concatenate(dtype="float32", name="rgb")([image] * 3)
