"""Number the objects of a page band by band, so that the page may be larger than memory.

Objects are 8-connected components, as in `pipeline.scoring.objects`. They are numbered 1, 2, 3, ... by their first pixels in
reading order, wherever the page was cut into bands.
"""

import math

import numpy as np
import pandas as pd
from scipy import ndimage
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components
from skimage.morphology import local_maxima, reconstruction
from skimage.segmentation import watershed

from pipeline.scoring.objects import label

BAND = 512  # rows in memory at a time
NECK = 0.75  # two equal discs part once their centres are 1.3 radii apart; a rod of uneven width stays whole
LARGEST = 2**24  # pixels of a bounding box that is split: the watershed needs about 64 bytes for each, 1 GB in all
EIGHT = np.ones((3, 3), bool)  # objects are 8-connected
EXTENT = {"first": "min", "area": "sum", "top": "min", "left": "min", "bottom": "max", "right": "max"}


def row_bands(rows):
    """First row and end row of each band of a page."""
    return [(start, min(start + BAND, rows)) for start in range(0, rows, BAND)]


def label_page(masks, labels, page, split=False, smallest=1):
    """Number the objects of a page into ``labels[page]``, int32; 0 is background.

    `masks` are boolean bands (h, W) of the page from the top down, of any height. With `split`, objects that touch are separated
    (see `split_object`), unless their bounding box exceeds `LARGEST`. Objects of fewer pixels than `smallest` become background.

    Returns a DataFrame with one row per object, indexed by its number: `first` pixel in reading order, `area` in pixels, and its
    bounding box from `top` and `left` to just before `bottom` and `right`.
    """
    objects = _label_bands(masks, labels, page)
    if split:
        objects = _split(objects, labels, page)
    if len(objects) and (split or smallest > 1):
        highest = objects.index.max()
        objects, number = _in_reading_order(objects[objects["area"] >= smallest], highest)
        relabel(labels, page, number)
    return objects


def split_object(mask):
    """Separate the parts of an object that only a narrow neck connects, by a watershed on the distance to the background.

    Let p be the largest distance to the background in the smaller part, and s the largest distance that a path to the other
    part can keep, both in pixels. The parts are separated if (1 + s) / (1 + p) is below `NECK`. A ratio treats small and
    large objects alike; the 1 keeps the pixel grid from dividing the smallest ones. The parts are the h-maxima of
    log(1 + distance), with h = -log(NECK).

    `mask`, bool (H, W), is the object in its bounding box; everything outside counts as background. Returns int32 labels (H, W):
    0 is background; the pieces are 8-connected, numbered from 1, and cover the object.
    """
    padded = np.pad(mask, 1)
    height = np.log1p(ndimage.distance_transform_edt(padded))
    peaks = local_maxima(reconstruction(height + math.log(NECK), height, footprint=EIGHT), footprint=EIGHT)
    markers, count = ndimage.label(peaks & padded, EIGHT)
    if count == 1:
        return mask.astype(np.int32)
    return watershed(-height, markers, connectivity=EIGHT, mask=padded)[1:-1, 1:-1].astype(np.int32)


def _label_bands(masks, labels, page):
    """Label each band by itself, then join the fragments that touch across the border of two bands."""
    width = labels.shape[2]
    fragments, touching, count, row, above = [], [], 0, 0, np.zeros(width + 2, np.int32)
    for mask in masks:
        band = label(mask)
        fragments.append(_extents(band, row, 0, width))
        band[band > 0] += count
        labels[page, row : row + len(band)] = band
        for neighbour in (above[:-2], above[1:-1], above[2:]):  # a shared corner connects, too
            both = (neighbour > 0) & (band[0] > 0)
            touching.append(np.stack([neighbour[both], band[0][both]]))
        count, row, above = count + len(fragments[-1]), row + len(band), np.pad(band[-1], 1)
    touching = np.concatenate(touching, axis=1)
    component = connected(touching, count + 1)
    objects, number = _in_reading_order(pd.concat(fragments).groupby(component[1:]).agg(EXTENT), component.max())
    relabel(labels, page, number[component])
    return objects


def _split(objects, labels, page):
    """Split the objects of a page, one window of rows after the other; pieces get new labels behind the present ones."""
    fits = (objects["bottom"] - objects["top"]) * (objects["right"] - objects["left"]) <= LARGEST
    parts, replaced, count = [objects], [], len(objects)
    for start, stop in row_bands(labels.shape[1]):
        here = objects[fits & objects["top"].between(start, stop - 1)]
        if here.empty:
            continue
        end = here["bottom"].max()  # the window holds all objects that begin in the band to their last rows
        window = labels[page, start:end]
        for found in here.itertuples():
            box = window[found.top - start : found.bottom - start, found.left : found.right]
            mask = box == found.Index
            pieces = split_object(mask)
            if pieces.max() > 1:
                box[mask] = pieces[mask] + count
                extents = _extents(pieces, found.top, found.left, labels.shape[2])
                parts.append(extents.set_axis(range(count + 1, count + 1 + len(extents))))
                replaced.append(found.Index)
                count += len(extents)
        labels[page, start:end] = window
    return pd.concat(parts).drop(index=replaced)


def _extents(labels, row, column, width):
    """First pixel, area and bounding box of labels 1 to n, of which n exist, in a part of a page that begins at (row, column)."""
    inside = np.flatnonzero(labels)[::-1]
    names = labels.ravel()[inside]
    area = np.bincount(names, minlength=1)[1:]
    first = np.zeros(len(area) + 1, np.int64)
    first[names] = inside  # from the bottom up, so that the first pixel is written last
    rows, columns = np.divmod(first[1:], labels.shape[1])
    boxes = [(r.start, c.start, r.stop, c.stop) for r, c in ndimage.find_objects(labels)]
    boxes = np.array(boxes, np.int64).reshape(-1, 4) + np.array([row, column, row, column])
    extents = pd.DataFrame(boxes, columns=["top", "left", "bottom", "right"])
    return extents.assign(first=(rows + row) * width + columns + column, area=area)


def _in_reading_order(objects, highest):
    """Sort objects by their first pixels; also return the new number of each old label up to `highest`, 0 if it is gone."""
    objects = objects.sort_values("first")
    number = np.zeros(highest + 1, np.int32)
    number[objects.index] = np.arange(1, len(objects) + 1)
    return objects.set_axis(range(1, len(objects) + 1)), number


def connected(pairs, count):
    """Number of the component that each of `count` nodes belongs to, shape (count,); `pairs` of them (2, n) are connected."""
    graph = coo_array((np.ones(pairs.shape[1], bool), pairs), shape=(count, count))
    return connected_components(graph, directed=False)[1]


def relabel(labels, page, number):
    """Replace each label of a page by its `number`, band by band, in place."""
    for start, stop in row_bands(labels.shape[1]):
        labels[page, start:stop] = number[labels[page, start:stop]]
