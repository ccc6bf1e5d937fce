"""The feature maps of a network, and how coarse they are."""

import keras


def feature_maps(network, size):
    """List the operations whose ``output`` is (N, H, W, C), and that shape for an image of `size`, in network order."""
    operations = [operation for operation in network.operations if len(getattr(operation.output, "shape", ())) == 4]
    features = keras.Model(network.input, [operation.output for operation in operations])
    shapes = features.compute_output_shape((1, *size, network.input.shape[-1]))
    return list(zip(operations, shapes, strict=True))


def widest(network):
    """The largest number of channels of any features at full resolution, counting those of all sections."""
    side = 1024
    return max(shape[0] * shape[-1] for _, shape in feature_maps(network, (side, side)) if shape[1] >= side)


def coarsest_cell(network):
    """The side of a cell of the coarsest features in pixels, such as 16 after four poolings."""
    side = 1024  # divisible by every cell in use
    # By how much the features grow with the image: unpadded convolutions add or take some rows at either size, and features of
    # one cell, which describe the image as a whole, do not grow.
    sizes = [[shape[1] for _, shape in feature_maps(network, (n * side, n * side))] for n in (1, 2)]
    return side // min(twice - once for once, twice in zip(*sizes, strict=True) if twice > once)
