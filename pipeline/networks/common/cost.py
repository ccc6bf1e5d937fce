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
    products = []

    def call(layer, *inputs, **options):
        outputs = layer(*inputs, **options)
        if hasattr(layer, "kernel"):
            products.append(_products(layer, inputs[0], outputs))
        return outputs

    # A copy: the layers themselves know no shapes where any size is taken, and another call would become part of their graph.
    image = keras.Input(batch_shape=(1, *size, network.input_shape[-1]))
    plain = keras.Model(network.input, network.output)  # a compiled one would copy its optimizer, too
    keras.models.clone_model(plain, input_tensors=image, call_function=call)
    return 2 * sum(products) / 1e9


def _products(layer, given, gave):
    """Multiply the weights of a layer by the positions at which each is used."""
    spread = isinstance(layer, keras.layers.Conv2DTranspose)  # each of its inputs meets each of its weights
    positions = (given if spread else gave).shape[:-1]  # also of sections, which stand in the place of images
    return math.prod(layer.kernel.shape) * math.prod(positions)
