"""Everything that is measured on one segmented test image."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from pipeline.scoring import boundary, objects, overlap


@dataclass(frozen=True)
class ImageScore:
    """The scores of one image."""

    pixels: np.ndarray  # true and false positives, false and true negatives
    objects: dict  # as `pipeline.scoring.objects.count_objects` gives it
    row: dict  # of ``per_image.csv``
    table: pd.DataFrame  # its rows of ``per_object.csv``


def score_image(record, mask, probability, threshold, tolerance, pixel_size_nm):
    """Score one image, whose row of ``split.csv`` is `record`: an `ImageScore`.

    `mask` is (H, W), bool; `probability` is (H, W), float32, and foreground at or above `threshold`. `tolerance` is that of
    the normalised surface Dice, in pixels; `pixel_size_nm` is the height and width of a pixel.
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
    return ImageScore(pixels, counts, row, table)
