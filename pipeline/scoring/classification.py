"""How well images are classified, and how far the stated confidences can be trusted."""

import numpy as np
import pandas as pd

from pipeline.scoring import calibration
from pipeline.scoring.confusion import confusion_matrix, divide, scores_of_confusions
from pipeline.scoring.overlap import ratio
from pipeline.scoring.ranking import aurocs, average_precisions, checked

SMALLEST_PROBABILITY = 1e-7  # as Keras clips: a confident mistake costs 16, not infinity

SCORES = ("accuracy", "balanced_accuracy", "macro_f1")  # of `scores_of_confusions`; kappa stands in the detail


def summarise(labels, probabilities):
    """Score a test set.

    Parameters
    ----------
    labels : ndarray, shape (N,), integer
        The true classes, from 0.
    probabilities : ndarray, shape (N, K), float
        Of each class; the largest one is the prediction.

    Returns
    -------
    dict
        ``accuracy``; ``balanced_accuracy`` (mean recall over classes); ``macro_f1`` (mean F1 over classes);
        ``auroc`` (mean over classes of the area under the one-versus-rest ROC curve);
        ``ece`` (`expected_calibration_error`); ``loss`` (mean cross-entropy in nats).
        A mean over classes is None where it is undefined for a class, as without a test image of it.

    Raises
    ------
    ValueError
        If the shapes do not match or a label is no class.
    """
    labels, probabilities = checked(labels, probabilities)
    predicted = probabilities.argmax(axis=1)
    confusion = confusion_matrix(labels, predicted, probabilities.shape[1])
    scores = {name: values[0] for name, values in scores_of_confusions(confusion.reshape(1, -1)).items()}
    return {
        **{name: None if np.isnan(scores[name]) else float(scores[name]) for name in SCORES},
        "auroc": _mean(aurocs(labels, probabilities)),
        "ece": expected_calibration_error(labels, probabilities),
        "loss": cross_entropy(labels, probabilities),
    }


def per_class(labels, probabilities):
    """Score each class against the rest.

    Parameters
    ----------
    labels, probabilities
        As for `summarise`.

    Returns
    -------
    DataFrame, one row per class
        ``support`` (its images), ``precision`` (NaN if it is never predicted), ``recall`` (NaN without an image of it),
        ``f1`` (NaN if neither is there; 0 if one of the two), ``auroc`` (NaN if all images are of it, or none),
        ``average_precision`` (by steps, as scikit-learn defines it; NaN without an image of it).
    """
    labels, probabilities = checked(labels, probabilities)
    classes = probabilities.shape[1]
    confusion = confusion_matrix(labels, probabilities.argmax(axis=1), classes)
    hits, actual, called = confusion.diagonal(), confusion.sum(axis=1), confusion.sum(axis=0)
    columns = {"support": actual, "precision": divide(hits, called), "recall": divide(hits, actual)}
    columns |= {"f1": divide(2 * hits, actual + called), "auroc": np.array(aurocs(labels, probabilities), np.float64)}
    columns["average_precision"] = np.array(average_precisions(labels, probabilities), np.float64)
    return pd.DataFrame(columns, index=pd.RangeIndex(classes, name="class"))


def average_precision(labels, probabilities):
    """Mean over classes of the area under the one-versus-rest precision–recall curve; None where a class has no image."""
    return _mean(average_precisions(labels, probabilities))


def reliability_rows(labels, probabilities):
    """Sums of each image for `pipeline.scoring.calibration`: of the top-1 confidence, and the Brier score over all classes.

    Returns
    -------
    ndarray, shape (N, 46), float64
    """
    labels, probabilities = checked(labels, probabilities)
    squared_error = np.square(probabilities - np.eye(probabilities.shape[1])[labels]).sum(axis=1)
    return calibration.rows_of(probabilities.max(axis=1), probabilities.argmax(axis=1) == labels, squared_error)


def expected_calibration_error(labels, probabilities):
    """Mean gap between confidence and accuracy over 15 equal-width bins of the confidence; None without images.

    Guo et al. 2017, "On Calibration of Modern Neural Networks", eq. 3 (arXiv 1706.04599); bin m is ((m-1)/15, m/15].
    """
    return calibration.expected_calibration_error(reliability_rows(labels, probabilities).sum(axis=0))


def cross_entropy(labels, probabilities):
    """Mean cross-entropy in nats; None without images."""
    return float(cross_entropies(labels, probabilities).mean()) if len(labels) else None


def cross_entropies(labels, probabilities):
    """Cross-entropy of each image in nats, shape (N,)."""
    labels, probabilities = checked(labels, probabilities)
    return -np.log(np.clip(probabilities[np.arange(len(labels)), labels], SMALLEST_PROBABILITY, 1))


def majority_accuracy(train_labels, test_labels):
    """Accuracy on the test set of always answering the commonest class of the training set.

    Of equally common classes the first is taken. None without training or test images.
    """
    train_labels, test_labels = np.asarray(train_labels, np.int64), np.asarray(test_labels)
    if not len(train_labels) or not len(test_labels):
        return None
    return float(np.mean(test_labels == np.bincount(train_labels).argmax()))


def _mean(values):
    return None if None in values else ratio(sum(values), len(values))
