"""Fold batch normalisation into the convolution before it: fewer passes over an image, the same result."""

from collections import Counter

import keras
import numpy as np


def folded(network):
    """Copy a functional model without the batch normalisations that follow a convolution.

    In inference y = γ (conv(x) - μ) / √(σ² + ε) + β is a convolution too, with other weights. The copy has the same layers by
    the same names; a folded normalisation passes on what it receives. Returns the network itself if there is nothing to fold.
    """
    nodes = [node for depth in network._nodes_by_depth.values() for node in depth]
    readers = Counter(parent.operation.name for node in nodes for parent in node.parent_nodes)
    normalised = {}  # name of the convolution: the normalisation behind it
    for layer in network.layers:
        if isinstance(layer, keras.layers.BatchNormalization):
            before = layer.input._keras_history.operation
            linear = type(before) is keras.layers.Conv2D and before.activation is keras.activations.linear
            if linear and readers[before.name] == 1:  # a shortcut beside it needs the convolution as it is
                normalised[before.name] = layer
    if not normalised:
        return network
    gone = {layer.name for layer in normalised.values()}

    def clone(layer):
        if layer.name in gone:
            return _Pass(name=layer.name, dtype=layer.dtype_policy)  # another dtype would convert each image twice
        return type(layer).from_config(layer.get_config() | ({"use_bias": True} if layer.name in normalised else {}))

    copy = keras.models.clone_model(network, clone_function=clone)
    for layer in network.layers:
        if layer.name in normalised:
            copy.get_layer(layer.name).set_weights(_folded_weights(layer, normalised[layer.name]))
        elif layer.name not in gone:
            copy.get_layer(layer.name).set_weights(layer.get_weights())
    return copy


def _folded_weights(convolution, n):
    """Kernel and bias of a convolution with the normalisation `n` behind it."""
    gamma, beta, mean, variance = (np.asarray(v, np.float64) for v in (n.gamma, n.beta, n.moving_mean, n.moving_variance))
    scale = gamma / np.sqrt(variance + n.epsilon)
    kernel = np.asarray(convolution.kernel, np.float64)
    bias = np.asarray(convolution.bias, np.float64) if convolution.use_bias else 0.0
    return [(kernel * scale).astype(np.float32), ((bias - mean) * scale + beta).astype(np.float32)]


class _Pass(keras.layers.Layer):
    """Returns its input, in the place of a folded batch normalisation, whose arguments `keras.layers.Identity` refuses."""

    def call(self, inputs, training=None, mask=None):
        return inputs

    def compute_output_shape(self, input_shape):
        return input_shape
