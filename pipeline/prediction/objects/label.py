"""Number and measure the objects of a plane that comes in bands of rows: bands are held only while their objects are open.

The objects are those of `pipeline.scoring.objects`: 8-connected components. An object is known by its first pixel in
reading order, counted through the plane. Fragments that meet in a later band take the smaller of their first pixels, and
the numbers 1, 2, 3, ... follow the first pixels: they do not depend on where the bands were cut. A band is final once no
object that begins in it or above it goes on below.

What is held: usually a band or two. An object that spans the plane holds all rows from its first to its last, at four bytes
a pixel for the labels and the image as it came; each row is still labelled once.
"""

import math
from collections import deque
from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from pipeline.prediction.objects.measure import measure_rows
from pipeline.prediction.objects.split import LARGEST, split_object
from pipeline.scoring.objects import label


def label_rows(bands, split=False, smallest=0):
    """Number and measure the objects of a plane, from top to bottom.

    Parameters
    ----------
    bands : iterable of (mask, image)
        From top to bottom of one plane: ndarray of bool, shape (h, W), and ndarray of uint8 or uint16, shape (h, W, C); h may
        differ from band to band.
    split : bool
        Separate objects that touch (`pipeline.prediction.objects.split`), if their bounding box is no larger than `split.LARGEST`.
    smallest : int
        Objects of fewer pixels are left out, after splitting.

    Yields
    ------
    labels : ndarray, shape (h, W), int32
        Of one band after the other: 0 is background, objects are numbered in the reading order of their first pixels.
    objects : list of Measured
        Those that are complete and not yet told: all lists together run 1, 2, 3, ... An object is never told before its
        first row was yielded or is yielded now; the last list holds the remaining ones.

    Raises
    ------
    ValueError
        If a mask is not boolean, or the shapes do not fit.
    """
    return measure_rows(_numbered(bands, split, smallest))


class _Fragment:
    """The part of an object that one band was seen to hold; the root of joined fragments stands for the object.

    Parameters
    ----------
    first : int
        First pixel in reading order, counted through the plane.
    area : int
        In pixels; of the whole object at the root.
    places : list of (_Band, int)
        Where the object lies, and by which label; kept only if it may be split.
    """

    __slots__ = ("area", "first", "number", "parent", "places")

    def __init__(self, first, area, places=()):
        self.first, self.area, self.places = first, area, places
        self.parent, self.number = None, 0

    def root(self):
        node = self
        while node.parent is not None:
            node.parent = node.parent.parent or node.parent  # halves the path for those who come later
            node = node.parent
        return node

    def join(self, other):
        upper, lower = sorted((self.root(), other.root()), key=lambda root: root.first)
        if upper is not lower:
            lower.parent = upper
            upper.area += lower.area
            upper.places += lower.places
            lower.places = ()


@dataclass(eq=False)
class _Band:
    """Rows whose objects may still be open.

    Parameters
    ----------
    labels : ndarray, shape (h, W), int32
        Label k is of `fragments[k]`; they count within the band.
    image : ndarray, shape (h, W, C)
    top : int
        First row, in the plane.
    fragments : list of _Fragment
        None at 0, the background.
    boxes : list of (slice, slice), or None
        Rows and columns in the band of label k at index k - 1; only if objects may be split.
    """

    labels: np.ndarray
    image: np.ndarray
    top: int
    fragments: list
    boxes: list | None = None

    @property
    def first(self):
        return self.top * self.labels.shape[1]

    @property
    def stop(self):
        return self.first + self.labels.size


def _numbered(bands, split, smallest):
    """Yield the final labels of each band, with its image."""
    count = 0
    for band in _closed(bands, split):
        for found in _beginning(band):
            if found.places:  # neither so where nothing is split, nor of the pieces of an object that began above
                _split(found)
        for found in sorted(_beginning(band), key=lambda root: root.first):
            if found.area >= smallest:
                count += 1
                found.number = count
        numbers = np.array([0] + [fragment.root().number for fragment in band.fragments[1:]], np.int32)
        yield numbers[band.labels], band.image


def _beginning(band):
    """Objects whose first pixel lies in a closed band."""
    return [root for root in {fragment.root() for fragment in band.fragments[1:]} if root.first >= band.first]


def _closed(bands, split):
    """Yield each band once all objects in it are closed."""
    held, row, width = deque(), 0, None
    for mask, image in bands:
        mask = np.asarray(mask)
        if image.ndim != 3 or image.shape[:2] != mask.shape or mask.shape[1] != (width or mask.shape[1]):
            raise ValueError(f"expected bands of one width, received a mask of {mask.shape} with an image of {image.shape}")
        if len(mask) == 0:
            continue
        width = mask.shape[1]
        band = _read(mask, image, row, split)
        row += len(mask)
        if held:  # else nothing reached the lower edge of the band above
            _join(held[-1], band)
        held.append(band)
        first_open = min((band.fragments[k].root().first for k in set(band.labels[-1].tolist()) - {0}), default=math.inf)
        while held and held[0].stop <= first_open:
            yield held.popleft()
    yield from held


def _read(mask, image, top, split):
    """Label one band."""
    labels = label(mask)
    inside = np.flatnonzero(mask)[::-1]
    name = labels.ravel()[inside]
    area = np.bincount(name, minlength=1)
    first = np.zeros(len(area), np.int64)
    first[name] = inside + top * mask.shape[1]  # the last one written stays: from bottom to top, that is the first pixel
    band = _Band(labels, image, top, [None], ndimage.find_objects(labels) if split else None)
    for k, (pixel, pixels) in enumerate(zip(first[1:].tolist(), area[1:].tolist(), strict=True), start=1):
        band.fragments.append(_Fragment(pixel, pixels, [(band, k)] if split else ()))
    return band


def _join(above, below):
    """Join the fragments of two bands that meet at their seam, corners included."""
    upper, lower = above.labels[-1], below.labels[0]
    for a, b in ((upper, lower), (upper[1:], lower[:-1]), (upper[:-1], lower[1:])):
        both = (a > 0) & (b > 0)
        for i, j in set(zip(a[both].tolist(), b[both].tolist(), strict=True)):
            above.fragments[i].join(below.fragments[j])


def _split(found):
    """Put the pieces of a closed object in its place, in all bands that hold it."""
    places, found.places = found.places, ()  # a band is not kept alive by what was in it
    where = [(band, k, *band.boxes[k - 1]) for band, k in places]
    top, bottom = min(b.top + rows.start for b, _, rows, _ in where), max(b.top + rows.stop for b, _, rows, _ in where)
    left, right = min(columns.start for *_, columns in where), max(columns.stop for *_, columns in where)
    if (bottom - top) * (right - left) > LARGEST:
        return
    width = places[0][0].labels.shape[1]
    mask = np.zeros((bottom - top, right - left), bool)
    # Of each place: its own window of the mask, of its band's labels, and which pixels there are the object's.
    windows = []
    for band, k, rows, columns in where:
        at = slice(band.top + rows.start - top, band.top + rows.stop - top), slice(columns.start - left, columns.stop - left)
        own = band.labels[rows, columns] == k
        mask[at] |= own
        windows.append((at, own))
    pieces = split_object(mask)
    inside = np.flatnonzero(pieces)
    area = np.bincount(pieces.ravel()[inside])
    if len(area) <= 2:  # background and one piece
        return
    first = np.zeros(len(area), np.int64)
    first[pieces.ravel()[inside[::-1]]] = inside[::-1]
    rows, columns = np.divmod(first, right - left)
    first = (rows + top) * width + columns + left
    parts = [_Fragment(int(f), int(a)) for f, a in zip(first, area, strict=True)]
    for (band, k, rows, columns), (at, own) in zip(where, windows, strict=True):
        present, index = np.unique(pieces[at][own], return_inverse=True)
        names = np.r_[k, len(band.fragments) + np.arange(len(present) - 1)]
        band.labels[rows, columns][own] = names[index]
        band.fragments[k] = parts[present[0]]
        band.fragments += [parts[p] for p in present[1:]]
