"""Overlap of two masks: counted exactly first, divided once at the end.

Definitions follow Metrics Reloaded (Maier-Hein et al. 2024, doi 10.1038/s41592-023-02151-z).

The empty-mask rule
-------------------
A ratio whose denominator is zero is undefined, and is None. There is one exception: for a single image whose
reference and prediction are both empty, IoU and Dice are 1 (`per_image`), because the prediction is exactly right and
leaving the image out would hide it. An empty reference with any prediction scores 0 by the formula itself; precision
without a prediction and recall without a reference stay None. Pooled over a whole test set without foreground,
IoU and Dice are None: nothing was there to be found.
"""

from dataclasses import dataclass
from functools import reduce

import numpy as np


@dataclass(frozen=True)
class Counts:
    """Pixels by reference and prediction.

    Parameters
    ----------
    tp, fp, fn, tn : int
        True and false positives, false and true negatives. Python integers: exact at any size.
        (A float32 counter, as in Keras's MeanIoU, stops counting at 2^24 pixels.)
    """

    tp: int = 0
    fp: int = 0
    fn: int = 0
    tn: int = 0

    def __add__(self, other):
        return Counts(self.tp + other.tp, self.fp + other.fp, self.fn + other.fn, self.tn + other.tn)

    @property
    def total(self):
        """Number of pixels."""
        return self.tp + self.fp + self.fn + self.tn

    @property
    def iou(self):
        """Intersection over union of the foreground (Jaccard index)."""
        return ratio(self.tp, self.tp + self.fp + self.fn)

    @property
    def dice(self):
        """Sørensen–Dice coefficient of the foreground, equal to the F1 score of its pixels."""
        return ratio(2 * self.tp, 2 * self.tp + self.fp + self.fn)

    @property
    def precision(self):
        """Share of the predicted foreground that is foreground."""
        return ratio(self.tp, self.tp + self.fp)

    @property
    def recall(self):
        """Share of the foreground that was predicted (sensitivity)."""
        return ratio(self.tp, self.tp + self.fn)

    @property
    def accuracy(self):
        """Share of all pixels that are right."""
        return ratio(self.tp + self.tn, self.total)

    @property
    def iou_background(self):
        """Intersection over union of the background."""
        return ratio(self.tn, self.tn + self.fp + self.fn)

    @property
    def mean_iou(self):
        """Mean of foreground and background IoU; None where either is undefined."""
        both = (self.iou, self.iou_background)
        return None if None in both else sum(both) / 2


def ratio(numerator, denominator):
    """Divide, or return None where there is nothing to divide by."""
    return numerator / denominator if denominator else None


def confusion_counts(reference, prediction):
    """Count the pixels of one image.

    Parameters
    ----------
    reference, prediction : ndarray of bool
        Of the same shape, usually (H, W).

    Returns
    -------
    Counts

    Raises
    ------
    ValueError
        If the shapes differ or an array is not boolean (a probability is no mask before it meets its threshold).
    """
    reference, prediction = np.asarray(reference), np.asarray(prediction)
    if reference.shape != prediction.shape:
        raise ValueError(f"expected two masks of one shape, received {reference.shape} and {prediction.shape}")
    if reference.dtype != bool or prediction.dtype != bool:
        raise ValueError(f"expected boolean masks, received {reference.dtype} and {prediction.dtype}")
    tp = int(np.count_nonzero(reference & prediction))
    fn = int(np.count_nonzero(reference)) - tp
    fp = int(np.count_nonzero(prediction)) - tp
    return Counts(tp, fp, fn, reference.size - tp - fp - fn)


def per_image(counts):
    """Score one image by the empty-mask rule above.

    Returns
    -------
    dict
        ``dice``, ``iou``, ``precision``, ``recall``, and the share of the image that is foreground:
        ``reference_fraction``, ``predicted_fraction``.
    """
    empty = counts.total > 0 and counts.tp + counts.fp + counts.fn == 0
    return {
        "dice": 1.0 if empty else counts.dice,
        "iou": 1.0 if empty else counts.iou,
        "precision": counts.precision,
        "recall": counts.recall,
        "reference_fraction": ratio(counts.tp + counts.fn, counts.total),
        "predicted_fraction": ratio(counts.tp + counts.fp, counts.total),
    }


def summarise(per_image_counts):
    """Score a test set.

    Parameters
    ----------
    per_image_counts : iterable of Counts
        One per image.

    Returns
    -------
    dict
        Pooled over all pixels: ``iou``, ``dice``, ``mean_iou``, ``iou_background``, ``accuracy``, ``precision``,
        ``recall``. Mean over images, each of the same weight: ``dice_per_image``. None where undefined.
    """
    images = list(per_image_counts)
    pooled = reduce(Counts.__add__, images, Counts())
    names = ("iou", "dice", "mean_iou", "iou_background", "accuracy", "precision", "recall")
    return {name: getattr(pooled, name) for name in names} | {
        "dice_per_image": ratio(sum(per_image(counts)["dice"] for counts in images), len(images))
    }


def trivial(counts):
    """Score the better of the two predictors that never look at the image: all foreground, and all background.

    Parameters
    ----------
    counts : Counts
        Pooled over the test set; only its numbers of foreground and background pixels matter.

    Returns
    -------
    dict
        ``trivial_iou`` and ``trivial_dice``; None without any foreground.
    """
    foreground, background = counts.tp + counts.fn, counts.fp + counts.tn
    everything = Counts(tp=foreground, fp=background)
    # All background overlaps with no foreground: it scores 0, and is never the better one where IoU is defined.
    return {
        "trivial_iou": everything.iou if foreground else None,
        "trivial_dice": everything.dice if foreground else None,
    }
