"""How well images are classified, and how far the stated confidences can be trusted."""

import numpy as np
import pandas as pd

from pipeline.scoring import calibration, ranking
from pipeline.scoring.classes import confusion_matrix
from pipeline.scoring.ranking import auroc
from pipeline.scoring.ratios import dice, divide, or_none

SMALLEST_PROBABILITY = 1e-7  # as Keras clips: a confident mistake costs 16, not infinity


def confusion_rows(labels, predicted, classes):
    """Flatten the confusion matrix of each image to a row (N, classes²), int64, so that the matrices can be added up."""
    cell = classes * np.asarray(labels, np.int64) + np.asarray(predicted, np.int64)
    return np.eye(classes**2, dtype=np.int64)[cell]


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


def summarise(labels, probabilities):
    """Score a test set from its true classes (N,), from 0, and the probabilities (N, K) of each class.

    Returns a dict: ``accuracy``, ``balanced_accuracy`` and ``macro_f1`` (see `scores_of_confusions`), ``auroc`` (mean over
    classes, one versus rest), ``ece`` (expected calibration error), ``loss`` (mean cross-entropy in nats). A mean over classes
    is None if it is undefined for one of them, such as a class without a test image.
    """
    labels, probabilities = _checked(labels, probabilities)
    confusion = confusion_matrix(labels, probabilities.argmax(axis=1), probabilities.shape[1])
    scores = scores_of_confusions(confusion.reshape(1, -1))
    return {
        **{name: or_none(scores[name][0]) for name in ("accuracy", "balanced_accuracy", "macro_f1")},
        "auroc": or_none(ranking.per_class(auroc, labels, probabilities).mean()),
        "ece": calibration.expected_calibration_error(reliability_rows(labels, probabilities).sum(axis=0)),
        "loss": float(cross_entropies(labels, probabilities).mean()) if len(labels) else None,
    }


def per_class(labels, probabilities):
    """Score each class against the rest: a DataFrame with one row per class; the parameters are those of `summarise`.

    ``support`` is the number of images. Precision is NaN if the class is never predicted, recall and average precision if no
    image is of the class, F1 if neither, AUROC if all images are of the class, or none.
    """
    labels, probabilities = _checked(labels, probabilities)
    classes = probabilities.shape[1]
    confusion = confusion_matrix(labels, probabilities.argmax(axis=1), classes)
    hits, actual, predicted = confusion.diagonal(), confusion.sum(axis=1), confusion.sum(axis=0)
    columns = {"support": actual, "precision": divide(hits, predicted), "recall": divide(hits, actual)}
    columns |= {"f1": dice(hits, predicted - hits, actual - hits)}
    for name, area in {"auroc": auroc, "average_precision": ranking.average_precision}.items():
        columns[name] = ranking.per_class(area, labels, probabilities)[:, 0]
    return pd.DataFrame(columns, index=pd.RangeIndex(classes, name="class"))


def average_precision(labels, probabilities):
    """Mean over classes of the one-versus-rest average precision; None if a class has no image."""
    return or_none(ranking.per_class(ranking.average_precision, labels, probabilities).mean())


def reliability_rows(labels, probabilities):
    """Compute the sums of each image for `pipeline.scoring.calibration`, shape (N, 46), float64.

    The confidence is that of the predicted class; the Brier score is over all classes.
    """
    labels, probabilities = _checked(labels, probabilities)
    squared_error = np.square(probabilities - np.eye(probabilities.shape[1])[labels]).sum(axis=1)
    right = probabilities.argmax(axis=1) == labels
    return calibration.sums_of_predictions(probabilities.max(axis=1), right, squared_error)


def cross_entropies(labels, probabilities):
    """Cross-entropy of each image in nats, shape (N,)."""
    labels, probabilities = _checked(labels, probabilities)
    return -np.log(np.clip(probabilities[np.arange(len(labels)), labels], SMALLEST_PROBABILITY, 1))


def majority_accuracy(train_labels, test_labels):
    """Test accuracy of always predicting the most common class of the training set (the first of equally common ones).

    None without training or test images.
    """
    if not len(train_labels) or not len(test_labels):
        return None
    return float(np.mean(np.asarray(test_labels) == np.bincount(train_labels).argmax()))


def _checked(labels, probabilities):
    """Convert labels (N,) to int64 and probabilities (N, K) to float64; raise a ValueError if they do not match."""
    labels, probabilities = np.asarray(labels, np.int64), np.asarray(probabilities, np.float64)
    if probabilities.ndim != 2 or labels.shape != probabilities.shape[:1]:
        raise ValueError(f"expected labels (N,) and probabilities (N, K), received {labels.shape} and {probabilities.shape}")
    if len(labels) and not 0 <= labels.min() <= labels.max() < probabilities.shape[1]:
        raise ValueError(f"expected labels from 0 to {probabilities.shape[1] - 1}, received {labels.min()} to {labels.max()}")
    return labels, probabilities
