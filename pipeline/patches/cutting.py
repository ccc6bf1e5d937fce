"""Where patches lie in an image, and what is cut there."""

import math

import numpy as np

AROUND = 0.25  # of a patch's side on each border: a square that turns needs a fifth, and the disk holds all of it


def corners(shape, size, stride):
    """Top left corners (row, column) of all patches of an image, in reading order; the last ones end with the image.

    >>> corners((5, 9), (4, 4), (3, 3))
    [(0, 0), (0, 3), (0, 5), (1, 0), (1, 3), (1, 5)]
    """
    axes = []
    for length, side, step in zip(shape, size, stride, strict=True):
        last = max(0, length - side)
        axes.append([*range(0, last, step), last])
    return [(row, column) for row in axes[0] for column in axes[1]]


def cut(array, corner, size):
    """Cut one patch of shape (*size, ...). An image that is smaller is filled by reflection at its right and lower border."""
    patch = array[corner[0] : corner[0] + size[0], corner[1] : corner[1] + size[1]]
    missing = [(0, s - n) for s, n in zip(size, patch.shape, strict=False)]
    return np.pad(patch, missing + [(0, 0)] * (patch.ndim - 2), mode="symmetric")


def surroundings(size, shapes):
    """Rows and columns around a patch of `size` that `augmented_patch` may look at: `AROUND`, and no more than images have.

    With them a patch that is turned in training shows at its corners what is there, and not reflections of itself.
    """
    largest = np.max(shapes, axis=0)
    return tuple(min(math.ceil(AROUND * side), max(0, int(length) - side)) for side, length in zip(size, largest, strict=True))


def widened(array, size, around):
    """Add the surroundings to an image (H, W, ...) of at least a patch, by reflection; corners are then counted from there."""
    missing = (max(0, side - length) for side, length in zip(size, array.shape, strict=False))
    borders = [(more, more + lack) for more, lack in zip(around, missing, strict=True)]
    return np.pad(array, borders + [(0, 0)] * (array.ndim - 2), mode="symmetric")
