"""Everything that is measured of one class on one segmented test image."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from pipeline.scoring import boundary, classes, objects
from pipeline.tasks.segmentation.separation import numbered

DISTANCES = ("hd95", "assd")  # beginnings of the names of columns


@dataclass(frozen=True)
class ImageScore:
    objects: dict  # as `pipeline.scoring.objects.count_objects` gives it
    row: dict  # of ``per_image.csv``
    table: pd.DataFrame  # its rows of ``per_object.csv``


def score_image(
    record, pixels, reference, prediction, probability, tolerance, pixel_size_nm, instances=None, split=False, smallest=1
):
    """Score one class of an image, whose row of ``split.csv`` is `record`: an `ImageScore`.

    `pixels` are the counts (tp, fp, fn, tn). `reference` and `prediction` are (H, W), bool: where the class is, and no pixel is
    ignored; `probability` is (H, W), float32. `tolerance` is that of the normalised surface Dice, in pixels; `pixel_size_nm` is
    the height and width of a pixel. `instances`, (H, W), are the numbers of the objects; None: they are the components of
    `reference`. With `split`, predicted objects that touch are separated; those of fewer pixels than `smallest` do not count.
    """
    found = objects.find_objects(reference if instances is None else instances, numbered(prediction, split, smallest))
    counts = objects.count_objects(found)
    matches = counts["at_50"]
    row = {"image": record["name"], "group": record["group"], "unit": record["unit"]}
    row |= classes.per_image(pixels) | boundary.per_image(reference, prediction, tolerance, pixel_size_nm)
    row |= {"objects_reference": len(found.reference_area), "objects_predicted": len(found.prediction_area)}
    row |= {"objects_matched": int(matches[0]), "objects_iou": matches[3], "object_f1": objects.f1_of_image(matches)}
    row |= dict(zip(("tp", "fp", "fn", "tn"), pixels, strict=True))
    table = objects.per_object(found, np.asarray(probability))
    table.insert(0, "image", record["name"])
    return ImageScore(counts, row, table)


def mean(values):
    """Mean of the values that are not None; None if there are none."""
    defined = [value for value in values if value is not None]
    return sum(defined) / len(defined) if defined else None


def mean_over_classes(scores):
    """Join the `ImageScore` of each foreground class of one image to a row of ``per_image.csv``.

    Shares are means over the classes that mask or prediction hold, where they are defined; objects are added up. Distances are
    means, too, but undefined if one of these classes has none: otherwise a network would gain by missing a class.
    """
    rows = [score.row for score in scores]
    there = [row for row in rows if row["tp"] + row["fp"] + row["fn"]] or rows
    joined = {key: rows[0][key] for key in ("image", "group", "unit")}
    for key in rows[0].keys() - joined.keys() - {"tp", "fp", "fn", "tn"}:
        if key.startswith("objects_") or key.endswith("_fraction"):
            joined[key] = sum(row[key] or 0 for row in rows)  # the share of nothing is undefined
            continue
        values = [row[key] for row in there]
        joined[key] = None if key.startswith(DISTANCES) and None in values else mean(values)
    return {key: joined[key] for key in rows[0] if key in joined}
