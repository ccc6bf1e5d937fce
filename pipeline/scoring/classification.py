"""How well images are classified, and how far the stated confidences can be trusted."""

import numpy as np
import pandas as pd

from pipeline.scoring import calibration
from pipeline.scoring.overlap import ratio

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
        "auroc": _mean([_alone(_weighted_area, labels == k, probabilities[:, k]) for k in range(probabilities.shape[1])]),
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
    return _divide(confusion, confusion.sum(axis=1, keepdims=True))


def scores_of_confusions(rows):
    """Score many summed confusion matrices at once, as the resamples of a bootstrap.

    Parameters
    ----------
    rows : ndarray, shape (R, K²)
        Sums of `confusion_rows`.

    Returns
    -------
    dict of ndarray, shape (R,)
        ``accuracy``, ``balanced_accuracy``, ``macro_f1`` as in `summarise`, and ``kappa`` (`cohen_kappa`); NaN where undefined.
    """
    classes = round(rows.shape[1] ** 0.5)
    if classes**2 != rows.shape[1]:
        raise ValueError(f"expected rows (R, K²) of K × K confusion matrices, received {rows.shape}")
    counts = np.asarray(rows, np.float64).reshape(-1, classes, classes)
    hits, actual, called = np.diagonal(counts, axis1=1, axis2=2), counts.sum(axis=2), counts.sum(axis=1)
    total = actual.sum(axis=1)
    agreement, chance = _divide(hits.sum(axis=1), total), _divide((actual * called).sum(axis=1), total**2)
    return {
        "accuracy": agreement,
        "balanced_accuracy": _divide(hits, actual).mean(axis=1),
        "macro_f1": _divide(2 * hits, actual + called).mean(axis=1),
        "kappa": _divide(agreement - chance, 1 - chance),
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
    labels, probabilities = _checked(labels, probabilities)
    classes = probabilities.shape[1]
    confusion = confusion_matrix(labels, probabilities.argmax(axis=1), classes)
    hits, actual, called = confusion.diagonal(), confusion.sum(axis=1), confusion.sum(axis=0)
    areas = [_alone(_weighted_area, labels == k, probabilities[:, k]) for k in range(classes)]
    precisions = [_alone(_weighted_precision, labels == k, probabilities[:, k]) for k in range(classes)]
    columns = {"support": actual, "precision": _divide(hits, called), "recall": _divide(hits, actual)}
    columns |= {"f1": _divide(2 * hits, actual + called), "auroc": np.array(areas, np.float64)}
    columns["average_precision"] = np.array(precisions, np.float64)
    return pd.DataFrame(columns, index=pd.RangeIndex(classes, name="class"))


def average_precision(labels, probabilities):
    """Mean over classes of the area under the one-versus-rest precision–recall curve; None where a class has no image."""
    labels, probabilities = _checked(labels, probabilities)
    return _mean([_alone(_weighted_precision, labels == k, probabilities[:, k]) for k in range(probabilities.shape[1])])


def auroc_by_unit(labels, probabilities, units):
    """Bring the mean one-versus-rest AUROC into the form of `pipeline.scoring.statistics.interval`.

    It is no function of sums over images; its totals count the units themselves, so that a resample is their weights.

    Parameters
    ----------
    labels, probabilities
        As for `summarise`.
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
    """Bring `average_precision` into the form of `pipeline.scoring.statistics.interval`, as `auroc_by_unit` does AUROC."""
    return _by_unit(_weighted_precision, labels, probabilities, units)


def reliability_rows(labels, probabilities):
    """Sums of each image for `pipeline.scoring.calibration`: of the top-1 confidence, and the Brier score over all classes.

    Returns
    -------
    ndarray, shape (N, 46), float64
    """
    labels, probabilities = _checked(labels, probabilities)
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
    labels, probabilities = _checked(labels, probabilities)
    return -np.log(np.clip(probabilities[np.arange(len(labels)), labels], SMALLEST_PROBABILITY, 1))


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


def _by_unit(area, labels, probabilities, units):
    labels, probabilities = _checked(labels, probabilities)
    names, unit = np.unique(np.asarray(units), return_inverse=True)

    def statistic(weights):
        of_images = weights[:, unit]
        return np.mean([area(labels == k, score, of_images) for k, score in enumerate(probabilities.T)], axis=0)

    return np.eye(len(names)), statistic


def _alone(area, positive, score):
    """An area of unweighted images; None where it is undefined."""
    value = area(positive, score, np.ones((1, len(score))))[0]
    return None if np.isnan(value) else float(value)


def _weighted_area(positive, score, weights):
    """AUROC of weighted images for each row of weights (R, N): the share of pairs in the right order, of ties half."""
    foreground, background = _by_score(positive, score, weights)
    below = np.cumsum(background, axis=1) - background / 2
    return _divide((foreground * below).sum(axis=1), foreground.sum(axis=1) * background.sum(axis=1))


def _weighted_precision(positive, score, weights):
    """Average precision of weighted images for each row of weights (R, N): mean precision at the score of each positive."""
    foreground, background = _by_score(positive, score, weights)
    called = np.cumsum(foreground[:, ::-1], axis=1)[:, ::-1]  # positives of this score or a higher one
    wrongly = np.cumsum(background[:, ::-1], axis=1)[:, ::-1]
    precision = np.nan_to_num(_divide(called, called + wrongly))  # NaN only where nothing weighs
    return _divide((foreground * precision).sum(axis=1), foreground.sum(axis=1))


def _by_score(positive, score, weights):
    """Weights of the positives and of the others, added up by score, ascending: two arrays (R, number of scores)."""
    order = np.argsort(score, kind="stable")
    starts = np.flatnonzero(np.diff(score[order], prepend=-1))
    return (np.add.reduceat((weights * side)[:, order], starts, axis=1) for side in (positive, ~positive))


def _divide(above, below):
    """Divide arrays; NaN where there is nothing to divide by."""
    below = np.broadcast_to(below, np.shape(above))
    return np.divide(above, below, out=np.full(np.shape(above), np.nan), where=below != 0)


def _mean(values):
    return None if None in values else ratio(sum(values), len(values))
