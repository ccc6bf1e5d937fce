"""How well probabilities rank the images: one-versus-rest areas for each class and for resamples.

scikit-learn computes one area at a time. A bootstrap needs thousands, so here each row of weights (R, N) gives one area.
"""

import numpy as np

from pipeline.scoring.ratios import divide


def auroc(positive, score, weights):
    """Area under the ROC curve: weighted share of pairs of a positive and a negative in the right order, ties one half.

    `positive` (bool) and `score` have the shape (N,). Each row of the weights (R, N) gives one area; NaN where the positives or
    the negatives have no weight.
    """
    foreground, background = _by_score(positive, score, weights)
    below = np.cumsum(background, axis=1) - background / 2
    return divide((foreground * below).sum(axis=1), foreground.sum(axis=1) * background.sum(axis=1))


def average_precision(positive, score, weights):
    """Area under the precision–recall curve in steps, as scikit-learn defines it, with the parameters of `auroc`.

    It is the weighted mean, over the positives, of the precision at the score of each; NaN where they have no weight.
    """
    foreground, background = _by_score(positive, score, weights)
    tp, fp = (np.cumsum(side[:, ::-1], axis=1)[:, ::-1] for side in (foreground, background))
    precision = np.nan_to_num(divide(tp, tp + fp))  # NaN only where nothing has weight
    return divide((foreground * precision).sum(axis=1), foreground.sum(axis=1))


def _by_score(positive, score, weights):
    """Total weight of the positives and of the negatives at each score, ascending: two arrays (R, number of scores)."""
    order = np.argsort(score, kind="stable")
    starts = np.flatnonzero(np.diff(score[order], prepend=-1))
    return (np.add.reduceat((weights * side)[:, order], starts, axis=1) for side in (positive, ~positive))


def per_class(area, labels, probabilities, weights=None):
    """Compute an area, `auroc` or `average_precision`, of each class against the rest: ndarray (K, R), float64.

    `labels` (N,) count from 0, `probabilities` are (N, K), `weights` (R, N); by default each image has weight 1.
    """
    weights = np.ones((1, len(labels))) if weights is None else weights
    return np.array([area(labels == k, score, weights) for k, score in enumerate(probabilities.T)])


def by_unit(area, labels, probabilities, units):
    """Prepare the mean of an area over the classes: ``interval(*by_unit(auroc, labels, probabilities, units), seed)``.

    An area does not follow from sums over images. So the totals count the units (identity, shape (U, U)), and a resample gives
    the weight of each.
    """
    names, position = np.unique(np.asarray(units), return_inverse=True)
    return np.eye(len(names)), lambda sums: per_class(area, labels, probabilities, sums[:, position]).mean(axis=0)
