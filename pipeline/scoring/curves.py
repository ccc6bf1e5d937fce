"""Precision, recall and Dice at every threshold, from histograms: bounded memory whatever the number of pixels."""

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
