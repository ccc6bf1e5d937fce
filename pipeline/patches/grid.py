"""Where patches lie in an image, and how they are cut."""

import numpy as np


def starts(length, size, stride):
    """First pixels of windows along one axis; the last window ends with the image.

    >>> starts(10, 4, 3)
    [0, 3, 6]
    >>> starts(11, 4, 3)
    [0, 3, 6, 7]
    >>> starts(3, 4, 3)
    [0]
    """
    if length <= size:
        return [0]
    regular = list(range(0, length - size + 1, stride))
    return regular if regular[-1] + size == length else [*regular, length - size]


def corners(shape, size, stride):
    """Top left corners (row, column) of all patches of an image, in reading order."""
    rows, columns = (starts(length, s, t) for length, s, t in zip(shape, size, stride, strict=True))
    return [(r, c) for r in rows for c in columns]


def cut(array, corner, size):
    """Cut one patch of shape (*size, ...); what an image smaller than the patch lacks is reflected at its lower right."""
    patch = array[corner[0] : corner[0] + size[0], corner[1] : corner[1] + size[1]]
    missing = [(0, s - n) for s, n in zip(size, patch.shape[:2], strict=True)]
    if any(after for _, after in missing):
        patch = np.pad(patch, missing + [(0, 0)] * (patch.ndim - 2), mode="symmetric")
    return patch
