"""Predict an image of any size with a window that slides over it, row of windows by row of windows."""

import math

import numpy as np

from pipeline.errors import UserError
from pipeline.images.symmetry import symmetries

MARGIN = 5 / 12  # of the overlap, thrown away at each side of a window: there a network sees padding instead of the image
DEVIATION = 0.125  # of the Gaussian, in sides of the window: soft across what is left of the overlap, dominant in the middle


def predict_image(predict, image, tile, overlap, batch_size, flips=False, align=1):
    """Predict a value in [0, 1] for each pixel of an image in memory (see `predict_rows`).

    Parameters
    ----------
    image : ndarray, shape (H, W, C), float32 in [0, 1]

    Returns
    -------
    ndarray, shape (H, W), float32 in [0, 1]
    """
    rows = predict_rows(predict, lambda start, stop: image[start:stop], image.shape[:2], tile, overlap, batch_size, flips, align)
    return np.concatenate([block for _, block in rows])


def predict_rows(predict, read, shape, tile, overlap, batch_size, flips=False, align=1, rows=None):
    """Predict a value in [0, 1] for each pixel, from the top down, from overlapping windows.

    Probabilities are blended, not logits. An image no larger than the tile is predicted whole. At any time one row of
    windows is in memory, so that an image may be taller than that. A pixel's value does not depend on which `rows` are
    asked for, to the bit.

    Parameters
    ----------
    predict : callable
        (N, h, w, C) float32 in [0, 1] → (N, h, w) float32 in [0, 1]. Called with batches of few shapes (the last row and
        column of windows may be smaller), so that a compiled network is compiled a few times an image size.
    read : callable
        ``read(start, stop)`` → rows of the image, ndarray (stop - start, W, C), float32 in [0, 1].
    shape : tuple of int
        Rows H and columns W of the image.
    tile, overlap : tuple of int
        Rows and columns of the window, and of what neighbouring windows share.
    batch_size : int
        Windows at a time, at most.
    flips : bool
        Average over the flips and turns of each window.
    align : int
        Windows begin at its multiples. A network that pools four times gives other values to an image that is moved by
        one pixel, the same to one moved by 16: seams would show where windows disagree on that.
    rows : tuple of int, optional
        First row and the one after the last; by default all.

    Yields
    ------
    start : int
    block : ndarray, shape (h, W), float32 in [0, 1]
        Rows start to start + h; the next block follows them.

    Raises
    ------
    UserError
        If windows of that size and overlap cannot advance by `align` pixels.
    """
    for length, size, shared in zip(shape, tile, overlap, strict=True):
        if length > size and size - shared < align:
            raise UserError(
                f"expected a tile of at least {shared + align} pixels, {align} more than the overlap, received {size}"
            )
    first, end = (0, shape[0]) if rows is None else rows
    along_rows, along_columns = (windows(n, t, o, align) for n, t, o in zip(shape, tile, overlap, strict=True))
    along_rows = [(start, weights) for start, weights in along_rows if start < end and start + len(weights) > first]
    pending = np.zeros((0, shape[1]), np.float32)  # rows from `done` on, to which the next windows still add
    done = along_rows[0][0]
    for index, (start, weights) in enumerate(along_rows):
        strip = _strip(predict, read(start, start + len(weights)), along_columns, batch_size, flips)
        missing = start + len(weights) - done - len(pending)
        pending = np.concatenate([pending, np.zeros((missing, shape[1]), np.float32)])
        pending[start - done :] += weights[:, None] * strip
        last = index + 1 == len(along_rows)
        stop = start + len(weights) if last else along_rows[index + 1][0]
        inside = slice(max(first - done, 0), max(min(stop, end) - done, 0))
        if pending[inside].size:
            yield max(done, first), np.minimum(pending[inside], 1)  # the weights' sum is 1 but for the last bit
        pending, done = pending[stop - done :].copy(), stop


def windows(length, size, overlap, align=1):
    """Where windows lie along one axis, and how much each counts there.

    Parameters
    ----------
    length : int
        Of the image, in pixels.
    size, overlap : int
        Of a window, and of what two share, at least.
    align : int
        Windows begin at its multiples; the last one ends with the image and may be up to ``align - 1`` pixels shorter.

    Returns
    -------
    list of (int, ndarray)
        First pixel of each window and its weights, float32 in [0, 1]; at each pixel of the image they add up to 1.
        Weights of a window in two directions are the products: the grid is a product, so its weights are.
    """
    where, start, stride = [], 0, max(align, (size - overlap) // align * align)
    while start + size < length:
        where.append(start)
        start += stride
    where.append(min(start, max(0, -(-(length - size) // align) * align)))
    total, kept, margin = np.zeros(length), [], int(overlap * MARGIN)
    for start in where:
        stop = min(start + size, length)
        weights = np.exp(-0.5 * (np.linspace(-0.5, 0.5, stop - start) / DEVIATION) ** 2)
        weights[: margin if start > 0 else 0] = 0
        weights[len(weights) - (margin if stop < length else 0) :] = 0
        total[start:stop] += weights
        kept.append(weights)
    return [(s, (w / total[s : s + len(w)]).astype(np.float32)) for s, w in zip(where, kept, strict=True)]


def sigmoid(logits):
    """Logistic function in float32, without overflow."""
    return (0.5 * (1.0 + np.tanh(0.5 * np.asarray(logits, np.float32)))).astype(np.float32)


def _strip(predict, pixels, along_columns, batch_size, flips):
    """Predict one row of windows (h, W, C), blended from left to right."""
    strip = np.zeros(pixels.shape[:2], np.float32)
    *_, (_, last) = along_columns
    alike = [window for window in along_columns if len(window[1]) != len(last)]  # all but the last, or none
    for group in (alike, along_columns[len(alike) :]):
        batches = math.ceil(len(group) / batch_size)
        size = math.ceil(len(group) / max(1, batches))  # batches of one size, as few windows too many as can be
        for first in range(0, len(group), size or 1):
            batch = group[first : first + size]
            cut = [pixels[:, start : start + len(weights)] for start, weights in batch]
            cut += [cut[-1]] * (size - len(batch))
            for (start, weights), values in zip(batch, _averaged(predict, np.stack(cut), flips), strict=False):
                strip[:, start : start + len(weights)] += weights * values
    return strip


def _averaged(predict, windows, flips):
    """Predict windows (N, h, w, C), averaged over their symmetries if `flips`."""
    if not flips:
        return predict(windows)
    changes = symmetries(*windows.shape[1:3])
    return sum(s.undo(predict(np.ascontiguousarray(s.apply(windows)))) for s in changes) / len(changes)
