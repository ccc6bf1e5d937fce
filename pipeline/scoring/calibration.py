"""How far stated probabilities can be trusted: reliability, expected calibration error and Brier score, in bounded memory.

Everything comes from sums in 15 equal-width bins of the confidence; bin m is ((m-1)/15, m/15], and 0 is in the first
(Guo et al. 2017, "On Calibration of Modern Neural Networks", arXiv 1706.04599). The sums of one image or of many are a
row of 46 numbers: per bin how many predictions, the sum of their confidences and how many came true, then the sum of
squared errors. Rows add up, over images, over a test set, over a bootstrap's resamples of units.

The empty rule
--------------
A bin without predictions has no mean and no frequency (NaN in the table) and adds nothing to the calibration error.
Without any prediction error and score are undefined: None, or NaN in the functions of rows, which
`pipeline.scoring.statistics.interval` takes.
"""

from dataclasses import dataclass, field

import numpy as np
import pandas as pd

BINS = 15  # as Guo et al. 2017 use
COLUMNS = 3 * BINS + 1  # of a row of sums


@dataclass
class Reliability:
    """Predictions by their confidence, accumulated image by image.

    Attributes
    ----------
    count, came_true : ndarray, shape (15,), int64
        Predictions in each bin, and those of them that came true.
    confidence : ndarray, shape (15,), float64
        The sum of their confidences.
    squared_error : float
        The sum over all predictions.
    """

    count: np.ndarray = field(default_factory=lambda: np.zeros(BINS, np.int64))
    confidence: np.ndarray = field(default_factory=lambda: np.zeros(BINS))
    came_true: np.ndarray = field(default_factory=lambda: np.zeros(BINS, np.int64))
    squared_error: float = 0.0

    def add(self, reference, probabilities):
        """Count one image of a segmentation: each pixel predicts foreground with its probability.

        Parameters
        ----------
        reference : ndarray of bool
        probabilities : ndarray of float
            Of the foreground, of the same shape, in [0, 1].

        Raises
        ------
        ValueError
            If the shapes differ, the mask is not boolean or a probability is not in [0, 1].
        """
        reference, probabilities = np.asarray(reference).ravel(), _probabilities(reference, probabilities)
        bins = bin_numbers(probabilities)
        both = np.bincount(bins + BINS * reference, minlength=2 * BINS)  # background bins, then foreground bins
        self.count += both[:BINS] + both[BINS:]
        self.came_true += both[BINS:]
        self.confidence += np.bincount(bins, weights=probabilities, minlength=BINS)
        error = probabilities - reference
        self.squared_error += float(error @ error)

    @property
    def row(self):
        """The sums as they add up: ndarray, shape (46,), float64, exact for counts up to 2^53."""
        return np.concatenate([self.count, self.confidence, self.came_true, [self.squared_error]])


def bin_numbers(confidence):
    """Find the bin, 0 to 14, of each confidence in [0, 1]; a softmax that rounds to a little more than 1 is in the last."""
    return np.clip(np.ceil(np.asarray(confidence, np.float64) * BINS).astype(np.int64) - 1, 0, BINS - 1)


def rows_of(confidence, came_true, squared_error):
    """One row of sums per prediction, as for the images of a classification.

    Parameters
    ----------
    confidence, squared_error : ndarray, shape (N,), float
    came_true : ndarray, shape (N,), bool

    Returns
    -------
    ndarray, shape (N, 46), float64
    """
    in_bin = np.eye(BINS)[bin_numbers(confidence)]
    parts = [in_bin, in_bin * confidence[:, None], in_bin * came_true[:, None], squared_error[:, None]]
    return np.concatenate(parts, axis=1)


def reliability_table(row):
    """Show how often what was predicted with a given confidence came true.

    Parameters
    ----------
    row : ndarray, shape (46,)
        Summed over the test set.

    Returns
    -------
    DataFrame
        Per bin ``low``, ``high`` (its ends), ``count``, ``confidence`` (mean), ``frequency`` (observed); NaN in an empty bin.
    """
    count, confidence, came_true = np.asarray(row, np.float64)[: 3 * BINS].reshape(3, BINS)
    ends, filled = np.arange(BINS + 1) / BINS, count > 0
    means = [np.divide(sums, count, out=np.full(BINS, np.nan), where=filled) for sums in (confidence, came_true)]
    columns = {"low": ends[:-1], "high": ends[1:], "count": count.astype(np.int64)}
    return pd.DataFrame(columns | {"confidence": means[0], "frequency": means[1]})


def calibration_errors(rows):
    """Expected calibration error: mean gap between confidence and frequency, each bin with its share of predictions.

    Guo et al. 2017, eq. 3. Of finite samples it is too large on average, so that an interval around it holds the truth far
    less often than it says (``docs/metrics.md``): give intervals of `brier_scores` instead.

    Parameters
    ----------
    rows : ndarray, shape (R, 46)

    Returns
    -------
    ndarray, shape (R,), float64
        NaN without predictions.
    """
    count, confidence, came_true = np.moveaxis(rows[:, : 3 * BINS].reshape(-1, 3, BINS), 1, 0)
    return _quotient(np.abs(came_true - confidence).sum(axis=1), count.sum(axis=1))


def brier_scores(rows):
    """Brier score: mean squared error of the probabilities, not binned.

    For segmentation of the foreground probability, from 0 to 1, where always saying 0.5 scores 0.25. For classification
    summed over the classes (Brier 1950, doi 10.1175/1520-0493(1950)078<0001:VOFEIT>2.0.CO;2), from 0 to 2: with two
    classes that is twice the former.

    Parameters
    ----------
    rows : ndarray, shape (R, 46)

    Returns
    -------
    ndarray, shape (R,), float64
        NaN without predictions.
    """
    return _quotient(rows[:, -1], rows[:, :BINS].sum(axis=1))


def expected_calibration_error(row):
    """`calibration_errors` of one row of sums, as a float; None without predictions."""
    return _float(calibration_errors(row[None])[0])


def brier_score(row):
    """`brier_scores` of one row of sums, as a float; None without predictions."""
    return _float(brier_scores(row[None])[0])


def _probabilities(reference, probabilities):
    """Check, and give the probabilities in a row and in double precision, in which p · 15 rounds as for images."""
    reference, probabilities = np.asarray(reference), np.asarray(probabilities)
    if reference.shape != probabilities.shape or reference.dtype != bool:
        raise ValueError(
            f"expected a boolean mask of shape {probabilities.shape}, received {reference.dtype} of {reference.shape}"
        )
    if not ((probabilities >= 0) & (probabilities <= 1)).all():
        raise ValueError(f"expected probabilities from 0 to 1, received {probabilities.min()} to {probabilities.max()}")
    return probabilities.astype(np.float64).ravel()


def _quotient(above, below):
    return np.divide(above, below, out=np.full(len(above), np.nan), where=below > 0)


def _float(value):
    return None if np.isnan(value) else float(value)
