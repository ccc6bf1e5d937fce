"""Batches for training: what epoch e, batch i holds depends on the seed, e and i alone."""

import math

import keras
import numpy as np

from pipeline.images.io import scaled
from pipeline.images.symmetry import draw_symmetry, symmetries
from pipeline.training.hosts import ALONE
from pipeline.training.on_device import OnDevice, fits


class Batches(keras.utils.PyDataset):
    """Packed patches as batches.

    Parameters
    ----------
    packed : pipeline.patches.packed.Packed
    batch_size : int
    seed : int
    shuffle : bool
        Another order each epoch; the last, smaller batch is kept.
    flips : bool
        Flip and turn each batch at random.
    team : pipeline.training.hosts.Team, optional
        Of which this process reads its part of each batch.

    Attributes
    ----------
    epoch : int
        Counted from 0. Whoever trains sets it before each epoch.
    """

    def __init__(self, packed, batch_size, seed=0, shuffle=False, flips=False, team=ALONE):
        super().__init__()
        self.packed = packed
        self.batch_size = batch_size
        self.seed = seed
        self.shuffle = shuffle
        self.flips = flips
        self.team = team
        self.epoch = 0
        self._drawn = None, None  # epoch, and the order of its patches

    def __len__(self):
        return math.ceil(len(self.packed.images) / self.batch_size)

    def __getitem__(self, index):
        rows, number = self.plan(index)
        images, targets = self.packed.images[rows], np.asarray(self.packed.targets[rows])
        symmetry = symmetries(*images.shape[1:3])[number]
        images = np.ascontiguousarray(symmetry.apply(images))  # turned as bytes: a quarter of the memory to go through
        if targets.ndim == 3:
            targets = np.ascontiguousarray(symmetry.apply(targets))[..., None].astype(np.float32)
        return scaled(images), targets

    def plan(self, index):
        """Say what a batch is made of.

        Returns
        -------
        rows : ndarray of int
            Patches that this process reads, in ascending order: within a batch it means nothing, and the disk is read forwards.
        symmetry : int
            By which all are flipped and turned: its number among the `symmetries` of their shape; 0 changes nothing.
        """
        rows = self.team.share(np.sort(self._order(self.epoch)[index * self.batch_size : (index + 1) * self.batch_size]))
        if not self.flips:
            return rows, 0
        return rows, draw_symmetry(*self.packed.images.shape[1:3], np.random.default_rng([self.seed, 2, self.epoch, index]))

    def _order(self, epoch):
        if self._drawn[0] != epoch:  # once an epoch: of a million patches it takes as long as a step
            count = len(self.packed.images)
            order = np.random.default_rng([self.seed, 1, epoch]).permutation(count) if self.shuffle else np.arange(count)
            self._drawn = epoch, order
        return self._drawn[1]


def readable(batches):
    """What ``keras.Model.fit`` reads batches from best.

    On TensorFlow a stream; on JAX the memory of the device, if the patches fit in and no other process has a part of them;
    else the batches themselves.
    """
    if keras.backend.backend() == "tensorflow":
        from pipeline.networks.common.tensorflow_door import stream

        return stream(batches)
    if keras.backend.backend() == "jax" and batches.team.processes == 1 and fits(batches.packed):
        return OnDevice(batches)
    return batches


def statistics(images, most=512):
    """Mean and variance of each channel over training patches, in [0, 1] units.

    Parameters
    ----------
    images : ndarray, shape (N, H, W, C), uint8 or uint16
    most : int
        Patches that are looked at, evenly spread; more would not change the third digit.

    Returns
    -------
    mean, variance : list of float, of length C
    """
    pixels, sums, squares = 0, 0, 0  # integers of any size: exact, in whatever order they are added
    for image in images[:: math.ceil(len(images) / most)]:  # one by one: 512 at a time are gigabytes
        values = image.reshape(-1, image.shape[-1]).astype(np.uint64)
        pixels += len(values)
        sums, squares = sums + values.sum(axis=0).astype(object), squares + (values**2).sum(axis=0).astype(object)
    brightest = int(np.iinfo(images.dtype).max)
    mean = [int(s) / (pixels * brightest) for s in sums]
    variance = [int(pixels * q - s * s) / (pixels * brightest) ** 2 for s, q in zip(sums, squares, strict=True)]
    return mean, [max(v, 1e-6) for v in variance]  # 1e-6: a constant image is no division by zero
