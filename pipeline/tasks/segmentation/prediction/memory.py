"""How many windows of an image are predicted together: as many as fit into memory."""

import psutil

# Bytes that a window needs per pixel and channel of the widest features: peak memory with 4 windows of 1024 × 1024 less that
# with 2, of the default networks with TensorFlow on a CPU, is 12 and 13.
WINDOW_BYTES = 15
FREE_SHARE = 0.5  # of the free memory, for windows; the rest is for the image, its results, and other programs


def fit_to_memory(model, settings):
    """Reduce the batch size, to no less than 1, to the windows that fit into memory."""
    from pipeline.inference.features import widest

    fitting = int(FREE_SHARE * free_memory() / (WINDOW_BYTES * widest(model.network) * settings.tile[0] * settings.tile[1]))
    return settings.model_copy(update={"batch_size": max(1, min(settings.batch_size, fitting))})


def free_memory():
    """Free bytes on the device that computes."""
    import keras

    if keras.backend.backend() == "jax":
        import jax

        stats = jax.devices()[0].memory_stats()  # None on a CPU
        if stats:
            return stats["bytes_limit"] - stats["bytes_in_use"]
    return psutil.virtual_memory().available
