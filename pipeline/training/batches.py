"""Batches for training. What batch i of epoch e holds depends on the seed, e and i alone."""

import math
from collections.abc import Callable
from dataclasses import dataclass

import keras
import numpy as np

from pipeline.images.sections import upside_down
from pipeline.images.symmetry import draw_symmetry, symmetries
from pipeline.patches.augment import augmented_patch
from pipeline.patches.packed import unpacked
from pipeline.training.distributed import ALONE
from pipeline.training.on_device import OnDevice, fits


class Batches(keras.utils.PyDataset):
    """Packed patches as batches; set ``epoch``, from 0, before each epoch.

    `shuffle` draws another order for each epoch. `flips` flips and turns each batch at random, and reverses its `sections`.
    With `balanced` and labels, an epoch of the same length holds all classes equally often (see `balanced_order`). The last,
    smaller batch is kept. Each process of a `team` reads its own part of a batch. With `fresh`, a `Fresh`, patches are augmented
    anew each time.
    """

    def __init__(
        self, packed, batch_size, seed=0, shuffle=False, flips=False, team=ALONE, balanced=False, fresh=None, sections=1
    ):
        super().__init__()
        self.packed, self.batch_size, self.team, self.fresh, self.sections = packed, batch_size, team, fresh, sections
        self.seed, self.shuffle, self.flips, self.balanced = seed, shuffle, flips, balanced
        self.epoch = 0
        self._drawn = None, None  # epoch, and the order of its patches

    def __len__(self):
        return math.ceil(len(self.packed.images) / self.batch_size)

    def __getitem__(self, index):
        chosen, number, turned = self.plan(index)
        if self.fresh:
            images, targets = self.fresh.draw(self.packed, chosen, [self.seed, 3, self.epoch, index], self.sections)
        else:
            images, targets = self.packed.images[chosen], np.asarray(self.packed.targets[chosen])
        images = upside_down(images, self.sections) if turned else images
        symmetry = symmetries(*images.shape[1:3])[number]
        images = np.ascontiguousarray(symmetry.apply(images))  # turned as bytes, which move a quarter of the memory of floats
        if targets.ndim == 3:
            targets = np.ascontiguousarray(symmetry.apply(targets))[..., None].astype(np.float32)
        return images if self.fresh else unpacked(images), targets

    def plan(self, index):
        """Return the patches that this process reads, the symmetry of the batch, and whether its sections are reversed.

        The patches are in ascending order, so that the disk is read forwards. The symmetry is an index into the `symmetries` of
        the batch's shape; 0 changes nothing.
        """
        first = index * self.batch_size
        chosen = self.team.share(np.sort(self._order()[first : first + self.batch_size]))
        if not self.flips:
            return chosen, 0, False
        size = self.fresh.size if self.fresh else self.packed.images.shape[1:3]
        rng = np.random.default_rng([self.seed, 2, self.epoch, index])
        return chosen, draw_symmetry(*size, rng), self.sections > 1 and bool(rng.integers(2))

    def _order(self):
        if self._drawn[0] != self.epoch:  # drawn once an epoch: for a million patches it takes as long as a training step
            count = len(self.packed.images)
            rng = np.random.default_rng([self.seed, 1, self.epoch])
            if self.balanced:
                order = balanced_order(self.packed.targets, rng)
            else:
                order = rng.permutation(count) if self.shuffle else np.arange(count)
            self._drawn = self.epoch, order
        return self._drawn[1]


@dataclass(frozen=True)
class Fresh:
    """Augment patches anew for each batch, as `patchify` would: to a `size`, by the section ``augment`` of the params.

    `map_in_order` spreads the patches of a batch over threads (`pipeline.parallel.on_all_threads`).
    """

    settings: object
    size: tuple[int, int]
    map_in_order: Callable = map

    def draw(self, packed, rows, seed, sections=1):
        """Augment packed patches: images (N, H, W, C), float32 in [0, 1], and targets (N, H, W) or (N,).

        A copy depends on `seed` and on the number of its patch, not on the rest of the batch. `rows` are in ascending order; a
        patch that a balanced epoch repeats in a batch gets a different copy each time.
        """
        around = [(wide - side) // 2 for wide, side in zip(packed.images.shape[1:3], self.size, strict=True)]
        masks = packed.targets.ndim == 3

        repeats = np.arange(len(rows)) - np.searchsorted(rows, rows)

        def copy(row, repeat):
            rng = np.random.default_rng([*seed, row] + [repeat] * (repeat > 0))
            mask = np.asarray(packed.targets[row]) if masks else None
            return augmented_patch(unpacked(packed.images[row]), mask, around, self.size, rng, self.settings, sections)

        images, targets = zip(*self.map_in_order(copy, rows.tolist(), repeats.tolist()), strict=True)
        return np.stack(images), np.stack(targets) if masks else np.asarray(packed.targets[rows])


def balanced_order(labels, rng):
    """Draw N images for N labels, so that the counts of the classes differ by at most one; return the images' numbers (N,).

    An image of a rare class is drawn again only after all others of its class. Of a common class, only some images are drawn.
    """
    classes = rng.permutation(np.unique(labels))  # the first ones get one more, if N does not divide evenly
    order = []
    for place, label in enumerate(classes):
        own = np.flatnonzero(labels == label)
        quota = len(labels) // len(classes) + (place < len(labels) % len(classes))
        order.append(np.concatenate([rng.permutation(own) for _ in range(-(-quota // len(own)))])[:quota])
    return rng.permutation(np.concatenate(order))


def readable(batches):
    """Convert batches to what ``keras.Model.fit`` reads fastest.

    With TensorFlow, that is a stream. With JAX, patches are kept on the device if they fit, are not augmented anew, and this is
    the only process. Otherwise the batches are returned as they are.
    """
    if keras.backend.backend() == "tensorflow":
        from pipeline.networks.common.tensorflow_door import stream

        return stream(batches)
    stays = batches.team.processes == 1 and not batches.fresh and fits(batches.packed)
    return OnDevice(batches) if stays else batches


def statistics(images, most=512):
    """Compute the mean and variance of each channel of patches (N, H, W, C), uint8 or uint16, in [0, 1] units: lists of float.

    At most `most` evenly spaced patches are read; more would not change the third digit.
    """
    pixels, sums, squares = 0, 0, 0  # Python integers: exact, in whatever order they are added
    for image in images[:: math.ceil(len(images) / most)]:  # one by one: 512 at a time can take gigabytes
        values = image.reshape(-1, image.shape[-1]).astype(np.uint64)
        pixels += len(values)
        sums, squares = sums + values.sum(axis=0).astype(object), squares + (values**2).sum(axis=0).astype(object)
    brightest = int(np.iinfo(images.dtype).max)
    mean = [int(s) / (pixels * brightest) for s in sums]
    variance = [int(pixels * q - s * s) / (pixels * brightest) ** 2 for s, q in zip(sums, squares, strict=True)]
    return mean, [max(v, 1e-6) for v in variance]  # 1e-6: the network divides by it, also where images are constant
