"""How well probabilities rank the images: areas under the one-versus-rest curves, of each class and of resamples."""

import numpy as np

from pipeline.scoring.confusion import divide


def aurocs(labels, probabilities):
    """Area under the one-versus-rest ROC curve of each class.

    Parameters
    ----------
    labels : ndarray, shape (N,), integer
        The true classes, from 0.
    probabilities : ndarray, shape (N, K), float

    Returns
    -------
    list of K float or None
        None where all images are of the class, or none.
    """
    return _of_classes(_weighted_area, labels, probabilities)


def average_precisions(labels, probabilities):
    """Area under the one-versus-rest precision–recall curve of each class, by steps, as scikit-learn defines it.

    Returns
    -------
    list of K float or None
        None where no image is of the class.
    """
    return _of_classes(_weighted_precision, labels, probabilities)


def auroc_by_unit(labels, probabilities, units):
    """Bring the mean one-versus-rest AUROC into the form of `pipeline.scoring.statistics.interval`.

    It is no function of sums over images; its totals count the units themselves, so that a resample is their weights.

    Parameters
    ----------
    labels, probabilities
        As for `aurocs`.
    units : array_like, shape (N,)

    Returns
    -------
    totals : ndarray, shape (U, U)
        The identity.
    statistic : callable
        (R, U) -> (R,), NaN where a class has no weight or all. ``interval(*auroc_by_unit(...), seed)`` is the interval.
    """
    return _by_unit(_weighted_area, labels, probabilities, units)


def average_precision_by_unit(labels, probabilities, units):
    """Do with the mean of `average_precisions` as `auroc_by_unit` does with AUROC."""
    return _by_unit(_weighted_precision, labels, probabilities, units)


def checked(labels, probabilities):
    """Bring labels (N,) and probabilities (N, K) to int64 and float64.

    Raises
    ------
    ValueError
        If the shapes do not match or a label is no class.
    """
    labels, probabilities = np.asarray(labels, np.int64), np.asarray(probabilities, np.float64)
    if probabilities.ndim != 2 or labels.shape != probabilities.shape[:1]:
        raise ValueError(f"expected labels (N,) and probabilities (N, K), received {labels.shape} and {probabilities.shape}")
    if len(labels) and not 0 <= labels.min() <= labels.max() < probabilities.shape[1]:
        raise ValueError(f"expected labels from 0 to {probabilities.shape[1] - 1}, received {labels.min()} to {labels.max()}")
    return labels, probabilities


def _of_classes(area, labels, probabilities):
    """An area of each class, of unweighted images; None where it is undefined."""
    labels, probabilities = checked(labels, probabilities)
    once = np.ones((1, len(labels)))
    values = [area(labels == k, score, once)[0] for k, score in enumerate(probabilities.T)]
    return [None if np.isnan(value) else float(value) for value in values]


def _by_unit(area, labels, probabilities, units):
    labels, probabilities = checked(labels, probabilities)
    names, unit = np.unique(np.asarray(units), return_inverse=True)

    def statistic(weights):
        of_images = weights[:, unit]
        return np.mean([area(labels == k, score, of_images) for k, score in enumerate(probabilities.T)], axis=0)

    return np.eye(len(names)), statistic


def _weighted_area(positive, score, weights):
    """AUROC of weighted images for each row of weights (R, N): the share of pairs in the right order, of ties half."""
    foreground, background = _by_score(positive, score, weights)
    below = np.cumsum(background, axis=1) - background / 2
    return divide((foreground * below).sum(axis=1), foreground.sum(axis=1) * background.sum(axis=1))


def _weighted_precision(positive, score, weights):
    """Average precision of weighted images for each row of weights (R, N): mean precision at the score of each positive."""
    foreground, background = _by_score(positive, score, weights)
    called = np.cumsum(foreground[:, ::-1], axis=1)[:, ::-1]  # positives of this score or a higher one
    wrongly = np.cumsum(background[:, ::-1], axis=1)[:, ::-1]
    precision = np.nan_to_num(divide(called, called + wrongly))  # NaN only where nothing weighs
    return divide((foreground * precision).sum(axis=1), foreground.sum(axis=1))


def _by_score(positive, score, weights):
    """Weights of the positives and of the others, added up by score, ascending: two arrays (R, number of scores)."""
    order = np.argsort(score, kind="stable")
    starts = np.flatnonzero(np.diff(score[order], prepend=-1))
    return (np.add.reduceat((weights * side)[:, order], starts, axis=1) for side in (positive, ~positive))
