"""Start random weights from data: Krähenbühl et al. 2016 (arXiv 1511.06856), Mishkin and Matas 2016 (arXiv 1511.06422)."""

import keras
import numpy as np

LOGITS = 0.1  # standard deviation of the first logits: hardly an opinion, so that the first loss is that of guessing


def settle(network, images):
    """Scale and shift the layers one after another, so that each unit answers with mean 0 and deviation 1 to `images`.

    A deep network without normalisation else sees nearly the same in every image: each ReLU adds to the mean and takes
    from the differences, and thirteen of them leave little to learn from.

    Parameters
    ----------
    network : keras.Model
        A chain of layers, as VGG16 is.
    images : ndarray, shape (N, H, W, C), float32 in [0, 1]
        Some tens of training images.
    """
    x = images
    for layer in network.layers[1:]:
        if hasattr(layer, "kernel"):
            activation, layer.activation = layer.activation, keras.activations.linear
            answers = np.asarray(keras.ops.convert_to_numpy(layer(x)), np.float32)
            layer.activation = activation
            axes = tuple(range(answers.ndim - 1))
            mean, deviation = answers.mean(axes), answers.std(axes)
            scale = (LOGITS if layer.name == "logits" else 1.0) / np.maximum(deviation, 1e-6)  # 1e-6: a unit that is constant
            layer.kernel.assign(keras.ops.convert_to_numpy(layer.kernel) * scale)
            layer.bias.assign((keras.ops.convert_to_numpy(layer.bias) - mean) * scale)
        x = layer(x)
