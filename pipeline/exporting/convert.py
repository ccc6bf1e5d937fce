"""Convert a trained model to another format, and verify the result."""

import importlib

import keras
import numpy as np

from pipeline import paths
from pipeline.atomic import write_json
from pipeline.errors import UserError
from pipeline.images.intensity import change_of_range
from pipeline.images.sections import ranges_seen
from pipeline.startup import silent_stderr

LIMIT = 1e-4  # of a probability; adding float32 numbers in another order changes it by a hundredth of that
SIZES = ((173, 95), (128, 160))  # rows, columns to verify on: an odd and an even one, for networks that take any size


def convert(model, task, name, path):
    """Write a model in another format; return the largest absolute difference of its probabilities from those of Keras.

    `task` is the ``exporting`` module of the model's task. `name` is a module of this package, with ``write(network, model, task,
    path)`` and ``read(path)``, which returns a function from images (N, H, W, C) to probabilities. Raises `UserError` if the
    difference exceeds `LIMIT`.
    """
    with silent_stderr():  # TensorFlow, tf2onnx and the validators write to it
        writer = importlib.import_module(f"pipeline.exporting.{name}")
        network = portable(model, task.activation(model.card))
        writer.write(network, model, task, path)
        if path.is_dir():  # a format of one file has the card inside
            write_json(path / paths.CARD, model.card)
        found = difference(writer.read(path), network)
    if not found <= LIMIT:  # also if it is not a number
        raise UserError(f"{name}: probabilities differ from those of Keras by {found:.1e} (limit {LIMIT:g}); nothing was written")
    return found


def portable(model, activation):
    """Make the network to export of a model, or one of all members of an ensemble, each with its own intensity range.

    It computes in float32, whatever the precision of training. The input is ``image``, (N, H, W, C) float32 in [0, 1], the output
    ``probability``, float32, in the shape of the logits.
    """
    if len(model.members) == 1:
        return _in_float32(model.network, activation)
    image = keras.Input(model.network.input_shape[1:], name="image")
    probabilities = []
    for number, member in enumerate(model.members, start=1):
        network = _in_float32(member.network, activation)
        network.name = f"member_{number}"
        gain, offset = change_of_range(ranges_seen(model.card), ranges_seen(member.card))
        x = keras.layers.ReLU(max_value=1.0)(keras.layers.Rescaling(gain, offset)(image))
        probabilities.append(network(x))
    return _called(keras.Model(image, keras.layers.Average(name="probability")(probabilities), name=model.network.name))


def _in_float32(network, activation):
    copy = keras.models.clone_model(network, clone_function=_portable_layer)
    for layer in copy.layers:
        if layer.weights:
            layer.set_weights(network.get_layer(layer.name).get_weights())
    outputs = keras.layers.Activation(activation, dtype="float32", name="probability")(copy.output)
    return _called(keras.Model(copy.input, outputs, name=network.name))


def _called(network):
    """Keras exports only what was called."""
    network(np.zeros((1, *(side or 32 for side in network.input_shape[1:])), np.float32))
    return network


def difference(run, network):
    """Return the largest absolute difference of probabilities between an exported network, ``run(images)``, and Keras.

    The images are uniform noise and a gradient. Infinite if the shapes differ; NaN if a probability is.
    """
    *fixed, channels = network.input_shape[1:]
    first, second = SIZES if None in fixed else (fixed, fixed)
    noise = np.random.default_rng(0).random((2, *first, channels), np.float32)
    gradient = np.indices(second, np.float32).sum(axis=0)[None, ..., None].repeat(channels, axis=-1) / sum(second)
    found = []
    for images in (noise, gradient):
        expected, received = np.asarray(network(images, training=False)), np.asarray(run(images))
        found.append(np.abs(expected - received).max() if expected.shape == received.shape else np.inf)
    return float(np.max(found))


def _portable_layer(layer):
    if type(layer) is keras.layers.Normalization:
        # Its statistics are constants outside of the graph, which would become further inputs of an ONNX network.
        deviation = np.maximum(np.sqrt(np.ravel(layer.variance).astype(np.float64)), keras.backend.epsilon())
        offset = -np.ravel(layer.mean).astype(np.float64) / deviation
        return keras.layers.Rescaling((1 / deviation).tolist(), offset.tolist(), dtype="float32", name=layer.name)
    return type(layer).from_config(layer.get_config() | {"dtype": "float32"})
