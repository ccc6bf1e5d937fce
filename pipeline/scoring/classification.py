"""How well images are classified, and how far the stated confidences can be trusted."""

import numpy as np
from sklearn import metrics

from pipeline.scoring.overlap import ratio

CALIBRATION_BINS = 15  # as Guo et al. 2017 use
SMALLEST_PROBABILITY = 1e-7  # as Keras clips: a confident mistake costs 16, not infinity


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
    labels, probabilities = _checked(labels, probabilities)
    predicted = probabilities.argmax(axis=1)
    confusion = confusion_matrix(labels, predicted, probabilities.shape[1])
    hits, actual, called = confusion.diagonal().tolist(), confusion.sum(axis=1).tolist(), confusion.sum(axis=0).tolist()
    return {
        "accuracy": ratio(sum(hits), len(labels)),
        "balanced_accuracy": _mean([ratio(hit, all_) for hit, all_ in zip(hits, actual, strict=True)]),
        "macro_f1": _mean([ratio(2 * hit, all_ + call) for hit, all_, call in zip(hits, actual, called, strict=True)]),
        "auroc": _mean([_area(labels == k, probabilities[:, k]) for k in range(probabilities.shape[1])]),
        "ece": expected_calibration_error(labels, probabilities),
        "loss": cross_entropy(labels, probabilities),
    }


def confusion_matrix(labels, predicted, classes):
    """Count images by true class (rows) and predicted class (columns).

    Returns
    -------
    ndarray, shape (classes, classes), int64
    """
    counts = np.zeros((classes, classes), np.int64)
    np.add.at(counts, (np.asarray(labels, np.int64), np.asarray(predicted, np.int64)), 1)
    return counts


def expected_calibration_error(labels, probabilities):
    """Mean gap between confidence and accuracy over 15 equal-width bins of the confidence.

    Guo et al. 2017, "On Calibration of Modern Neural Networks", eq. 3 (arXiv 1706.04599); bin m is ((m-1)/15, m/15].

    Returns
    -------
    float or None
        None without images.
    """
    labels, probabilities = _checked(labels, probabilities)
    if not len(labels):
        return None
    confidence = probabilities.max(axis=1)
    right = probabilities.argmax(axis=1) == labels
    bins = np.ceil(confidence * CALIBRATION_BINS).astype(np.int64)
    surplus = np.bincount(bins, weights=right) - np.bincount(bins, weights=confidence)
    return float(np.abs(surplus).sum() / len(labels))


def cross_entropy(labels, probabilities):
    """Mean cross-entropy in nats; None without images."""
    labels, probabilities = _checked(labels, probabilities)
    if not len(labels):
        return None
    of_truth = probabilities[np.arange(len(labels)), labels]
    return float(-np.log(np.clip(of_truth, SMALLEST_PROBABILITY, 1)).mean())


def majority_accuracy(train_labels, test_labels):
    """Accuracy on the test set of always answering the commonest class of the training set.

    Of equally common classes the first is taken. None without training or test images.
    """
    train_labels, test_labels = np.asarray(train_labels, np.int64), np.asarray(test_labels)
    if not len(train_labels) or not len(test_labels):
        return None
    return float(np.mean(test_labels == np.bincount(train_labels).argmax()))


def _checked(labels, probabilities):
    labels, probabilities = np.asarray(labels, np.int64), np.asarray(probabilities, np.float64)
    if probabilities.ndim != 2 or labels.shape != probabilities.shape[:1]:
        raise ValueError(f"expected labels (N,) and probabilities (N, K), received {labels.shape} and {probabilities.shape}")
    if len(labels) and not 0 <= labels.min() <= labels.max() < probabilities.shape[1]:
        raise ValueError(f"expected labels from 0 to {probabilities.shape[1] - 1}, received {labels.min()} to {labels.max()}")
    return labels, probabilities


def _area(positive, score):
    return float(metrics.roc_auc_score(positive, score)) if 0 < positive.sum() < len(positive) else None


def _mean(values):
    return None if None in values else ratio(sum(values), len(values))
