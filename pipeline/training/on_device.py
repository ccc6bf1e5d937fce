"""Keep patches in the memory of the device that computes, and make each batch there. For JAX only."""

import keras
import numpy as np

from pipeline.images.sections import upside_down
from pipeline.images.symmetry import symmetries
from pipeline.patches.packed import unpacked

PART = 8  # a split may fill 1/8 of the device's memory: network, activations and the other split need the rest
UNKNOWN = 2**33  # bytes of memory to assume where JAX does not say, as on a CPU; then up to a gigabyte of a split is copied


class OnDevice(keras.utils.PyDataset):
    """The same batches, made on the device: the host only sends the numbers of the patches."""

    def __init__(self, batches):
        super().__init__()
        import jax

        self.batches = batches
        self.patches = jax.device_put((np.asarray(batches.packed.images), np.asarray(batches.packed.targets)))
        self.take = jax.jit(_take, static_argnames="sections")
        dtype = batches.packed.images.dtype
        # All grey levels in [0, 1]. XLA replaces a division by a product with the inverse, which may change the last bit.
        self.levels = jax.device_put(unpacked(np.arange(np.iinfo(dtype).max + 1, dtype=dtype)))

    def __len__(self):
        return len(self.batches)

    def __getitem__(self, index):
        return self.take(*self.patches, *self.batches.plan(index), self.levels, sections=self.batches.sections)


def fits(packed):
    """Whether the patches of a split are few enough to stay on the device."""
    import jax

    memory = (jax.local_devices()[0].memory_stats() or {}).get("bytes_limit", UNKNOWN)
    return packed.images.nbytes + packed.targets.nbytes <= memory / PART


def _take(images, targets, chosen, symmetry, turned, levels, sections):
    """As `Batches.__getitem__`, in JAX; compiled once for each batch size."""
    import jax

    images, targets = images[chosen], targets[chosen]
    changes = [change.apply for change in symmetries(*images.shape[1:3])]
    images = jax.numpy.where(turned, upside_down(images, sections), images)
    images = jax.lax.switch(symmetry, changes, images)
    if targets.ndim == 3:
        targets = jax.lax.switch(symmetry, changes, targets)[..., None].astype(np.float32)
    return levels[images], targets
