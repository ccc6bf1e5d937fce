"""Measure the objects of a page band by band.

The values are those of `skimage.measure.regionprops`, added up over bands: for an object as large as a page of
20,000 × 20,000 pixels, regionprops would need 20 GB.
"""

import math
from itertools import product

import numpy as np
import pandas as pd

from pipeline.prediction.objects.label import row_bands

COLUMNS = [  # of the table of objects
    *("label", "centroid_row", "centroid_column", "area_px", "area_um2", "perimeter_px", "perimeter_um"),
    *("major_axis_px", "major_axis_um", "minor_axis_px", "minor_axis_um", "eccentricity", "solidity"),
    *("circularity", "mean_intensity", "touches_border"),
]
# Length that a border pixel adds to the perimeter, by 1 + 2 × sides + 10 × corners that it shares with other border pixels
# of its object (Benkrid and Crookes, "Design and FPGA implementation of a perimeter estimator", 2000).
STEP = np.zeros(50)
STEP[[5, 7, 15, 17, 25, 27]], STEP[[21, 33]], STEP[[13, 23]] = 1, math.sqrt(2), (1 + math.sqrt(2)) / 2


def measure_page(objects, labels, page, read, pixel_size_nm=None):
    """Measure the objects of a page: a DataFrame with the columns `COLUMNS`, one row per object.

    `objects` comes from `label_page`; ``read(page, start, stop)`` returns rows of the image (stop - start, W, C). The perimeter
    runs through the centres of the border pixels; axes (full) and eccentricity are those of the ellipse of equal second moments;
    circularity is 4 pi area / perimeter², at most 1, and empty where the perimeter is 0; the mean grey value is over pixels and
    channels. Without a pixel size (height, width) the columns in micrometres are empty. If pixels are not square, so are
    `perimeter_um` and `circularity`, and the eccentricity is that of the ellipse in micrometres.
    """
    if objects.empty:
        return pd.DataFrame(columns=COLUMNS)
    _, height, width = labels.shape
    count = len(objects) + 1
    top, left = (np.append(0, objects[side]) for side in ("top", "left"))
    sums, perimeter, extents = np.zeros((6, count)), np.zeros(count), []
    for start, stop in row_bands(height):
        # Two more rows on each side: the kind of a border pixel depends on its neighbours' neighbours.
        rows_around = (max(0, 2 - start), max(0, stop + 2 - height))
        band = np.pad(labels[page, max(0, start - 2) : stop + 2], (rows_around, (2, 2)))
        perimeter += np.bincount(*_border_steps(band), count)
        names, rows, first, last = _runs(band[2:-2, 1:-1])
        extents.append(_row_extents(names, rows + start, first, last))
        # In float64: sums along a row of float32 lose digits, and a value that is no number would spoil its whole row.
        grey = np.nan_to_num(read(page, start, stop).sum(axis=-1, dtype=np.float64), posinf=0, neginf=0)
        grey = np.pad(grey.cumsum(axis=1), ((0, 0), (1, 0)))
        grey = grey[rows, last + 1] - grey[rows, first]
        # Counted from the corner of the object's bounding box, float64 holds these sums exactly.
        n, rows, first, last = last - first + 1, rows + start - top[names], first - left[names], last - left[names]
        columns = n * (first + last) // 2
        columns2 = n * first**2 + first * n * (n - 1) + (n - 1) * n * (2 * n - 1) // 6
        values = n * rows, columns, n * rows**2, columns2, rows * columns, grey
        sums += [np.bincount(names, value, count) for value in values]
    area, perimeter = objects["area"].to_numpy(), perimeter[1:]
    rows, columns, rows2, columns2, both, grey = sums[:, 1:]
    products = ((rows2, rows, rows), (columns2, columns, columns), (both, rows, columns))
    covariance = [(area * ab - a * b) / area**2 for ab, a, b in products]
    major, minor, eccentricity = _ellipse(*covariance)
    with np.errstate(divide="ignore"):
        circularity = np.where(perimeter > 0, np.minimum(4 * math.pi * area / perimeter**2, 1), np.nan)
    table = {
        "label": objects.index,
        "centroid_row": rows / area + top[1:],
        "centroid_column": columns / area + left[1:],
        "area_px": area,
        "perimeter_px": perimeter,
        "major_axis_px": major,
        "minor_axis_px": minor,
        "eccentricity": eccentricity,
        "solidity": area / _convex_areas(pd.concat(extents)),
        "circularity": circularity,
        "mean_intensity": grey / (area * read(page, 0, 1).shape[-1]),
        "touches_border": (objects[["top", "left"]] == 0).any(axis=1)
        | (objects["bottom"] == height)
        | (objects["right"] == width),
    }
    if pixel_size_nm is not None:
        high, wide = (size / 1000 for size in pixel_size_nm)
        scaled = (c * scale for c, scale in zip(covariance, (high**2, wide**2, high * wide), strict=True))
        table["major_axis_um"], table["minor_axis_um"], eccentricity = _ellipse(*scaled)
        table["area_um2"] = area * high * wide
        if high == wide:
            table["perimeter_um"] = perimeter * high
        else:
            table |= {"eccentricity": eccentricity, "circularity": np.nan}
    return pd.DataFrame(table).reindex(columns=COLUMNS)


def _ellipse(rows, columns, both):
    """Full axes and eccentricity of the ellipses with these variances along rows and columns, and these covariances."""
    middle, spread = (rows + columns) / 2, np.hypot((rows - columns) / 2, both)
    major, minor = middle + spread, np.maximum(middle - spread, 0)
    ratio = np.divide(minor, major, out=np.ones_like(major), where=major > 0)  # a single pixel is round
    return 4 * np.sqrt(major), 4 * np.sqrt(minor), np.sqrt(1 - ratio)


def _border_steps(labels):
    """Label and `STEP` of each border pixel, inside a frame of two pixels."""
    inner = labels[1:-1, 1:-1]
    surrounded = (inner == labels[:-2, 1:-1]) & (inner == labels[2:, 1:-1])
    surrounded &= (inner == labels[1:-1, :-2]) & (inner == labels[1:-1, 2:])
    border = np.where(surrounded, 0, inner)
    rows, columns = (index + 1 for index in np.nonzero(border[1:-1, 1:-1]))
    names = border[rows, columns]
    kind = np.ones(len(names), np.intp)
    for down, right in product((-1, 0, 1), repeat=2):
        if down or right:
            kind += (10 if down and right else 2) * (border[rows + down, columns + right] == names)
    return names, STEP[kind]


def _runs(labels):
    """Label, row, first and last column of each run of one label along a row, inside a frame of one column."""
    inner = labels[:, 1:-1]
    rows, first = np.nonzero((inner > 0) & (inner != labels[:, :-2]))
    _, last = np.nonzero((inner > 0) & (inner != labels[:, 2:]))
    return inner[rows, first], rows, first, last


def _row_extents(names, rows, first, last):
    """First and last column of each label in each row: a table by label and row."""
    runs = pd.DataFrame({"label": names, "row": rows, "first": first, "last": last})
    return runs.groupby(["label", "row"]).agg({"first": "min", "last": "max"})


def _convex_areas(extents):
    """Pixels in the convex hull of each object."""
    extents = extents.sort_index()
    starts = np.flatnonzero(np.diff(extents.index.get_level_values("label"))) + 1
    sides = (np.split(extents[side].to_numpy(), starts) for side in ("first", "last"))
    return np.array([convex_area(first, last) for first, last in zip(*sides, strict=True)])


def convex_area(first, last):
    """Count the pixels in the convex hull of an object, from its first and last column in each row, shape (n,), int64.

    The hull is that of the middles of the pixels' four sides; pixels count whose centres lie in or on it.
    """
    return int(np.sum(-_first_in_hull(-last) - _first_in_hull(first) + 1))


def _first_in_hull(first):
    """First column of each row in the hull of an object that begins in these columns."""
    # In half pixels, all numbers are whole. x[1], x[3], ... are the left sides of the first pixels; x[0], x[2], ... are
    # the points above and below them.
    x = np.empty(2 * len(first) + 1, np.int64)
    x[1::2] = 2 * first - 1
    x[0], x[-1] = 2 * first[0], 2 * first[-1]
    x[2:-1:2] = 2 * np.minimum(first[1:], first[:-1])
    corners = np.arange(len(x))
    while len(corners) > 2:
        a, b, c = x[corners[:-2]], x[corners[1:-1]], x[corners[2:]]
        i, j, k = corners[:-2], corners[1:-1], corners[2:]
        sticks_out = (b - a) * (k - i) < (c - a) * (j - i)  # only then it is a corner of the hull
        if sticks_out.all():
            break
        corners = corners[np.r_[True, sticks_out, True]]
    at = np.arange(1, len(x), 2)
    edge = np.searchsorted(corners, at, side="right") - 1
    start, end = corners[edge], corners[edge + 1]
    # In row `at` the hull's edge is x[start] + (x[end] - x[start]) (at - start) / (end - start) half pixels: round up.
    span = end - start
    return -(-(x[start] * span + (x[end] - x[start]) * (at - start)) // (2 * span))
