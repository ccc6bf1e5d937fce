"""Pixels of several classes: their confusion matrix, each class against the rest, and means over classes.

Class 0 is the background. A mean over classes leaves out those that neither the masks nor the predictions hold; a class that is
predicted where no mask holds it scores 0. With two classes, every mean over foreground classes is the score of the foreground.

Definitions follow Metrics Reloaded (Maier-Hein et al. 2024, doi 10.1038/s41592-023-02151-z); `pipeline.scoring.ratios` has
the formulas.

Empty masks
-----------
A ratio with denominator zero is undefined and becomes None. The one exception: if reference and prediction of a single
image are both empty, its IoU and Dice are 1 (`per_image`). The prediction is exactly right, and leaving the image out
would hide that. If only the reference is empty, both are 0 by the formula. Precision without a prediction and recall
without a reference stay None. Pooled over a test set without any foreground, IoU and Dice are None.
"""

import numpy as np

from pipeline.scoring.ratios import OBJECTS as OF_OBJECTS
from pipeline.scoring.ratios import OVERLAP as OF_ONE
from pipeline.scoring.ratios import divide, or_none, ratio


def confusion_matrix(reference, prediction, classes):
    """Count pixels or images by true class (rows) and predicted class (columns): ndarray, shape (classes, classes), int64.

    `reference` and `prediction` are arrays of class numbers of the same shape, without ignored pixels. (A float32 counter, as in
    Keras's MeanIoU, stops counting at 2^24 pixels.)
    """
    if np.shape(reference) != np.shape(prediction):
        raise ValueError(f"expected two arrays of the same shape, received {np.shape(reference)} and {np.shape(prediction)}")
    cells = np.ravel(reference).astype(np.int64) * classes + np.ravel(prediction)
    return np.bincount(cells, minlength=classes**2).reshape(classes, classes)


def against_the_rest(confusions):
    """Turn confusion matrices (..., K, K) into counts (..., K, 4) of each class: tp, fp, fn, tn."""
    confusions = np.asarray(confusions)
    tp, actual = np.diagonal(confusions, axis1=-2, axis2=-1), confusions.sum(axis=-1)
    predicted, everything = confusions.sum(axis=-2), confusions.sum(axis=(-2, -1))[..., None]
    return np.stack([tp, predicted - tp, actual - tp, everything - actual - predicted + tp], axis=-1)


def of_class(statistic, number):
    """A statistic of four counts, of one class among summed counts (..., 4K)."""
    return lambda sums: statistic(_by_class(sums)[..., number, :])


def mean_of_classes(statistic, first=0):
    """The mean of a statistic of four counts over the classes from `first` on, of summed counts (..., 4K)."""

    def mean(sums):
        values = statistic(_by_class(sums)[..., first:, :])
        defined = ~np.isnan(values)
        return divide(np.where(defined, values, 0).sum(axis=-1), defined.sum(axis=-1))

    return mean


def _accuracy(sums):
    counts = _by_class(sums)
    return divide(counts[..., 0].sum(axis=-1), counts[..., 0, :].sum(axis=-1))


def _by_class(sums):
    return np.reshape(sums, (*np.shape(sums)[:-1], -1, 4))


# Statistics of the summed counts of all classes, (R, 4K) -> (R,), as in `pipeline.scoring.ratios`.
OVERLAP = {
    "iou": mean_of_classes(OF_ONE["iou"], 1),
    "dice": mean_of_classes(OF_ONE["dice"], 1),
    "mean_iou": mean_of_classes(OF_ONE["iou"]),
    "iou_background": of_class(OF_ONE["iou"], 0),
    "accuracy": _accuracy,
    "precision": mean_of_classes(OF_ONE["precision"], 1),
    "recall": mean_of_classes(OF_ONE["recall"], 1),
}
# Of the matched objects of the foreground classes, (R, 4(K - 1)) -> (R,).
OBJECTS = {name: mean_of_classes(statistic) for name, statistic in OF_OBJECTS.items()}


def per_image(counts):
    """Score one class of one image from its counts (tp, fp, fn, tn), with the rule for empty masks above.

    The two fractions are the share of the image that is of the class.
    """
    (tp, fp, fn, tn), total = counts, sum(counts)
    image = {name: or_none(OF_ONE[name](counts)) for name in ("dice", "iou", "precision", "recall")}
    if 0 < total == tn:
        image |= {"dice": 1.0, "iou": 1.0}
    return image | {"reference_fraction": ratio(tp + fn, total), "predicted_fraction": ratio(tp + fp, total)}


def trivial(confusion):
    """Score the best predictor that calls every pixel the same: ``iou`` and ``dice``, None without any foreground."""
    if not confusion[1:].any():
        return {"iou": None, "dice": None}
    counts = [against_the_rest(_constant(confusion, number)).ravel() for number in range(len(confusion))]
    return {name: max(or_none(OVERLAP[name](sums)) for sums in counts) for name in ("iou", "dice")}


def trivial_of_class(confusion, number):
    """``iou`` and ``dice`` of a class if every pixel were called it."""
    counts = against_the_rest(_constant(confusion, number))[number]
    return {name: or_none(OF_ONE[name](counts)) for name in ("iou", "dice")}


def _constant(confusion, number):
    """The confusion matrix of always predicting one class."""
    constant = np.zeros_like(confusion)
    constant[:, number] = confusion.sum(axis=1)
    return constant
