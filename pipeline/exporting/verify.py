"""Compare an exported network with Keras, on the spot."""

import numpy as np

SIZES = ((173, 95), (128, 160))  # rows, columns: an odd one and an even one, for networks that take any


def samples(network):
    """Images to compare on: two of uniform noise, and one that shows something.

    Parameters
    ----------
    network : keras.Model

    Returns
    -------
    list of ndarray, shape (N, H, W, C), float32 in [0, 1]
        Batches of 2 and of 1; of the sizes `SIZES`, or twice of the one size that the network takes.
    """
    *fixed, channels = network.input_shape[1:]
    sizes = SIZES if None in fixed else (fixed, fixed)
    noise = np.random.default_rng(0).random((2, *sizes[0], channels), np.float32)
    return [noise, _discs(sizes[1], channels)[None]]


def difference(run, network):
    """The largest absolute difference between the probabilities of an exported network and those of Keras.

    Parameters
    ----------
    run : callable
        Images (N, H, W, C) → probabilities, the exported network.
    network : keras.Model
        That which was exported.

    Returns
    -------
    float
        Infinite if the shapes differ, not a number if a probability is not.
    """
    found = []
    for images in samples(network):
        expected, received = np.asarray(network(images, training=False)), np.asarray(run(images))
        found.append(np.abs(expected - received).max() if expected.shape == received.shape else np.inf)
    return float(np.max(found))


def _discs(size, channels):
    """An image (H, W, C) of dark discs on a gradient, in other shades in each channel."""
    row, column = np.indices(size) / max(size)
    discs = np.hypot(row % 0.25 - 0.125, column % 0.25 - 0.125) < 0.08
    image = [0.9 - 0.3 * row - (0.4 + 0.1 * channel) * discs for channel in range(channels)]
    return np.clip(np.stack(image, axis=-1), 0, 1).astype(np.float32)
