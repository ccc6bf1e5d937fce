"""What every contender does: a network, images of a size, in batches, in a precision."""

from dataclasses import dataclass

import numpy as np

CLASSES = 6
DENSE = 4096  # units of VGG16's fc1 and fc2
IMAGES = 64  # kept in memory; more would measure the disk


@dataclass(frozen=True)
class Task:
    """One measurement.

    Attributes
    ----------
    network : {"unet", "attn_resunet", "vgg16"}
    precision : {"float32", "bfloat16"}
    batch, side : int
        Images a batch; rows and columns of each.
    filters : int, optional
        Of the first level; the default of ``params.yaml`` if None.
    """

    network: str
    precision: str = "float32"
    batch: int = 8
    side: int = 256
    filters: int | None = None

    @property
    def classifies(self):
        return self.network == "vgg16"

    @property
    def channels(self):
        return 3 if self.classifies else 1

    def data(self):
        """Noise of the right shapes: time does not depend on what an image shows.

        Returns
        -------
        images : ndarray, shape (N, side, side, channels), uint8
        targets : ndarray, shape (N, side, side), bool, or (N,), int64
        """
        rng = np.random.default_rng(0)
        images = rng.integers(0, 256, (IMAGES, self.side, self.side, self.channels), np.uint8)
        return images, rng.integers(0, CLASSES, IMAGES) if self.classifies else images[..., 0] > 200

    def batch_of_floats(self):
        """The first batch of the images, as a network takes it: float32 in [0, 1]."""
        return self.data()[0][: self.batch].astype(np.float32) / 255
