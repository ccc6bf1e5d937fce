"""Resize images and masks."""

import numpy as np
from scipy.sparse import csr_array
from skimage.transform import resize


def gives_one_shape(size):
    """Whether ``patches.resize`` gives all images the same rows and columns; a factor or None does not."""
    return isinstance(size, list | tuple)


def new_shape(shape, size):
    """Rows and columns of an image of `shape` once it is resized to `size`: rows and columns, or a factor for both.

    >>> new_shape((1024, 768), 0.5), new_shape((1024, 768), [192, 256]), new_shape((1024, 1), 0.25)
    ((512, 384), (192, 256), (256, 1))
    """
    return tuple(size) if gives_one_shape(size) else tuple(max(1, round(side * size)) for side in shape[:2])


def resized_to(size):
    """Say what ``patches.resize`` does, in words that follow "resized"."""
    return f"to {size[0]} × {size[1]} pixels" if gives_one_shape(size) else f"by a factor of {size:g}"


def resize_image(image, size):
    """Resize an image (H, W, C) of floats to the `new_shape` of that `size`, with smoothing before it shrinks."""
    return resize(image, new_shape(image.shape, size), order=1, anti_aliasing=True).astype(np.float32)


def resize_mask(mask, size):
    """Resize a mask (H, W), bool or class numbers, likewise: each pixel takes the value that covers most of its area.

    Values are never interpolated. Nearest neighbour would have to choose a side where a pixel of an evenly reduced mask lies
    between two, and so move the mask half a pixel against its image. Of values that cover equal areas, the highest wins.
    """
    size = new_shape(mask.shape, size)
    rows, columns = (_overlaps(*lengths) for lengths in zip(mask.shape, size, strict=True))
    most, resized = np.full(size, -1), np.zeros(size, mask.dtype)
    for value in np.unique(mask):
        covered = (columns @ (rows @ (mask == value).astype(np.int64)).T).T
        resized[covered >= most] = value
        most = np.maximum(covered, most)
    return resized


def _overlaps(length, new_length):
    """How much of each old pixel lies in each new one, shape (new_length, length), in whole units: ties are exact."""
    borders = np.union1d(np.arange(length + 1) * new_length, np.arange(new_length + 1) * length)
    starts = borders[:-1]
    return csr_array((np.diff(borders), (starts // length, starts // new_length)), shape=(new_length, length))
