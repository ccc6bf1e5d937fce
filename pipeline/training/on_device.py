"""Patches that stay in the memory of the device that computes, where each batch is taken, scaled and turned. JAX alone."""

import keras
import numpy as np

from pipeline.images.io import scaled
from pipeline.images.symmetry import symmetries

PART = 8  # of its memory, in which the patches of a split must fit: network, activations and the other split need the rest
UNKNOWN = 2**33  # bytes of memory, where JAX does not say, which is on a CPU: of a split, a gigabyte at most is copied


class OnDevice(keras.utils.PyDataset):
    """The same batches as those given, but made on the device: the host sends the numbers of the patches alone.

    Parameters
    ----------
    batches : pipeline.training.batches.Batches
    """

    def __init__(self, batches):
        super().__init__()
        import jax

        self.batches = batches
        self.patches = jax.device_put((np.asarray(batches.packed.images), np.asarray(batches.packed.targets)))
        self.take = jax.jit(_take)
        dtype = batches.packed.images.dtype
        self.levels = jax.device_put(scaled(np.arange(np.iinfo(dtype).max + 1, dtype=dtype)))

    def __len__(self):
        return len(self.batches)

    def __getitem__(self, index):
        return self.take(*self.patches, *self.batches.plan(index), self.levels)


def fits(packed):
    """Whether the patches of a split are few enough to stay on the device."""
    import jax

    memory = (jax.local_devices()[0].memory_stats() or {}).get("bytes_limit", UNKNOWN)
    return packed.images.nbytes + packed.targets.nbytes <= memory / PART


def _take(images, targets, rows, symmetry, levels):
    """As `Batches.__getitem__`, in JAX's operations; compiled once for each size of a batch.

    `levels` are all grey levels in [0, 1]: for a division, XLA multiplies with the inverse, and the last bit would be another.
    """
    import jax

    images, targets = images[rows], targets[rows]
    masks = [targets] if targets.ndim == 3 else []
    changes = [
        lambda arrays, change=change: [change.apply(array) for array in arrays] for change in symmetries(*images.shape[1:3])
    ]
    images, *masks = jax.lax.switch(symmetry, changes, [images, *masks])
    return levels[images], masks[0][..., None].astype(np.float32) if masks else targets
