"""Ratios of counts: the only place in this room that defines Dice, IoU, precision and the like.

The functions take numbers or arrays, so one definition serves an image, a test set and all resamples of a bootstrap.
A ratio with denominator zero is undefined: NaN in an array, None as a single score.
"""

import numpy as np


def divide(numerator, denominator):
    """Divide elementwise; NaN where the denominator is zero."""
    numerator, denominator = np.broadcast_arrays(numerator, denominator)
    return np.divide(numerator, denominator, out=np.full(numerator.shape, np.nan), where=denominator != 0)


def or_none(value):
    """Convert a number to float, and NaN to None."""
    return None if np.isnan(value) else float(value)


def ratio(numerator, denominator):
    """Divide two numbers; None if the denominator is zero."""
    return numerator / denominator if denominator else None


def dice(tp, fp, fn):
    """Sørensen–Dice coefficient, equal to the F1 score."""
    return divide(2 * tp, 2 * tp + fp + fn)


def iou(tp, fp, fn):
    """Intersection over union (Jaccard index)."""
    return divide(tp, tp + fp + fn)


def _of_columns(score):
    return lambda sums: score(*np.moveaxis(np.asarray(sums), -1, 0))


# Statistics of summed counts, (..., K) -> (...), as `pipeline.scoring.statistics.interval` takes them.
# Pixels, columns tp, fp, fn, tn:
OVERLAP = {
    "iou": _of_columns(lambda tp, fp, fn, tn: iou(tp, fp, fn)),
    "dice": _of_columns(lambda tp, fp, fn, tn: dice(tp, fp, fn)),
    "precision": _of_columns(lambda tp, fp, fn, tn: divide(tp, tp + fp)),
    "recall": _of_columns(lambda tp, fp, fn, tn: divide(tp, tp + fn)),
}
# Objects, columns tp, fp, fn, sum of the IoU of the matched pairs:
OBJECTS = {
    "object_f1": _of_columns(lambda tp, fp, fn, iou_sum: dice(tp, fp, fn)),
    "pq": _of_columns(lambda tp, fp, fn, iou_sum: divide(2 * iou_sum, 2 * tp + fp + fn)),
}
MEAN = _of_columns(divide)  # columns value, 1; or 0, 0 where the value is undefined
