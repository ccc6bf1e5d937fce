"""Count the pixels in the convex hull of an object, from the first and the last pixel of each of its rows."""

import numpy as np


def convex_area(left, right):
    """Pixels whose centres lie in or on the convex hull of an object, taking a pixel for the middles of its four sides.

    Parameters
    ----------
    left, right : ndarray, shape (n,), int64
        First and last column of the object in each of its n rows, which follow each other without a gap.

    Returns
    -------
    int
    """
    return int(np.sum(-_innermost(-right) - _innermost(left) + 1))


def _innermost(left):
    """First column of each row in the hull: the object's first columns, shape (n,) → columns, shape (n,)."""
    # In half pixels all is whole numbers, and no pixel is lost or won by rounding: x[1], x[3], ... are the left sides of the
    # pixels, x[0], x[2], ... the upper and lower sides between the rows.
    x = np.empty(2 * len(left) + 1, np.int64)
    x[1::2] = 2 * left - 1
    x[0], x[-1] = 2 * left[0], 2 * left[-1]
    x[2:-1:2] = 2 * np.minimum(left[1:], left[:-1])
    corners = np.arange(len(x))
    while len(corners) > 2:  # a point that does not stick out between its neighbours is no corner of the hull
        a, b, c = x[corners[:-2]], x[corners[1:-1]], x[corners[2:]]
        i, j, k = corners[:-2], corners[1:-1], corners[2:]
        out = (b - a) * (k - i) < (c - a) * (j - i)
        if out.all():
            break
        corners = corners[np.r_[True, out, True]]
    at = np.arange(1, len(x), 2)
    i = np.searchsorted(corners, at, side="right") - 1
    start, end = corners[i], corners[i + 1]
    # The edge's column in row `at` is x[start] + (x[end] - x[start]) (at - start) / (end - start) half pixels: round up.
    span = end - start
    return -(-(x[start] * span + (x[end] - x[start]) * (at - start)) // (2 * span))
