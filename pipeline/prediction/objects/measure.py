"""Measure the objects of a page, band by band, with `skimage.measure.regionprops_table`."""

import math

import numpy as np
import pandas as pd
from skimage.measure import regionprops_table

from pipeline.prediction.objects.label import BAND, LARGEST, row_bands

COLUMNS = [  # of the table of objects
    *("label", "centroid_row", "centroid_column", "area_px", "area_um2", "perimeter_px", "perimeter_um"),
    *("major_axis_px", "major_axis_um", "minor_axis_px", "minor_axis_um", "eccentricity", "solidity"),
    *("circularity", "mean_intensity", "touches_border"),
]
# Properties as scikit-image calls them, and the columns that they become.
PLACES = {"centroid-0": "centroid_row", "centroid-1": "centroid_column"}
LENGTHS = {"perimeter": "perimeter_px", "axis_major_length": "major_axis_px", "axis_minor_length": "minor_axis_px"}
RATIOS = {"eccentricity": "eccentricity", "solidity": "solidity", "intensity_mean": "mean_intensity"}
ELLIPSE = {"axis_major_length": "major_axis_um", "axis_minor_length": "minor_axis_um", "eccentricity": "eccentricity"}


def measure_page(objects, labels, page, read, pixel_size_nm=None):
    """Measure the objects of a page: a DataFrame with the columns `COLUMNS`, one row per object.

    `objects` comes from `label_page`; ``read(page, start, stop)`` returns rows of the image (stop - start, W, C). The perimeter
    runs through the centres of the border pixels; axes (full) and eccentricity are those of the ellipse of equal second moments;
    circularity is 4 pi area / perimeter², at most 1, and empty where the perimeter is 0; the mean grey value is over pixels and
    channels. Without a pixel size (height, width) the columns in micrometres are empty. If pixels are not square, so are
    `perimeter_um` and `circularity`, and the eccentricity is that of the ellipse in micrometres.

    Memory holds two bands of a page, or the bounding box of one object that is taller. One that exceeds `LARGEST` would need
    gigabytes: but for its area, it is measured on every second, third, ... row and column.
    """
    if objects.empty:
        return pd.DataFrame(columns=COLUMNS)
    size_um = None if pixel_size_nm is None else tuple(size / 1000 for size in pixel_size_nm)
    _, height, width = labels.shape
    tall, parts = objects["bottom"] - objects["top"] > BAND, []
    for start, stop in row_bands(height):
        here = objects[~tall & objects["top"].between(start, stop - 1)]
        if len(here):  # the window holds all objects that begin in the band to their last rows
            end = here["bottom"].max()
            parts.append(_measured(labels[page, start:end], here.index, read(page, start, end), (start, 0), 1, size_um))
    for number, found in objects[tall].iterrows():
        top, bottom, columns = found["top"], found["bottom"], slice(found["left"], found["right"])
        step = math.ceil(math.sqrt((bottom - top) * (columns.stop - columns.start) / LARGEST))
        bands = ((start, read(page, top + start, top + stop)) for start, stop in row_bands(bottom - top))
        image = np.concatenate([band[-start % step :: step, columns][:, ::step] for start, band in bands])
        sampled = labels[page, top:bottom:step, columns][:, ::step]
        parts.append(_measured(sampled, pd.Index([number]), image, (top, columns.start), step, size_um))
    table = pd.concat(parts).loc[objects.index].assign(area_px=objects["area"])
    edges = (objects["top"] == 0, objects["left"] == 0, objects["bottom"] == height, objects["right"] == width)
    table["touches_border"] = np.logical_or.reduce(edges)
    perimeter = table["perimeter_px"].where(table["perimeter_px"] > 0)
    table["circularity"] = (4 * math.pi * table["area_px"] / perimeter**2).clip(upper=1)
    if size_um is not None:
        table["area_um2"] = table["area_px"] * math.prod(size_um)
        if size_um[0] == size_um[1]:
            table["perimeter_um"] = table["perimeter_px"] * size_um[0]
        else:
            table["circularity"] = np.nan
    return table.rename_axis("label").reset_index().reindex(columns=COLUMNS)


def _measured(labels, names, image, corner, step, size_um):
    """Measure the objects with these `names` in a part of a page, of which it has each `step`-th pixel from the `corner` on."""
    grey = np.nan_to_num(image.astype(np.float64), posinf=0, neginf=0).mean(axis=-1)
    before = names.min() - 1  # scikit-image looks for each number up to the largest
    labels = np.where(np.isin(labels, names), labels - before, 0)
    found = pd.DataFrame(regionprops_table(labels, grey, ("label", "centroid", *LENGTHS, *RATIOS))).set_index("label")
    table = step * found[[*PLACES, *LENGTHS]].rename(columns=PLACES | LENGTHS)
    for column, first in zip(PLACES.values(), corner, strict=True):
        table[column] += first
    table = table.join(found[[*RATIOS]].rename(columns=RATIOS))
    if size_um is not None:
        ellipse = regionprops_table(labels, properties=ELLIPSE, spacing=[step * size for size in size_um])
        table = table.assign(**{column: ellipse[name] for name, column in ELLIPSE.items()})
    return table.set_index(table.index + before)
