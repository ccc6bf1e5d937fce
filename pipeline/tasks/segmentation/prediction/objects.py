"""Number and measure the objects of each page, and those of a volume through all of its sections."""

import numpy as np
import pandas as pd

from pipeline.atomic import write_table
from pipeline.prediction.objects.label import label_page, row_bands
from pipeline.prediction.objects.measure import measure_page
from pipeline.prediction.objects.solids import join_sections, measure_solids


def number_and_measure(masks, labels, scratch, page, names, choices, read, pixel_size_nm):
    """Number and measure the objects of a page, class after class: yield (name, table) of each foreground class.

    ``masks()`` gives the bands of the page; `labels` (pages, H, W) receives the numbers, and `scratch` is an array like it, which
    only several classes need.
    """
    offset, several = 0, len(names) > 2
    for number, name in enumerate(names[1:], 1):
        of_one = (mask == number for mask in masks()) if several else masks()
        target = scratch if several else labels
        found = label_page(of_one, target, page, choices.split, choices.smallest)
        table = measure_page(found, target, page, read, pixel_size_nm)
        if several:
            for start, stop in row_bands(labels.shape[1]):
                rows = scratch[page, start:stop]
                labels[page, start:stop] = np.where(rows > 0, rows + offset, labels[page, start:stop])
            table["label"] += offset
            table.insert(0, "class", name)
            offset += len(found)
        yield name, table


def write_solids(files, labels, stack, pixel_size_nm, split):
    """Give objects the same number in all sections, also in their table, and write their volumes; return how many there are."""
    profiles = pd.read_csv(files["objects"], dtype={"class": str}, keep_default_na=False)  # a class may be called NA
    profiles["label"] = join_sections(labels, profiles, stack.sections, split)
    write_table(files["objects"], profiles)
    known = pixel_size_nm is not None and stack.depth_nm is not None
    voxel_um3 = float(np.prod([*pixel_size_nm, stack.depth_nm]) * 1e-9) if known else None
    solids = measure_solids(profiles, stack.sections, voxel_um3)
    write_table(files["solids"], solids)
    return len(solids)
