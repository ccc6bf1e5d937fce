"""Confusion matrices, and the scores that are functions of one: many at once, as a bootstrap wants them."""

import numpy as np


def confusion_matrix(labels, predicted, classes):
    """Count images by true class (rows) and predicted class (columns).

    Returns
    -------
    ndarray, shape (classes, classes), int64
    """
    counts = np.zeros((classes, classes), np.int64)
    np.add.at(counts, (np.asarray(labels, np.int64), np.asarray(predicted, np.int64)), 1)
    return counts


def confusion_rows(labels, predicted, classes):
    """Flatten the confusion matrix of each image, so that they can be added up by patient.

    Returns
    -------
    ndarray, shape (N, classes²), int64
        Column ``classes · actual + predicted``.
    """
    cell = classes * np.asarray(labels, np.int64) + np.asarray(predicted, np.int64)
    return np.eye(classes**2, dtype=np.int64)[cell]


def confusion_rates(confusion):
    """Share of each true class (row) that was called each class (column); NaN in the row of a class without images."""
    confusion = np.asarray(confusion)
    return divide(confusion, confusion.sum(axis=1, keepdims=True))


def scores_of_confusions(rows):
    """Score many summed confusion matrices at once, as the resamples of a bootstrap.

    Parameters
    ----------
    rows : ndarray, shape (R, K²)
        Sums of `confusion_rows`.

    Returns
    -------
    dict of ndarray, shape (R,)
        ``accuracy``, ``balanced_accuracy``, ``macro_f1`` as in `pipeline.scoring.classification.summarise`, and ``kappa``
        (`cohen_kappa`); NaN where undefined.
    """
    classes = round(rows.shape[1] ** 0.5)
    if classes**2 != rows.shape[1]:
        raise ValueError(f"expected rows (R, K²) of K × K confusion matrices, received {rows.shape}")
    counts = np.asarray(rows, np.float64).reshape(-1, classes, classes)
    hits, actual, called = np.diagonal(counts, axis1=1, axis2=2), counts.sum(axis=2), counts.sum(axis=1)
    total = actual.sum(axis=1)
    agreement, chance = divide(hits.sum(axis=1), total), divide((actual * called).sum(axis=1), total**2)
    return {
        "accuracy": agreement,
        "balanced_accuracy": divide(hits, actual).mean(axis=1),
        "macro_f1": divide(2 * hits, actual + called).mean(axis=1),
        "kappa": divide(agreement - chance, 1 - chance),
    }


def cohen_kappa(confusion):
    """Agreement beyond chance, unweighted: (agreement - chance) / (1 - chance).

    Cohen 1960, "A Coefficient of Agreement for Nominal Scales" (doi 10.1177/001316446002000104). Chance is what the two
    distributions of classes would agree on if they were independent.

    Parameters
    ----------
    confusion : ndarray, shape (K, K)

    Returns
    -------
    float or None
        None without images, and where all are of one class and called so: chance alone agrees fully.
    """
    kappa = scores_of_confusions(np.asarray(confusion).reshape(1, -1))["kappa"][0]
    return None if np.isnan(kappa) else float(kappa)


def divide(above, below):
    """Divide arrays; NaN where there is nothing to divide by."""
    below = np.broadcast_to(below, np.shape(above))
    return np.divide(above, below, out=np.full(np.shape(above), np.nan), where=below != 0)
