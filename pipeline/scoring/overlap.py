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

from dataclasses import astuple, dataclass

import numpy as np

from pipeline.scoring.ratios import OVERLAP, or_none, ratio


@dataclass(frozen=True)
class Counts:
    """True and false positive, false and true negative pixels, as Python integers: exact at any size.

    (A float32 counter, as in Keras's MeanIoU, stops counting at 2^24 pixels.)
    """

    tp: int = 0
    fp: int = 0
    fn: int = 0
    tn: int = 0

    def __add__(self, other):
        return Counts(self.tp + other.tp, self.fp + other.fp, self.fn + other.fn, self.tn + other.tn)


def check_masks(reference, prediction):
    """Raise a ValueError if two masks are not boolean (such as probabilities), or have different shapes."""
    if np.shape(reference) != np.shape(prediction):
        raise ValueError(f"expected two masks of the same shape, received {np.shape(reference)} and {np.shape(prediction)}")
    if reference.dtype != bool or prediction.dtype != bool:
        raise ValueError(f"expected boolean masks, received {reference.dtype} and {prediction.dtype}")


def confusion_counts(reference, prediction):
    """Count the pixels of one image from two boolean masks of the same shape, usually (H, W)."""
    check_masks(reference, prediction)
    tp = int(np.count_nonzero(reference & prediction))
    fn = int(np.count_nonzero(reference)) - tp
    fp = int(np.count_nonzero(prediction)) - tp
    return Counts(tp, fp, fn, reference.size - tp - fp - fn)


def scores(counts):
    """Compute every ratio in `OVERLAP` from the counts: a dict, None where undefined."""
    return {name: or_none(score(astuple(counts))) for name, score in OVERLAP.items()}


def per_image(counts):
    """Score one image, with the rule for empty masks above; the two fractions are the share of it that is foreground."""
    defined, total = scores(counts), sum(astuple(counts))
    image = {name: defined[name] for name in ("dice", "iou", "precision", "recall")}
    if 0 < total == counts.tn:
        image |= {"dice": 1.0, "iou": 1.0}
    image["reference_fraction"] = ratio(counts.tp + counts.fn, total)
    image["predicted_fraction"] = ratio(counts.tp + counts.fp, total)
    return image


def summarise(per_image_counts):
    """Score a test set from the `Counts` of its images: the pooled `scores`, and ``dice_per_image``, the mean over images."""
    images = list(per_image_counts)
    dice = [per_image(counts)["dice"] for counts in images]
    return scores(sum(images, Counts())) | {"dice_per_image": ratio(sum(dice), len(images))}


def trivial(counts):
    """Score the better of two predictors that never look at the image: all foreground and all background.

    Only the numbers of foreground and background pixels in `counts` matter. The scores are None without any foreground.
    """
    # "All background" scores 0 wherever IoU is defined, so "all foreground" is never worse.
    foreground, background = counts.tp + counts.fn, counts.fp + counts.tn
    everything = scores(Counts(tp=foreground, fp=background))
    return {f"trivial_{name}": everything[name] if foreground else None for name in ("iou", "dice")}
