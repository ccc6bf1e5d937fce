"""Precision–recall and ROC curves over every threshold, from histograms: bounded memory whatever the number of pixels.

Those of a few images, in `roc_points` and `precision_recall_points`, need no binning.
"""

from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from pipeline.errors import UserError

BINS = 1024  # a power of two: p · 1024 and k / 1024 are exact in float32, so no pixel changes sides by rounding


def _no_pixels():
    return np.zeros(BINS + 1, np.int64)


@dataclass
class Histogram:
    """Foreground and background pixels by predicted probability, accumulated image by image.

    Attributes
    ----------
    foreground, background : ndarray, shape (1025,), int64
        Bin k counts the probabilities in [k / 1024, (k + 1) / 1024); the last one those equal to 1.
    """

    foreground: np.ndarray = field(default_factory=_no_pixels)
    background: np.ndarray = field(default_factory=_no_pixels)

    def add(self, reference, probabilities):
        """Count one image.

        Parameters
        ----------
        reference : ndarray of bool
        probabilities : ndarray of float
            Of the same shape, in [0, 1].

        Raises
        ------
        UserError
            If a probability is not in [0, 1], as after a training that diverged.
        """
        reference, probabilities = np.asarray(reference), np.asarray(probabilities)
        if reference.shape != probabilities.shape or reference.dtype != bool:
            raise ValueError(
                f"expected a boolean mask of shape {probabilities.shape}, received {reference.dtype} of {reference.shape}"
            )
        if not ((probabilities >= 0) & (probabilities <= 1)).all():
            raise UserError(
                f"expected probabilities from 0 to 1, received {probabilities.min()} to {probabilities.max()}; "
                "did the training diverge? lower train.lr"
            )
        bins = (probabilities * BINS).astype(np.int64)
        self.foreground += np.bincount(bins[reference], minlength=BINS + 1)
        self.background += np.bincount(bins[~reference], minlength=BINS + 1)


def precision_recall(histogram):
    """Score every threshold, the pixels being pooled.

    Returns
    -------
    DataFrame
        Columns ``threshold`` (ascending; foreground is what is at or above it), ``dice``, ``precision``, ``recall``.
        Thresholds at which nothing is predicted are left out: precision is undefined there.
        Without any foreground, recall is NaN.
    """
    tp = np.cumsum(histogram.foreground[::-1])[::-1]
    fp = np.cumsum(histogram.background[::-1])[::-1]
    kept = tp + fp > 0
    tp, fp, threshold = tp[kept], fp[kept], (np.arange(BINS + 1) / BINS)[kept]
    positives = histogram.foreground.sum()
    recall = tp / positives if positives else np.full(len(tp), np.nan)
    return pd.DataFrame(
        {"threshold": threshold, "dice": 2 * tp / (tp + fp + positives), "precision": tp / (tp + fp), "recall": recall}
    )


def average_precision(histogram):
    """Area under the precision–recall curve by steps, without interpolation (as scikit-learn defines it).

    Returns
    -------
    float or None
        None without any foreground.
    """
    if not histogram.foreground.any():
        return None
    curve = precision_recall(histogram)
    steps = -np.diff(curve["recall"].to_numpy(), append=0.0)
    return float(np.sum(steps * curve["precision"].to_numpy()))


def roc(histogram):
    """Draw the ROC curve, the pixels being pooled.

    Returns
    -------
    DataFrame
        Columns ``threshold`` (ascending; foreground is what is at or above it), ``false_positive_rate`` and
        ``true_positive_rate``. The last threshold is infinite: nothing is predicted, and both rates are 0.
        Without foreground the true positive rate is NaN, without background the false positive rate.
    """
    positives, negatives = histogram.foreground.sum(), histogram.background.sum()
    tp = np.append(np.cumsum(histogram.foreground[::-1])[::-1], 0)
    fp = np.append(np.cumsum(histogram.background[::-1])[::-1], 0)
    return pd.DataFrame(
        {
            "threshold": np.append(np.arange(BINS + 1) / BINS, np.inf),
            "false_positive_rate": fp / negatives if negatives else np.full(len(fp), np.nan),
            "true_positive_rate": tp / positives if positives else np.full(len(tp), np.nan),
        }
    )


def roc_area(histogram):
    """Area under the ROC curve by trapezoids: how often a foreground pixel has a higher probability than a background pixel.

    Pixels of one bin, 1/1024 wide, are tied, and a tie counts one half; that is exact for probabilities in steps of 1/1024.

    Returns
    -------
    float or None
        None without any foreground or without any background.
    """
    if not histogram.foreground.any() or not histogram.background.any():
        return None
    curve = roc(histogram)
    return float(-np.trapezoid(curve["true_positive_rate"], curve["false_positive_rate"]))


def best_threshold(histogram):
    """Choose the threshold of the highest pooled Dice.

    Returns
    -------
    float
        Of equally good ones, that nearest to 0.5; so 0.5 where there is no foreground to choose by.
    """
    curve = precision_recall(histogram)
    if not histogram.foreground.any():
        return 0.5
    best = curve.loc[curve["dice"] == curve["dice"].max(), "threshold"].to_numpy()
    return float(best[np.argmin(np.abs(best - 0.5))])


def thinned(curve, points=200):
    """Every n-th row of a curve with its last one, at most about `points`: enough to draw it."""
    kept = np.arange(0, len(curve), max(1, len(curve) // points))
    return curve.iloc[np.union1d(kept, [len(curve) - 1])] if len(curve) else curve


def roc_points(positive, score):
    """ROC curve of single images, from scores that need no binning.

    Parameters
    ----------
    positive : ndarray of bool, shape (N,)
    score : ndarray of float, shape (N,)

    Returns
    -------
    DataFrame
        ``false_positive_rate``, ``true_positive_rate``, both ascending; empty where there is no positive or no negative.
    """
    if positive.all() or not positive.any():
        return pd.DataFrame({"false_positive_rate": [], "true_positive_rate": []})
    from sklearn import metrics  # takes a second to import, which training need not wait for

    false, true, _ = metrics.roc_curve(positive, score)
    return pd.DataFrame({"false_positive_rate": false, "true_positive_rate": true})


def precision_recall_points(positive, score):
    """Precision–recall curve of single images, from scores that need no binning.

    Parameters
    ----------
    positive : ndarray of bool, shape (N,)
    score : ndarray of float, shape (N,)

    Returns
    -------
    DataFrame
        ``recall`` (ascending, from 0), ``precision``; empty where there is no positive.
    """
    if not positive.any():
        return pd.DataFrame({"recall": [], "precision": []})
    from sklearn import metrics

    precision, recall, _ = metrics.precision_recall_curve(positive, score)
    return pd.DataFrame({"recall": recall[::-1], "precision": precision[::-1]})
