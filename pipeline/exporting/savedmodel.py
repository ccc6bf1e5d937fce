"""SavedModel: TensorFlow's own folder, which runs without Keras and without this project."""

import keras
import numpy as np


def write(network, model, task, path):
    """Write a network with the endpoint ``serve`` (see `pipeline.exporting.onnx.write`); `path` becomes a folder."""
    network.export(str(path), format="tf_saved_model", verbose=False)


def read(path):
    layer = keras.layers.TFSMLayer(str(path), call_endpoint="serve")
    return lambda images: np.asarray(layer(images))
