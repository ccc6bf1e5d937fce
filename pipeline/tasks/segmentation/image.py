"""Everything that is measured on one segmented test image."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from pipeline.scoring import boundary, instances, overlap
from pipeline.scoring.detections import per_object
from pipeline.scoring.instances import ObjectCounts
from pipeline.scoring.objects import find_objects
from pipeline.scoring.overlap import Counts
from pipeline.scoring.ratios import ratio


@dataclass(frozen=True)
class ImageScore:
    """The scores of one image.

    Attributes
    ----------
    unit : str
        The independent unit that it belongs to.
    pixels : Counts
    objects : ObjectCounts
    row : dict
        Its row of ``per_image.csv``.
    table : DataFrame
        Its rows of ``per_object.csv``.
    """

    unit: str
    pixels: Counts
    objects: ObjectCounts
    row: dict
    table: pd.DataFrame


def score_image(record, mask, probability, threshold, tolerance, pixel_size_nm=None):
    """Score one image.

    Parameters
    ----------
    record : pandas.Series
        Its row of ``split.csv``: name, group, unit.
    mask : ndarray, shape (H, W), bool
    probability : ndarray, shape (H, W), float32
    threshold : float
        Foreground is what is at or above it.
    tolerance : float
        Of the normalised surface Dice, in pixels.
    pixel_size_nm : (float, float), optional
        Height and width of a pixel.

    Returns
    -------
    ImageScore
    """
    prediction = probability >= threshold
    pixels = overlap.confusion_counts(mask, prediction)
    found = find_objects(mask, prediction)
    objects = instances.count_objects(found)
    row = {"image": record["name"], "group": record["group"], "unit": record["unit"]}
    row |= overlap.per_image(pixels) | boundary.per_image(mask, prediction, tolerance, pixel_size_nm)
    row |= {"objects_reference": objects.reference, "objects_predicted": objects.predicted}
    row |= {"objects_matched": objects.at_50.tp, "objects_iou": objects.at_50.iou_sum}
    row |= {"object_f1": instances.f1_of_image(objects)}
    row |= {"tp": pixels.tp, "fp": pixels.fp, "fn": pixels.fn, "tn": pixels.tn}
    table = per_object(found, np.asarray(probability))
    table.insert(0, "image", record["name"])
    return ImageScore(record["unit"], pixels, objects, row, table)


def pooled_scores(images):
    """Scores that come from masks: all pooled, but for the means over images `dice_per_image` and `nsd`."""
    objects = sum((image.objects for image in images), ObjectCounts())
    scores = overlap.summarise(image.pixels for image in images)
    return scores | {"nsd": ratio(sum(image.row["nsd"] for image in images), len(images)), "pq": objects.at_50.pq}
