"""Everything that is measured on one segmented test image."""

from dataclasses import asdict, dataclass

import numpy as np
import pandas as pd

from pipeline.scoring import boundary, instances, overlap
from pipeline.scoring.detections import per_object
from pipeline.scoring.instances import ObjectCounts
from pipeline.scoring.objects import find_objects
from pipeline.scoring.overlap import Counts


@dataclass(frozen=True)
class ImageScore:
    """The scores of one image."""

    pixels: Counts
    objects: ObjectCounts
    row: dict  # of ``per_image.csv``
    table: pd.DataFrame  # its rows of ``per_object.csv``


def score_image(record, mask, probability, threshold, tolerance, pixel_size_nm):
    """Score one image, whose row of ``split.csv`` is `record`: an `ImageScore`.

    `mask` is (H, W), bool; `probability` is (H, W), float32, and foreground at or above `threshold`. `tolerance` is that of
    the normalised surface Dice, in pixels; `pixel_size_nm` is the height and width of a pixel.
    """
    prediction = probability >= threshold
    pixels = overlap.confusion_counts(mask, prediction)
    found = find_objects(mask, prediction)
    objects = instances.count_objects(found)
    row = {"image": record["name"], "group": record["group"], "unit": record["unit"]}
    row |= overlap.per_image(pixels) | boundary.per_image(mask, prediction, tolerance, pixel_size_nm)
    row |= {"objects_reference": objects.reference, "objects_predicted": objects.predicted}
    row |= {"objects_matched": objects.at_50.tp, "objects_iou": objects.at_50.iou_sum}
    row |= {"object_f1": instances.f1_of_image(objects)} | asdict(pixels)
    table = per_object(found, np.asarray(probability))
    table.insert(0, "image", record["name"])
    return ImageScore(pixels, objects, row, table)
