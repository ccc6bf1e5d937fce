"""What a network costs to run."""

import math

import keras


def gigaflops(network, size):
    """Count the operations of one prediction, in 10^9: two, a product and a sum, for each weight that meets a position.

    Convolutions, transposed convolutions and dense layers count, as in the tables of papers (which often count the two as
    one). Normalisation, activation, pooling and interpolation are left out: they are about a hundredth.

    Parameters
    ----------
    network : keras.Model
        Functional.
    size : tuple of int
        Rows and columns of the image, also where the network takes any.
    """
    layers = [layer for layer in network.layers if hasattr(layer, "kernel")]
    if not layers:
        return 0.0
    image = keras.KerasTensor((1, *size, network.input_shape[-1]))
    # The shapes inside for this size: those in the layers themselves are None where any size is taken.
    found = keras.Model(network.input, [(layer.input, layer.output) for layer in layers]).compute_output_spec(image)
    products = sum(_products(layer, *shapes) for layer, shapes in zip(layers, found, strict=True))
    return 2 * products / 1e9


def _products(layer, given, gave):
    """Multiply the weights of a layer by the positions at which each is used."""
    spread = isinstance(layer, keras.layers.Conv2DTranspose)  # each of its inputs meets each of its weights
    positions = (given if spread else gave).shape[1:-1]
    return math.prod(layer.kernel.shape) * math.prod(positions)
