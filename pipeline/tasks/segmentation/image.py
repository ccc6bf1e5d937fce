"""Everything that is measured on one segmented test image."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from pipeline.scoring import boundary, objects, overlap
from pipeline.scoring.ratios import ratio


@dataclass(frozen=True)
class ImageScore:
    """The scores of one image.

    Attributes
    ----------
    unit : str
        The independent unit that it belongs to.
    pixels : ndarray
        True and false positives, false and true negatives.
    objects : dict
        As `pipeline.scoring.objects.count_objects` gives it.
    row : dict
        Its row of ``per_image.csv``.
    table : DataFrame
        Its rows of ``per_object.csv``.
    """

    unit: str
    pixels: np.ndarray
    objects: dict
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
    found = objects.find_objects(mask, prediction)
    counts = objects.count_objects(found)
    matches = counts["at_50"]
    row = {"image": record["name"], "group": record["group"], "unit": record["unit"]}
    row |= overlap.per_image(pixels) | boundary.per_image(mask, prediction, tolerance, pixel_size_nm)
    row |= {"objects_reference": len(found.reference_area), "objects_predicted": len(found.prediction_area)}
    row |= {"objects_matched": int(matches[0]), "objects_iou": matches[3], "object_f1": objects.f1_of_image(matches)}
    row |= dict(zip(("tp", "fp", "fn", "tn"), pixels, strict=True))
    table = objects.per_object(found, np.asarray(probability))
    table.insert(0, "image", record["name"])
    return ImageScore(record["unit"], pixels, counts, row, table)


def pooled_scores(images):
    """Scores that come from masks: all pooled, but for the means over images `dice_per_image` and `nsd`."""
    matches = objects.total(image.objects for image in images)["at_50"]
    scores = overlap.summarise([image.pixels for image in images])
    nsd = ratio(sum(image.row["nsd"] for image in images), len(images))
    return scores | {"nsd": nsd, "pq": objects.scores(matches)["pq"]}
