"""Predict an image of any size from overlapping windows, one row of windows after the other."""

import math

import numpy as np

from pipeline.errors import UserError
from pipeline.images.symmetry import symmetries

MARGIN = 5 / 12  # of the overlap is ignored at each side of a window: there a network sees padding instead of the image
DEVIATION = 0.125  # of the Gaussian weights, in sides of a window: soft across the rest of the overlap, dominant in the middle


def predict_image(predict, image, settings, align=1):
    """Predict a value in [0, 1] for each pixel of an image (H, W, C), float32 in [0, 1], in memory (see `predict_rows`)."""
    blocks = predict_rows(predict, lambda start, stop: image[start:stop], image.shape[:2], settings, align)
    return np.concatenate([block for _, block in blocks])


def predict_rows(predict, read, shape, settings, align, rows=None):
    """Predict a value in [0, 1] for each pixel from overlapping windows, from the top down: yield (start, rows (h, W), float32).

    Probabilities are blended, not logits. An image no larger than the tile is predicted whole. Only one row of windows is in
    memory at a time, so that the image of `shape` (H, W) may be taller than that. The value of a pixel does not depend on which
    `rows` (the first, and the one after the last) are asked for, to the bit. With values for K classes, rows are (h, W, K).

    ``predict`` maps (N, h, w, C) float32 to (N, h, w) or (N, h, w, K) float32, both in [0, 1]; the last row and column of
    windows may be smaller, so that a compiled network is compiled for up to four shapes. ``read(start, stop)`` returns rows of
    the image, (stop - start, W, C), float32 in [0, 1]. Windows begin at multiples of `align`: a network with four poolings gives
    the same values to an image that is moved by 16 pixels, and others if it is moved by one; then seams would show where windows
    meet. Raises a UserError if windows of that tile and overlap cannot advance by `align` pixels.
    """
    for length, size, shared in zip(shape, settings.tile, settings.overlap, strict=True):
        if length > size and size - shared < align:
            raise UserError(f"inference.tile: expected at least {shared + align} pixels, overlap + {align}, received {size}")
    first, end = rows or (0, shape[0])
    along_rows, along_columns = (windows(n, t, o, align) for n, t, o in zip(shape, settings.tile, settings.overlap, strict=True))
    along_rows = [(start, weights) for start, weights in along_rows if start < end and start + len(weights) > first]
    done = along_rows[0][0]
    pending = None  # rows from `done` on, to which the next windows still add
    following = [start for start, _ in along_rows[1:]]
    for start, weights in along_rows:
        bottom = start + len(weights)
        strip = _strip(predict, read(start, bottom), along_columns, settings)
        pending = np.zeros((0, *strip.shape[1:]), np.float32) if pending is None else pending
        pending = np.pad(pending, [(0, bottom - done - len(pending))] + [(0, 0)] * (strip.ndim - 1))
        pending[start - done :] += weights.reshape(-1, *[1] * (strip.ndim - 1)) * strip
        stop = following.pop(0) if following else bottom
        inside = slice(max(first - done, 0), max(min(stop, end) - done, 0))
        if pending[inside].size:
            yield max(done, first), np.minimum(pending[inside], 1)  # the sum of the weights is 1 but for the last bit
        pending, done = pending[stop - done :], stop


def windows(length, size, overlap, align=1):
    """Place windows of `size` along an axis of `length` pixels, and weigh their pixels: list of (start, float32 weights).

    Two windows share at least `overlap`. They begin at multiples of `align`; the last one ends with the image and may be up to
    ``align - 1`` pixels shorter. The weights add up to 1 at each pixel. In two directions they are multiplied.
    """
    stride = max(align, (size - overlap) // align * align)
    starts = [*range(0, max(0, length - size), stride), max(0, -(-(length - size) // align) * align)]
    total, kept, margin = np.zeros(length), [], int(overlap * MARGIN)
    for start in starts:
        stop = min(start + size, length)
        weights = np.exp(-0.5 * (np.linspace(-0.5, 0.5, stop - start) / DEVIATION) ** 2)
        weights[: margin if start > 0 else 0] = 0
        weights[len(weights) - (margin if stop < length else 0) :] = 0
        total[start:stop] += weights
        kept.append(weights)
    return [(s, (w / total[s : s + len(w)]).astype(np.float32)) for s, w in zip(starts, kept, strict=True)]


def _strip(predict, pixels, along_columns, settings):
    """Predict one row of windows (h, W, C), blended from left to right."""
    strip = None
    last = len(along_columns[-1][1])
    alike = [window for window in along_columns if len(window[1]) != last]  # all but the last one, or none
    for group in filter(None, (alike, along_columns[len(alike) :])):
        size = math.ceil(len(group) / math.ceil(len(group) / settings.batch_size))  # batches of one size, with the least filling
        for first in range(0, len(group), size):
            batch = group[first : first + size]
            cut = [pixels[:, start : start + len(weights)] for start, weights in batch]
            cut += [cut[-1]] * (size - len(batch))
            for (start, weights), values in zip(batch, _averaged(predict, np.stack(cut), settings.flips), strict=False):
                if strip is None:
                    strip = np.zeros((*pixels.shape[:2], *values.shape[2:]), np.float32)
                strip[:, start : start + len(weights)] += weights.reshape(-1, *[1] * (values.ndim - 2)) * values
    return strip


def _averaged(predict, windows, flips):
    """Predict windows (N, h, w, C), averaged over their symmetries if `flips`."""
    if not flips:
        return predict(windows)
    changes = symmetries(*windows.shape[1:3])
    return sum(s.undo(predict(np.ascontiguousarray(s.apply(windows)))) for s in changes) / len(changes)
