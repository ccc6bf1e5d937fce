"""Objects of a volume: those of its sections that touch from section to section, counted once.

Sections are 26-connected, as pixels of a section are 8-connected: what touches at an edge or a corner is one object.
"""

from itertools import product

import numpy as np
import pandas as pd
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from pipeline.prediction.objects.label import row_bands

COLUMNS = [
    *("label", "first_page", "last_page", "centroid_page", "centroid_row", "centroid_column", "volume_px", "volume_um3"),
    *("largest_area_px", "touches_border"),
]


def join_sections(labels, profiles, sections):
    """Give the objects of all sections numbers that hold through a volume, in place.

    Parameters
    ----------
    labels : array, shape (pages, H, W), int32
        Each page is numbered by itself, from 1; 0 is background.
    profiles : pandas.DataFrame
        The objects of all pages, with the columns `page` (from 1), `label` and, if there are several classes, `class`: objects of
        different classes stay apart.
    sections : int
        Pages of one volume. The next ones are another time point or position.

    Returns
    -------
    ndarray, shape (N,), int32
        The number of each profile: 1, 2, 3, ... in the order of their first profiles.
    """
    pages, height, _ = labels.shape
    place = np.zeros((pages, profiles["label"].max() + 1 if len(profiles) else 1), np.int64)  # of a label of a page, from 1
    place[profiles["page"] - 1, profiles["label"]] = np.arange(1, len(profiles) + 1)
    touching = [np.empty((2, 0), np.int64)]
    for page in (page for page in range(pages) if page % sections):
        for start, stop in row_bands(height):
            here = place[page][labels[page, start:stop]]
            around = (max(0, 1 - start), max(0, stop + 1 - height))
            before = np.pad(place[page - 1][labels[page - 1, max(0, start - 1) : stop + 1]], (around, (1, 1)))
            for down, right in product(range(3), repeat=2):
                other = before[down : down + here.shape[0], right : right + here.shape[1]]
                both = (here > 0) & (other > 0)
                touching.append(np.unique(np.stack([other[both], here[both]]), axis=1))
    one, other = np.concatenate(touching, axis=1) - 1
    if "class" in profiles:
        of = profiles["class"].to_numpy()
        one, other = one[of[one] == of[other]], other[of[one] == of[other]]
    graph = coo_array((np.ones(len(one), bool), (one, other)), shape=(len(profiles), len(profiles)))
    _, component = connected_components(graph, directed=False)
    number = (pd.factorize(component)[0] + 1).astype(np.int32)
    for page in range(pages):
        of_page = np.append(0, number)[place[page]].astype(np.int32)
        for start, stop in row_bands(height):
            labels[page, start:stop] = of_page[labels[page, start:stop]]
    return number


def measure_solids(profiles, sections, voxel_um3=None):
    """Measure the objects of volumes from those of their sections: a DataFrame with the columns `COLUMNS`, one row per object.

    `profiles` are as `pipeline.prediction.objects.measure.measure_page` measured them, with `page` and the labels that
    `join_sections` gave them. An object that is cut by the first or the last section of its volume touches its border, too.
    Without `voxel_um3`, the volume of a voxel in cubic micrometres, `volume_um3` is empty.
    """
    at_end = (profiles["page"] % sections).isin([0, 1 % sections])
    weighted = {f"centroid_{axis}": profiles[f"centroid_{axis}"] * profiles["area_px"] for axis in ("row", "column")}
    weighted |= {"centroid_page": profiles["page"] * profiles["area_px"], "cut": profiles["touches_border"].astype(bool) | at_end}
    named = ["class", "label"] if "class" in profiles else ["label"]
    groups = profiles.assign(**weighted).groupby(named, sort=False)
    found = groups.agg(
        first_page=("page", "min"),
        last_page=("page", "max"),
        volume_px=("area_px", "sum"),
        largest_area_px=("area_px", "max"),
        touches_border=("cut", "any"),
        **{name: (name, "sum") for name in ("centroid_page", "centroid_row", "centroid_column")},
    ).reset_index()
    for name in ("centroid_page", "centroid_row", "centroid_column"):
        found[name] /= found["volume_px"]
    if voxel_um3 is not None:
        found["volume_um3"] = found["volume_px"] * voxel_um3
    return found.reindex(columns=[*named[:-1], *COLUMNS]).sort_values("label", ignore_index=True)
