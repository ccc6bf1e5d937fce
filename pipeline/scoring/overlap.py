"""Overlap of two masks. Pixels are counted exactly first, and divided once at the end.

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

from pipeline.scoring.ratios import OVERLAP, or_none, ratio


def check_masks(reference, prediction):
    """Raise a ValueError if two masks are not boolean (such as probabilities), or have different shapes."""
    if np.shape(reference) != np.shape(prediction):
        raise ValueError(f"expected two masks of the same shape, received {np.shape(reference)} and {np.shape(prediction)}")
    if reference.dtype != bool or prediction.dtype != bool:
        raise ValueError(f"expected boolean masks, received {reference.dtype} and {prediction.dtype}")


def confusion_counts(reference, prediction):
    """Count the pixels of one image from two boolean masks of the same shape: ndarray (tp, fp, fn, tn), int64.

    (A float32 counter, as in Keras's MeanIoU, stops counting at 2^24 pixels.)
    """
    check_masks(reference, prediction)
    tp = np.count_nonzero(reference & prediction)
    fn = np.count_nonzero(reference) - tp
    fp = np.count_nonzero(prediction) - tp
    return np.array([tp, fp, fn, reference.size - tp - fp - fn])


def scores(counts):
    """Compute every ratio in `OVERLAP` from the counts (tp, fp, fn, tn): a dict, None where undefined."""
    return {name: or_none(score(counts)) for name, score in OVERLAP.items()}


def per_image(counts):
    """Score one image, with the rule for empty masks above; the two fractions are the share of it that is foreground."""
    defined, total = scores(counts), sum(counts)
    tp, fp, fn, tn = counts
    image = {name: defined[name] for name in ("dice", "iou", "precision", "recall")}
    if 0 < total == tn:
        image |= {"dice": 1.0, "iou": 1.0}
    image["reference_fraction"] = ratio(tp + fn, total)
    image["predicted_fraction"] = ratio(tp + fp, total)
    return image


def summarise(per_image_counts):
    """Score a test set from the counts (N, 4) of its images: the pooled `scores`, and the mean ``dice_per_image``."""
    rows = np.reshape(per_image_counts, (-1, 4))  # also of no image
    dice = [per_image(counts)["dice"] for counts in rows]
    return scores(rows.sum(axis=0)) | {"dice_per_image": ratio(sum(dice), len(dice))}


def trivial(counts):
    """Score the better of two predictors that never look at the image: all foreground and all background.

    Returns ``iou`` and ``dice``, None without any foreground.
    """
    # "All background" scores 0 wherever IoU is defined, so "all foreground" is never worse.
    tp, fp, fn, tn = counts
    everything = scores([tp + fn, fp + tn, 0, 0])
    return {name: everything[name] if tp + fn else None for name in ("iou", "dice")}
