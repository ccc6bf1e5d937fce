"""Objects as detections: a table with one row per object, and the average precision that follows from it."""

import numpy as np
import pandas as pd
from scipy import ndimage

from pipeline.scoring.objects import MATCH


def per_object(objects, probability=None):
    """Describe the `Objects` of one image; `probability` (H, W) is that of foreground.

    Returns a DataFrame, reference objects first, then predicted ones, each by label: ``kind`` ("reference" or "prediction"),
    ``label``, ``area`` in pixels, ``row`` and ``column`` of the centroid (the centre of the first pixel is 0, 0), ``partner``
    (label of the matching object), ``iou`` with it, ``confidence`` (of predictions: mean probability of their pixels).
    """
    matched = objects.iou >= MATCH
    pairs, iou = objects.pairs[matched], objects.iou[matched]
    references = _table("reference", objects.reference, objects.reference_area, pairs, iou, None)
    predictions = _table("prediction", objects.prediction, objects.prediction_area, pairs[:, ::-1], iou, probability)
    return pd.concat([references, predictions], ignore_index=True)


def _table(kind, labels, areas, pairs, iou, probability):
    """One row per label; the first column of `pairs` holds these labels, the second those of their partners."""
    index = np.arange(1, len(areas) + 1)
    centroids = np.reshape(ndimage.center_of_mass(labels > 0, labels, index), (-1, 2))
    table = pd.DataFrame({"kind": kind, "label": index, "area": areas, "row": centroids[:, 0], "column": centroids[:, 1]})
    table["partner"] = pd.Series(pairs[:, 1], index=pairs[:, 0] - 1, dtype="Int64")
    table["iou"] = pd.Series(iou, index=pairs[:, 0] - 1, dtype=float)
    table["confidence"] = np.nan if probability is None else ndimage.mean(probability, labels, index)
    return table


def average_precision(table):
    """Area under the precision–recall curve of the objects at an IoU of 0.5, ranked by confidence over all images.

    In steps, as for pixels (`pipeline.scoring.curves`); objects of equal confidence enter together. COCO instead averages
    the best precision at or beyond each of 101 recalls, which smooths the curve upwards. The curve ends at the recall of
    the mask's threshold: objects below it are never found.

    `table` holds the rows of `per_object`, of all test images together. None without any reference object; 0 if there are
    some and none was found.
    """
    from sklearn.metrics import average_precision_score  # takes a second to import

    positives = int((table["kind"] == "reference").sum())
    predictions = table[table["kind"] == "prediction"]
    found = predictions["partner"].notna()
    if not positives or not found.any():
        return 0.0 if positives else None
    # scikit-learn knows nothing of missed objects: its recall is relative to those found.
    return float(average_precision_score(found, predictions["confidence"]) * found.sum() / positives)
