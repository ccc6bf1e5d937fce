"""Objects of a volume: those of its sections that touch from section to section, counted once.

Sections are 26-connected, as pixels of a section are 8-connected: what touches at an edge or a corner is one object, unless
objects that touch are separated.
"""

from itertools import product

import numpy as np
import pandas as pd

from pipeline.prediction.objects.label import connected, relabel, row_bands

COLUMNS = [
    *("label", "first_page", "last_page", "centroid_page", "centroid_row", "centroid_column", "volume_px", "volume_um3"),
    *("largest_area_px", "touches_border"),
]


def join_sections(labels, profiles, sections, split=False):
    """Give objects numbers that hold across a volume, in place; return the number of each profile: (N,), int32.

    The numbers 1, 2, 3, ... are in the order of the objects' first profiles. Each page of `labels` (pages, H, W), int32, is
    numbered by itself: 1, 2, 3, ..., and 0 is background. `profiles` are the objects of all pages in the order of their numbers,
    with the columns `page` (from 1) and, with several classes, `class`: objects of different classes stay apart. After so many
    `sections`, another time point or position begins.

    With `split`, objects that touch within a section were separated. Then a profile belongs only to the one before it that it
    overlaps most, if that one overlaps no other more: otherwise the parts would be joined again by their neighbours.
    """
    pages, height, _ = labels.shape
    first = np.searchsorted(profiles["page"].to_numpy(np.int64), np.arange(1, pages + 1))  # profile of each page, by its place
    of = profiles["class"].to_numpy() if "class" in profiles else np.zeros(len(profiles))
    links = [np.empty((2, 0), np.int64)]
    for page in (page for page in range(pages) if page % sections):
        one, other, count = _touching(labels, page, height, [(1, 1)] if split else list(product(range(3), repeat=2)))
        one, other = one + first[page - 1] - 1, other + first[page] - 1
        same = of[one] == of[other]
        one, other, count = one[same], other[same], count[same]
        if split:
            mutual = (count == _most(one, count, len(profiles))[one]) & (count == _most(other, count, len(profiles))[other])
            one, other = one[mutual], other[mutual]
        links.append(np.stack([one, other]))
    component = connected(np.concatenate(links, axis=1), len(profiles))
    number = (pd.factorize(component)[0] + 1).astype(np.int32)
    for page in range(pages):
        of_page = number[first[page] : first[page + 1] if page + 1 < pages else None]
        relabel(labels, page, np.append(0, of_page).astype(np.int32))
    return number


def _touching(labels, page, height, steps):
    """Pairs of labels of the page before and of a page that touch, and at how many pixels: three arrays (n,).

    `steps` are the places in a window of 3 × 3 around a pixel at which the page before is looked at.
    """
    found = []
    for start, stop in row_bands(height):
        here = labels[page, start:stop].astype(np.int64)
        around = (max(0, 1 - start), max(0, stop + 1 - height))
        before = np.pad(labels[page - 1, max(0, start - 1) : stop + 1].astype(np.int64), (around, (1, 1)))
        for down, right in steps:
            there = before[down : down + here.shape[0], right : right + here.shape[1]]
            both = (here > 0) & (there > 0)
            found.append(np.stack(np.unique((there[both] << 32) + here[both], return_counts=True)))
    pairs, counts = np.concatenate(found, axis=1)
    pairs, place = np.unique(pairs, return_inverse=True)
    return pairs >> 32, pairs & (2**32 - 1), np.bincount(place, counts, len(pairs)).astype(np.int64)


def _most(names, counts, length):
    """The largest of the counts of each name from 0 to `length` - 1."""
    most = np.zeros(length, np.int64)
    np.maximum.at(most, names, counts)
    return most


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
