"""Predict an image of any size with a window that slides over it."""

import numpy as np

from pipeline.images.patches import corners, cut
from pipeline.images.symmetry import symmetries


def predict_image(predict, image, tile, overlap, batch_size, flips=False):
    """Predict a value in [0, 1] for each pixel from overlapping windows, blended with Gaussian weights.

    Probabilities are blended, not logits. An image no larger than the tile is predicted whole.

    Parameters
    ----------
    predict : callable
        (N, H, W, C) float32 in [0, 1] → (N, H, W) float32 in [0, 1]. Always called with batches of the same shape, so
        that a compiled network is compiled once an image size.
    image : ndarray, shape (H, W, C), float32 in [0, 1]
    tile, overlap : tuple of int
        Rows and columns of the window, and of what neighbouring windows share.
    batch_size : int
        Windows at a time.
    flips : bool
        Average over the flips and turns of each window.

    Returns
    -------
    ndarray, shape (H, W), float32 in [0, 1]
    """
    shape = image.shape[:2]
    size = tuple(min(t, n) for t, n in zip(tile, shape, strict=True))
    stride = tuple(max(1, s - o) for s, o in zip(size, overlap, strict=True))
    where = corners(shape, size, stride)
    if len(where) == 1:
        return _averaged(predict, image[None], flips)[0]
    weight = gaussian_window(size)
    total, weights = np.zeros(shape, np.float32), np.zeros(shape, np.float32)
    for start in range(0, len(where), batch_size):
        batch = where[start : start + batch_size]
        windows = [cut(image, corner, size) for corner in batch]
        windows += [windows[-1]] * (min(batch_size, len(where)) - len(batch))  # one batch shape: one compilation
        for (row, column), probability in zip(batch, _averaged(predict, np.stack(windows), flips), strict=False):
            total[row : row + size[0], column : column + size[1]] += weight * probability
            weights[row : row + size[0], column : column + size[1]] += weight
    return total / weights


def gaussian_window(size, deviation=0.25):
    """Weights of a window's pixels, highest in its middle.

    Parameters
    ----------
    size : tuple of int
    deviation : float
        Standard deviation as a fraction of the side; at 1/4 a corner weighs 2 % of the centre, a half-way overlap blends softly.

    Returns
    -------
    ndarray, shape `size`, float32 in (0, 1]
    """
    rows, columns = (np.exp(-0.5 * (np.linspace(-0.5, 0.5, n) / deviation) ** 2) for n in size)
    return np.outer(rows, columns).astype(np.float32)


def sigmoid(logits):
    """Logistic function in float32, without overflow."""
    return (0.5 * (1.0 + np.tanh(0.5 * np.asarray(logits, np.float32)))).astype(np.float32)


def _averaged(predict, windows, flips):
    """Predict windows (N, H, W, C), averaged over their symmetries if `flips`."""
    if not flips:
        return predict(windows)
    changes = symmetries(*windows.shape[1:3])
    return sum(s.undo(predict(np.ascontiguousarray(s.apply(windows)))) for s in changes) / len(changes)
