"""The network as it is exported: in float32, ending in probabilities, for images of any size."""

import keras
import numpy as np


def portable(network, kind):
    """Rebuild a network for export, with the same weights.

    Whatever the precision of training, it computes in float32: its weights always were.

    Parameters
    ----------
    network : keras.Model
        Returns logits.
    kind : {"segmentation", "classification"}

    Returns
    -------
    keras.Model
        Input ``image``, (N, H, W, C) float32 in [0, 1]; output ``probability``, float32: sigmoid (N, H, W, 1) for
        segmentation, softmax (N, K) for classification.
    """
    copy = keras.models.clone_model(network, clone_function=_portable_layer)
    for layer in copy.layers:
        if layer.weights:
            layer.set_weights(network.get_layer(layer.name).get_weights())
    activation = "sigmoid" if kind == "segmentation" else "softmax"
    outputs = keras.layers.Activation(activation, dtype="float32", name="probability")(copy.output)
    copy = keras.Model(copy.input, outputs, name=network.name)
    copy(np.zeros((1, *(side or 32 for side in copy.input_shape[1:])), np.float32))  # Keras exports what has been called
    return copy


def _portable_layer(layer):
    settings = layer.get_config() | {"dtype": "float32"}
    if type(layer) is keras.layers.Normalization:
        # Its statistics are constants outside of the graph, which would become further inputs of an ONNX network.
        deviation = np.maximum(np.sqrt(np.ravel(layer.variance).astype(np.float64)), keras.backend.epsilon())
        offset = -np.ravel(layer.mean).astype(np.float64) / deviation
        return keras.layers.Rescaling((1 / deviation).tolist(), offset.tolist(), dtype="float32", name=layer.name)
    return type(layer).from_config(settings)
