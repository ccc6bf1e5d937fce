"""Objects as detections: one row for each, ranked by the confidence of the network.

The rows of all test images together are `per_object.csv`, and `average_precision` reads nothing but them.
"""

import numpy as np
import pandas as pd

from pipeline.scoring.objects import match


def per_object(objects, probability=None):
    """Describe each object of one image in one row.

    Parameters
    ----------
    objects : pipeline.scoring.objects.Objects
    probability : ndarray of float, shape (H, W), optional
        Predicted probability of foreground.

    Returns
    -------
    DataFrame
        Reference objects first, then predicted ones, each by label. ``kind`` ("reference" or "prediction"), ``label``,
        ``area`` in pixels, ``row`` and ``column`` of the centroid (the first pixel's centre is 0, 0), ``partner`` (label
        of the object that it matches at an IoU of 0.5 or more), ``iou`` with it, and ``confidence`` (of predicted objects:
        mean probability of their pixels). Missing where there is none; an empty cell in a CSV file.

    Raises
    ------
    ValueError
        If the probabilities have another shape than the masks.
    """
    if probability is not None and np.shape(probability) != objects.prediction.shape:
        raise ValueError(f"expected probabilities of shape {objects.prediction.shape}, received {np.shape(probability)}")
    matched = match(objects)
    pairs, iou = objects.pairs[matched], objects.iou[matched]
    references = _rows("reference", objects.reference, objects.reference_area, pairs, iou, None)
    predictions = _rows("prediction", objects.prediction, objects.prediction_area, pairs[:, ::-1], iou, probability)
    return pd.concat([references, predictions], ignore_index=True)


def _rows(kind, labels, areas, pairs, iou, probability):
    """One row for each label; `pairs` holds the own label first, then the partner's."""
    row, column = np.nonzero(labels)
    own = labels[row, column] - 1

    def mean(values):
        return np.bincount(own, weights=values, minlength=len(areas)) / areas

    table = pd.DataFrame({"kind": kind, "label": np.arange(1, len(areas) + 1), "area": areas})
    table["row"], table["column"] = mean(row), mean(column)
    table["partner"] = pd.Series(pairs[:, 1], index=pairs[:, 0] - 1, dtype="Int64")
    table["iou"] = pd.Series(iou, index=pairs[:, 0] - 1, dtype=float)
    table["confidence"] = np.nan if probability is None else mean(np.asarray(probability)[row, column])
    return table


def average_precision(table):
    """Area under the precision–recall curve of the objects at an IoU of 0.5, ranked by confidence over all images.

    By steps, without interpolation, as for pixels (`pipeline.scoring.curves`); objects of equal confidence enter together.
    COCO instead averages, over 101 recalls, the best precision at that recall or beyond, which smooths the curve upward.
    The curve ends at the recall that the mask's threshold leaves: objects below it are never found.

    Parameters
    ----------
    table : DataFrame
        The rows of `per_object`, of all test images together.

    Returns
    -------
    float or None
        None without any reference object; 0 if there are some and nothing was predicted.

    Raises
    ------
    ValueError
        If a predicted object has no confidence.
    """
    positives = int((table["kind"] == "reference").sum())
    predictions = table[table["kind"] == "prediction"]
    if predictions["confidence"].isna().any():
        raise ValueError("expected a confidence for every predicted object, received none; give per_object the probability")
    if not positives:
        return None
    by_confidence = predictions["partner"].notna().groupby(predictions["confidence"]).agg(["sum", "size"])
    tp, found = by_confidence[::-1].cumsum().to_numpy(float).T
    steps = np.diff(tp / positives, prepend=0.0)
    return float(np.sum(steps * tp / found))
