"""How far stated probabilities can be trusted: reliability, expected calibration error and Brier score.

All three follow from sums over 15 bins of the confidence; bin m is ((m-1)/15, m/15], and 0 is in the first (Guo et al.
2017, "On Calibration of Modern Neural Networks", arXiv 1706.04599). The sums of an image are 46 numbers: for each bin the
count of predictions, then for each bin the sum of their confidences, then for each bin how many came true, and finally the
sum of squared errors. They add up over images, so memory is bounded and a bootstrap can resample them.

Without predictions, a bin has neither mean nor frequency (NaN) and adds nothing to the calibration error. Without any
prediction, calibration error and Brier score are None, or NaN in an array.
"""

import numpy as np
import pandas as pd

from pipeline.scoring.ratios import divide, or_none

BINS = 15  # as in Guo et al. 2017


def bin_numbers(confidence):
    """Find the bin, 0 to 14, of each confidence. The last bin also takes a softmax that rounds to just above 1."""
    return np.clip(np.ceil(np.asarray(confidence, np.float64) * BINS).astype(np.int64) - 1, 0, BINS - 1)


def sums_of_image(reference, probabilities):
    """Compute the 46 sums of an image's pixels: a boolean mask, and the probabilities of foreground of the same shape.

    Returns float64, in which counts are exact up to 2^53.
    """
    # In double precision, p · 15 rounds to the same bin as for whole images.
    reference, probabilities = reference.ravel(), probabilities.astype(np.float64).ravel()
    bins = bin_numbers(probabilities)
    background, foreground = np.bincount(bins + BINS * reference, minlength=2 * BINS).reshape(2, BINS)
    confidence = np.bincount(bins, weights=probabilities, minlength=BINS)
    error = probabilities - reference
    return np.concatenate([background + foreground, confidence, foreground, [error @ error]])


def sums_of_predictions(confidence, came_true, squared_error):
    """Compute the sums of single predictions, such as classified images: three arrays (N,) to (N, 46), float64."""
    in_bin = np.eye(BINS)[bin_numbers(confidence)]
    parts = [in_bin, in_bin * confidence[:, None], in_bin * came_true[:, None], squared_error[:, None]]
    return np.concatenate(parts, axis=1)


def reliability_table(sums):
    """Show how often predictions came true: for each bin its ends, count, mean confidence and observed frequency."""
    count, confidence, came_true = sums[:-1].reshape(3, BINS)
    ends = np.arange(BINS + 1) / BINS
    columns = {"low": ends[:-1], "high": ends[1:], "count": count.astype(np.int64)}
    return pd.DataFrame(columns | {"confidence": divide(confidence, count), "frequency": divide(came_true, count)})


def expected_calibration_error(sums):
    """Mean gap between confidence and observed frequency, weighted by the predictions in each bin; None without any.

    Guo et al. 2017, eq. 3. In finite samples it is too large on average, so an interval around it holds the truth far less
    often than stated (``docs/metrics.md``): give intervals of `brier_scores` instead.
    """
    count, confidence, came_true = sums[:-1].reshape(3, BINS)
    return or_none(divide(np.abs(came_true - confidence).sum(), count.sum()))


def brier_scores(sums):
    """Brier score of each row of sums (R, 46): mean squared error of the probabilities, not binned; NaN without predictions.

    A segmentation uses the foreground probability: 0 to 1, and 0.25 for always predicting 0.5. A classification adds up
    all classes (Brier 1950, doi 10.1175/1520-0493(1950)078<0001:VOFEIT>2.0.CO;2): 0 to 2, so twice as much for two classes.
    """
    return divide(sums[..., -1], sums[..., :BINS].sum(axis=-1))


def brier_score(sums):
    """`brier_scores` of one array of sums, shape (46,); None without predictions."""
    return or_none(brier_scores(sums))
