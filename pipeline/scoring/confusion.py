"""Confusion matrices and the scores that follow from one. A bootstrap scores many matrices at once."""

import numpy as np

from pipeline.scoring.ratios import dice, divide, or_none


def confusion_rows(labels, predicted, classes):
    """Flatten the confusion matrix of each image to a row (N, classes²), int64, so that the matrices can be added up."""
    cell = classes * np.asarray(labels, np.int64) + np.asarray(predicted, np.int64)
    return np.eye(classes**2, dtype=np.int64)[cell]


def confusion_matrix(labels, predicted, classes):
    """Count images by true class (rows) and predicted class (columns): ndarray, shape (classes, classes), int64."""
    return confusion_rows(labels, predicted, classes).sum(axis=0).reshape(classes, classes)


def confusion_rates(confusion):
    """Share of each true class (row) that was predicted as each class (column); NaN in the row of a class without images."""
    return divide(confusion, np.sum(confusion, axis=1, keepdims=True))


def scores_of_confusions(rows):
    """Score many summed confusion matrices at once: rows (R, K²) to a dict of arrays (R,), NaN where undefined.

    ``balanced_accuracy`` is the mean recall over classes, ``macro_f1`` the mean F1. ``kappa`` is (agreement - chance) /
    (1 - chance), where chance is the agreement of independent predictions with the same class frequencies (Cohen 1960,
    doi 10.1177/001316446002000104); undefined if all images are of one class and predicted as such.
    """
    classes = round(rows.shape[1] ** 0.5)
    counts = np.asarray(rows, np.float64).reshape(-1, classes, classes)
    hits, actual, predicted = np.diagonal(counts, axis1=1, axis2=2), counts.sum(axis=2), counts.sum(axis=1)
    total = actual.sum(axis=1)
    agreement, chance = divide(hits.sum(axis=1), total), divide((actual * predicted).sum(axis=1), total**2)
    return {
        "accuracy": agreement,
        "balanced_accuracy": divide(hits, actual).mean(axis=1),
        "macro_f1": dice(hits, predicted - hits, actual - hits).mean(axis=1),
        "kappa": divide(agreement - chance, 1 - chance),
    }


def cohen_kappa(confusion):
    """Cohen's kappa of a single confusion matrix, shape (K, K); None where undefined."""
    return or_none(scores_of_confusions(np.reshape(confusion, (1, -1)))["kappa"][0])
