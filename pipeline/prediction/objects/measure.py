"""Measure the objects of a plane whose labels come in bands of rows.

The measurements are those of `skimage.measure.regionprops`, from sums that need no object whole: of moments (exact, in
integers), of the kinds of border pixels, and each row's first and last pixel for the convex hull.
"""

import math
from dataclasses import dataclass

import numpy as np

from pipeline.prediction.objects.hull import convex_area

NEIGHBOURS = [(0, 1), (0, -1), (1, 0), (-1, 0), (1, 1), (1, -1), (-1, 1), (-1, -1)]  # rows, columns; corners last
# What a border pixel adds to the perimeter (Benkrid and Crookes), by 1 + 2 x sides + 10 x corners that it shares with border
# pixels of its object: 1 nothing, 2 a step along a side, 3 along a diagonal, 4 half of both.
STEP = np.zeros(50, np.uint8)
STEP[[5, 7, 15, 17, 25, 27]], STEP[[21, 33]], STEP[[13, 23]] = 1, 2, 3


@dataclass(frozen=True)
class Measured:
    """One object, in pixels of its plane.

    Parameters
    ----------
    label : int
    centroid_row, centroid_column : float
    area : int
    perimeter : float
        Along the centres of the border pixels; 0 of a single pixel.
    major_axis, minor_axis : float
        Full axes of the ellipse of the same second moments.
    eccentricity : float in [0, 1]
        Of that ellipse; 0 of a single pixel.
    solidity : float in (0, 1]
        Area by that of the convex hull.
    circularity : float in [0, 1], or None
        4 pi area / perimeter², at most 1; None where the perimeter is 0.
    mean_intensity : float
        Over pixels and channels, in grey values of the file.
    touches_border : bool
        The plane's.
    covariance : tuple of float
        Of its pixels' rows, of their columns, and of both: the ellipse, for pixels that are not square.
    """

    label: int
    centroid_row: float
    centroid_column: float
    area: int
    perimeter: float
    major_axis: float
    minor_axis: float
    eccentricity: float
    solidity: float
    circularity: float | None
    mean_intensity: float
    touches_border: bool
    covariance: tuple


def measure_rows(bands):
    """Measure the objects of a plane, from top to bottom.

    Parameters
    ----------
    bands : iterable of (labels, image)
        ndarray of int32, shape (h, W), h at least 1, and ndarray of uint8 or uint16, shape (h, W, C). Labels are numbered
        1, 2, 3, ... in the reading order of their first pixels; an object has pixels in each row from its first to its last.

    Yields
    ------
    labels : ndarray, shape (h, W), int32
        As they came.
    objects : list of Measured
        Those that are complete, in the order of their labels; the last list holds the remaining ones.
    """
    ruler, labels = _Ruler(), None
    for band, image in bands:
        if labels is not None:
            yield labels, ruler.complete()
        ruler.add(band, image)
        labels = band  # yielded once the next one shows that it was not the last
    if labels is not None:
        yield labels, ruler.rest()


def ellipse(rows, columns, both):
    """Axes and eccentricity of the ellipse with these second moments.

    Parameters
    ----------
    rows, columns, both : float
        Variance of the pixels along rows and along columns, and their covariance.

    Returns
    -------
    major_axis, minor_axis : float
        Full lengths, in the unit whose square the variances have.
    eccentricity : float
    """
    middle, spread = (rows + columns) / 2, math.hypot((rows - columns) / 2, both)
    major, minor = middle + spread, max(0.0, middle - spread)
    return 4 * math.sqrt(major), 4 * math.sqrt(minor), math.sqrt(1 - minor / major) if major else 0.0


class _Sums:
    """What is known of one object so far.

    Parameters
    ----------
    moments : list of int
        Sums over pixels of 1, r, c, r², c², r c and of the grey values of all channels.
    steps : list of int
        Border pixels by `STEP`.
    extents : list of ndarray, shape (3, n), int64
        Rows, first and last column in each.
    """

    __slots__ = ("extents", "moments", "steps")

    def __init__(self):
        self.moments, self.steps, self.extents = [0] * 7, [0] * 4, []

    @property
    def last_row(self):
        return int(self.extents[-1][0, -1])


class _Ruler:
    """Adds up the objects of one plane."""

    def __init__(self):
        self.shape = (0, None)  # rows so far, columns
        self.channels = None
        self.open = {}  # by label; in the order of labels, since an object enters with its first pixel
        self.edge = None  # the lowest rows so far: the borders of the last two still wait for their neighbours

    def add(self, labels, image):
        rows, width = labels.shape
        self.channels = image.shape[2]
        self._add_runs(labels, image, self.shape[0])
        self._add_borders(labels)
        self.shape = (self.shape[0] + rows, width)

    def complete(self):
        """Take out the objects that end above the last two rows, up to the first one that does not."""
        done = []
        for label, sums in self.open.items():
            if sums.last_row >= self.shape[0] - 2:
                break
            done.append(label)
        return [self._measured(label, self.open.pop(label)) for label in done]

    def rest(self):
        """Take out all: the plane ends here."""
        self._add_borders(np.zeros((2, self.shape[1]), np.int32))
        return [self._measured(label, sums) for label, sums in self.open.items()]

    def _add_runs(self, labels, image, top):
        """Add moments and extents, from the runs of one label in a row."""
        change = np.ones(labels.shape, bool)
        np.not_equal(labels[:, 1:], labels[:, :-1], out=change[:, 1:])
        start = np.flatnonzero(change)
        name = labels.ravel()[start]
        length = np.diff(start, append=labels.size)
        grey = sum(np.add.reduceat(image[..., c].ravel(), start, dtype=np.int64) for c in range(image.shape[2]))
        order = np.flatnonzero(name)
        if len(order) == 0:
            return
        order = order[np.argsort(name[order], kind="stable")]
        name, start, n, grey = name[order], start[order], length[order], grey[order]
        r, c = np.divmod(start, labels.shape[1])
        last, columns, r = c + n - 1, n * (2 * c + n - 1) // 2, r + top
        squares = n * c * c + c * n * (n - 1) + (n - 1) * n * (2 * n - 1) // 6
        first = np.flatnonzero(np.diff(name, prepend=0))
        moments = np.add.reduceat(np.stack([n, n * r, columns, n * r * r, squares, r * columns, grey]), first, axis=1)
        line = np.flatnonzero((np.diff(name, prepend=0) != 0) | (np.diff(r, prepend=-1) != 0))
        extents = np.stack([r[line], c[line], last[np.append(line[1:], len(last)) - 1]])
        bounds = [*np.searchsorted(line, first).tolist(), len(line)]
        for i, (label, moment) in enumerate(zip(name[first].tolist(), moments.T.tolist(), strict=True)):
            sums = self.open.setdefault(label, _Sums())
            sums.moments = [a + b for a, b in zip(sums.moments, moment, strict=True)]
            sums.extents.append(extents[:, bounds[i] : bounds[i + 1]].copy())  # a view would keep the whole band's

    def _add_borders(self, labels):
        """Add the kinds of border pixels, in all rows but the last two: a border pixel is known by its neighbours' neighbours."""
        edge = np.zeros((2, labels.shape[1] + 2), np.int32) if self.edge is None else self.edge
        window = np.concatenate([edge, np.pad(labels, ((0, 0), (1, 1)))])
        self.edge = window[-4:].copy()
        if len(window) < 5:
            return
        inner = window[1:-1, 1:-1]
        border = np.zeros(window.shape, bool)
        border[1:-1, 1:-1] = inner != window[:-2, 1:-1]
        for side in (window[2:, 1:-1], window[1:-1, :-2], window[1:-1, 2:]):
            border[1:-1, 1:-1] |= inner != side
        border[1:-1, 1:-1] &= inner > 0
        width = window.shape[1]
        pixels = np.flatnonzero(border[2:-2]) + 2 * width
        name, names, borders = window.ravel()[pixels], window.ravel(), border.ravel()
        code = np.ones(len(pixels), np.int64)
        for i, (row, column) in enumerate(NEIGHBOURS):
            neighbour = pixels + row * width + column
            code += (2 if i < 4 else 10) * (borders[neighbour] & (names[neighbour] == name))
        labels, index = np.unique(name, return_inverse=True)
        counts = np.bincount(4 * index + STEP[code], minlength=4 * len(labels)).reshape(-1, 4)
        for label, count in zip(labels.tolist(), counts.tolist(), strict=True):
            sums = self.open[label]
            sums.steps = [a + b for a, b in zip(sums.steps, count, strict=True)]

    def _measured(self, label, sums):
        n, r, c, rr, cc, rc, grey = sums.moments
        rows, left, right = np.concatenate(sums.extents, axis=1)
        covariance = tuple((n * ab - a * b) / n**2 for ab, a, b in ((rr, r, r), (cc, c, c), (rc, r, c)))
        major, minor, eccentricity = ellipse(*covariance)
        perimeter = sums.steps[1] + sums.steps[2] * math.sqrt(2) + sums.steps[3] * (1 + math.sqrt(2)) / 2
        return Measured(
            label=label,
            centroid_row=r / n,
            centroid_column=c / n,
            area=n,
            perimeter=perimeter,
            major_axis=major,
            minor_axis=minor,
            eccentricity=eccentricity,
            solidity=n / convex_area(left, right),
            circularity=min(1.0, 4 * math.pi * n / perimeter**2) if perimeter else None,
            mean_intensity=grey / (n * self.channels),
            touches_border=bool(
                rows[0] == 0 or left.min() == 0 or rows[-1] == self.shape[0] - 1 or right.max() == self.shape[1] - 1
            ),
            covariance=covariance,
        )
