"""How many windows at a time fit into memory."""

import keras
import psutil

# That a window needs for each pixel and filter of the first level: peak memory with 4 windows of 1024 × 1024 less that with 2,
# of the default networks on TensorFlow and a CPU: 24 and 26 (U-Net, Attention Residual U-Net).
BYTES = 30
SHARE = 0.5  # of what is free; the rest is for the image, its results, and whoever else computes


def windows_that_fit(network, tile, most):
    """Choose a batch size for prediction.

    Parameters
    ----------
    network : keras.Model
        Of images of any size.
    tile : tuple of int
        Rows and columns of a window.
    most : int
        Windows at a time, if they fit.

    Returns
    -------
    int
        From 1 to `most`. With TensorFlow in float32, 1 takes the memory of 2 (`pipeline.inference.model`).
    """
    filters = next(layer.filters for layer in network.layers if isinstance(layer, keras.layers.Conv2D))
    return max(1, min(most, int(SHARE * free_memory() / (BYTES * filters * tile[0] * tile[1]))))


def free_memory():
    """Bytes that are free on the device that computes."""
    if keras.backend.backend() == "jax":
        import jax

        stats = jax.devices()[0].memory_stats()  # None on a CPU
        if stats:
            return stats["bytes_limit"] - stats["bytes_in_use"]
    return psutil.virtual_memory().available
