"""Precision–recall and ROC curves over every threshold.

The pixels of a test set go into histograms, so memory stays bounded. For whole images, `roc_points` and
`precision_recall_points` use the exact scores.
"""

import numpy as np
import pandas as pd

from pipeline.errors import UserError
from pipeline.scoring.choice import choose
from pipeline.scoring.ratios import dice, divide

# Where bins begin: at each k / 1024, and towards 0 and 1 sixteen times in each halving of the distance, down to 2^-20, because a
# trained network is sure of most pixels. All are exact in float32, so rounding never moves a pixel across a threshold.
_NEAR_ZERO = np.concatenate([2.0**-power * (1 + np.arange(16) / 16) for power in range(6, 21)])
EDGES = np.unique(np.concatenate([np.arange(1025) / 1024, _NEAR_ZERO, 1 - _NEAR_ZERO])).astype(np.float32)
POINTS = 200  # of a curve that is drawn


class Histogram:
    """Foreground and background pixels by predicted probability, in bins that begin at `EDGES`; the last one is for 1."""

    def __init__(self):
        self.foreground, self.background = np.zeros((2, len(EDGES)), np.int64)

    def add(self, reference, probabilities):
        """Count one image: a boolean mask, and the probabilities of foreground of the same shape.

        Raises a UserError if a probability is not in [0, 1].
        """
        if np.shape(reference) != np.shape(probabilities) or reference.dtype != bool:
            received = f"{reference.dtype} of shape {reference.shape}"
            raise ValueError(f"expected a boolean mask of shape {probabilities.shape}, received {received}")
        if not ((probabilities >= 0) & (probabilities <= 1)).all():
            raise UserError(
                f"expected probabilities from 0 to 1, received {probabilities.min()} to {probabilities.max()}; "
                "the training may have diverged: lower train.lr"
            )
        bins = np.searchsorted(EDGES, probabilities, side="right") - 1
        self.foreground += np.bincount(bins[reference], minlength=len(EDGES))
        self.background += np.bincount(bins[~reference], minlength=len(EDGES))

    def __add__(self, other):
        """Count the pixels of both."""
        both = Histogram()
        both.foreground, both.background = self.foreground + other.foreground, self.background + other.background
        return both

    def at_thresholds(self):
        """The `EDGES` as thresholds, and the true and false positives at each: three arrays of one length."""
        tp, fp = (np.cumsum(counts[::-1])[::-1] for counts in (self.foreground, self.background))
        return EDGES.astype(np.float64), tp, fp


def precision_recall(histogram):
    """Score all pixels together at every threshold: ``threshold``, ``dice``, ``precision``, ``recall``.

    Thresholds ascend; foreground is at or above them. Those above every probability are left out, because precision is undefined
    there. Without any foreground, recall is NaN.
    """
    threshold, tp, fp = histogram.at_thresholds()
    scores = {"dice": dice(tp, fp, tp[0] - tp), "precision": divide(tp, tp + fp), "recall": divide(tp, tp[0])}
    return pd.DataFrame({"threshold": threshold} | scores)[tp + fp > 0]


def average_precision(histogram):
    """Area under the precision–recall curve in steps, as scikit-learn defines it; None without any foreground."""
    if not histogram.foreground.any():
        return None
    curve = precision_recall(histogram)
    return float(np.sum(-np.diff(curve["recall"], append=0.0) * curve["precision"]))


def roc(histogram):
    """Compute the ROC curve of all pixels together, thresholds ascending. At the last one, infinity, both rates are 0.

    ``false_positive_rate`` is NaN without any background, ``true_positive_rate`` without any foreground.
    """
    threshold, tp, fp = (np.append(values, end) for values, end in zip(histogram.at_thresholds(), (np.inf, 0, 0), strict=True))
    rates = {"false_positive_rate": divide(fp, fp[0]), "true_positive_rate": divide(tp, tp[0])}
    return pd.DataFrame({"threshold": threshold} | rates)


def roc_area(histogram):
    """Area under the ROC curve: how often a foreground pixel has a higher probability than a background pixel.

    Pixels in the same bin are ties and count one half. None without any foreground or without any background.
    """
    if not histogram.foreground.any() or not histogram.background.any():
        return None
    curve = roc(histogram)
    return float(-np.trapezoid(curve["true_positive_rate"], curve["false_positive_rate"]))


def best_threshold(histograms):
    """Choose the threshold whose pooled Dice is high: of those that are as good as the best, the nearest to 0.5.

    Parameters
    ----------
    histograms : list of Histogram
        One for each independent unit (see `pipeline.scoring.choice.choose`).

    Returns
    -------
    float
        0.5 without any foreground.
    """
    found = [histogram.at_thresholds() for histogram in histograms if histogram.foreground.any() or histogram.background.any()]
    if not any(tp[0] for _, tp, _ in found):
        return 0.5
    threshold = EDGES.astype(np.float64)
    counts = np.array([(tp, fp, tp[0] - tp) for _, tp, fp in found]).transpose(0, 2, 1)
    return float(threshold[choose(counts, lambda sums: dice(*np.moveaxis(sums, -1, 0)), np.abs(threshold - 0.5))])


def thinned(curve):
    """Keep about `POINTS` evenly spaced rows of a curve and its last one: enough to draw it."""
    kept = np.arange(0, len(curve), max(1, len(curve) // POINTS))
    return curve.iloc[np.union1d(kept, [len(curve) - 1])] if len(curve) else curve


def roc_points(positive, score):
    """Compute the ROC curve of single images from two arrays, shape (N,), bool and float.

    The columns are ``false_positive_rate`` and ``true_positive_rate``; empty without a positive or without a negative.
    """
    from sklearn import metrics  # takes a second to import, and training does not need it

    defined = positive.any() and not positive.all()
    false, true, _ = metrics.roc_curve(positive, score) if defined else ([], [], [])
    return pd.DataFrame({"false_positive_rate": false, "true_positive_rate": true})


def precision_recall_points(positive, score):
    """Compute the precision–recall curve of single images, as `roc_points` does: ``recall`` (ascending), ``precision``."""
    from sklearn import metrics

    precision, recall, _ = metrics.precision_recall_curve(positive, score) if positive.any() else ([], [], [])
    return pd.DataFrame({"recall": recall[::-1], "precision": precision[::-1]})
