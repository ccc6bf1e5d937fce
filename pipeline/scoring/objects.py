"""Scores of objects instead of pixels. Objects are counted exactly first, and divided once at the end.

Definitions follow Metrics Reloaded (Maier-Hein et al. 2024, doi 10.1038/s41592-023-02151-z). Panoptic, segmentation and
recognition quality are those of Kirillov et al. 2019 (doi 10.1109/CVPR.2019.00963).

Objects and matches
-------------------
In a label image each number above 0 is an object, whether its pixels are connected or not, and whatever it touches.

A mask does not tell objects apart, so an object is an 8-connected component: pixels that share a corner belong together.
A thin process that runs diagonally stays in one piece, and a corner pixel left by a threshold is not an object of its own.
Objects of a mask that touch are one object.

A reference and a predicted object match if their IoU is at least 0.5 (as in panoptica and COCO; Kirillov et al. 2019 ask
for more than 0.5). Two partners of one object both have an IoU of exactly 0.5, and tile it: two components of one mask
never do, but two objects of a label image can. Then the one of the lower number is the match.

Empty masks
-----------
A ratio with denominator zero is undefined and becomes None. The one exception: if reference and prediction of a single
image have no object, its F1 is 1 (`f1_of_image`), because the prediction is exactly right. If only one of them has
objects, F1 and PQ are 0 by the formula. Precision without predicted objects, recall without reference objects and SQ
without a match stay None. Pooled over a test set without any object, F1 and PQ are None.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy import ndimage

from pipeline.scoring.ratios import OBJECTS, or_none, ratio

MATCH = 0.5  # least IoU of a match; below this value, an object could have any number of partners
STRICT = 0.75  # IoU that only a good outline reaches
RELATED = 0.1  # IoU above which objects are related, for splits and merges (Caicedo et al. 2019)


@dataclass(frozen=True, eq=False)
class Objects:
    """The objects of one image, and all pairs of a reference and a predicted object that share a pixel.

    In the label images 0 is background; the area of label k, in pixels, is at index k - 1.
    """

    reference: np.ndarray
    prediction: np.ndarray
    reference_area: np.ndarray
    prediction_area: np.ndarray
    pairs: np.ndarray
    iou: np.ndarray


def label(mask):
    """Number the components of a mask (H, W), or of a volume (D, H, W), bool: the labels, int32, where 0 is background.

    Pixels that share a corner are connected (8 neighbours), and so are voxels (26).
    """
    mask = np.asarray(mask)
    if mask.dtype != bool or mask.ndim not in (2, 3):
        raise ValueError(f"expected a boolean mask of shape (H, W) or (D, H, W), received {mask.dtype} of shape {mask.shape}")
    return ndimage.label(mask, structure=np.ones((3,) * mask.ndim))[0]


def find_objects(reference, prediction):
    """Measure how the objects of two images, or of two volumes, overlap.

    Parameters
    ----------
    reference, prediction : ndarray, shape (H, W) or (D, H, W)
        A mask, bool, whose objects are its components, or a label image of integers, 0 for the background.

    Returns
    -------
    Objects
        The objects of a label image are numbered anew, without gaps and in the same order.

    Raises
    ------
    ValueError
        If the shapes differ, or one is neither.
    """
    if np.shape(reference) != np.shape(prediction):
        raise ValueError(f"expected the same shape, received {np.shape(reference)} and {np.shape(prediction)}")
    reference, prediction = _labels(reference), _labels(prediction)
    reference_area, prediction_area = (np.bincount(labels.ravel())[1:] for labels in (reference, prediction))
    both = (reference > 0) & (prediction > 0)
    base = len(prediction_area) + 1
    codes, shared = np.unique(reference[both].astype(np.int64) * base + prediction[both], return_counts=True)
    pairs = np.stack(np.divmod(codes, base), axis=-1)
    union = reference_area[pairs[:, 0] - 1] + prediction_area[pairs[:, 1] - 1] - shared
    return Objects(reference, prediction, reference_area, prediction_area, pairs, shared / union)


def count_objects(objects):
    """Count the `Objects` of one image: a dict whose values add up over images (`total`).

    ``at_50`` and ``at_75`` are arrays (tp, fp, fn, iou_sum), float64: matched pairs at that IoU, predicted and reference
    objects without a partner, and the IoU of all pairs summed. ``splits`` are reference objects related to two or more
    predicted objects, ``merges`` the reverse. Related means an IoU above 0.1 (Caicedo et al. 2019, doi 10.1002/cyto.a.23863).
    So specks do not count, and an object that falls into ten or more equal pieces is not split but missed.
    """
    counts = {}
    for name, threshold in (("at_50", MATCH), ("at_75", STRICT)):
        iou = objects.iou[_matches(objects, threshold)]
        tp = len(iou)
        counts[name] = np.array([tp, len(objects.prediction_area) - tp, len(objects.reference_area) - tp, iou.sum()])
    related = objects.pairs[objects.iou > RELATED]
    splits, merges = (int(np.count_nonzero(np.bincount(side) > 1)) for side in related.T)
    return counts | {"splits": splits, "merges": merges}


def counts_by_size(objects, sizes):
    """Count matches as ``at_50`` of `count_objects`, without predicted objects of fewer pixels than each of `sizes`: (S, 4)."""
    matched = _matches(objects, MATCH)
    kept = objects.prediction_area[objects.pairs[matched, 1] - 1] >= sizes[:, None]
    tp = kept.sum(axis=1)
    predicted = (objects.prediction_area >= sizes[:, None]).sum(axis=1)
    return np.stack([tp, predicted - tp, len(objects.reference_area) - tp, kept @ objects.iou[matched]], axis=1)


def total(counts):
    """Add up what `count_objects` found in one or more images."""
    images = list(counts)
    return {name: sum(image[name] for image in images) for name in images[0]}


def scores(matches):
    """Score the matches (tp, fp, fn, iou_sum) of one image or of many together: a dict, None where undefined.

    ``sq``, segmentation quality, is the mean IoU of the matched pairs. ``rq``, recognition quality, is what Kirillov et al.
    call F1. ``pq``, panoptic quality, is their product, and 0 where no object matches.
    """
    tp, fp, fn, iou_sum = matches
    f1, pq = (or_none(OBJECTS[name](matches)) for name in ("object_f1", "pq"))
    shares = {"precision": ratio(tp, tp + fp), "recall": ratio(tp, tp + fn)}
    return shares | {"f1": f1, "sq": ratio(iou_sum, tp), "rq": f1, "pq": pq}


def f1_of_image(matches):
    """F1 of the objects of one image, with the rule for empty masks above."""
    return scores(matches)["f1"] if np.any(matches) else 1.0


def per_object(objects, probability=None):
    """Describe the `Objects` of one image; `probability` (H, W) is that of foreground.

    Returns a DataFrame, reference objects first, then predicted ones, each by label: ``kind`` ("reference" or "prediction"),
    ``label``, ``area`` in pixels, ``row`` and ``column`` of the centroid (the centre of the first pixel is 0, 0), ``partner``
    (label of the matching object), ``iou`` with it, ``confidence`` (of predictions: mean probability of their pixels).
    """
    matched = _matches(objects, MATCH)
    pairs, iou = objects.pairs[matched], objects.iou[matched]
    references = _table("reference", objects.reference, objects.reference_area, pairs, iou, None)
    predictions = _table("prediction", objects.prediction, objects.prediction_area, pairs[:, ::-1], iou, probability)
    return pd.concat([references, predictions], ignore_index=True)


def _labels(image):
    if np.asarray(image).dtype.kind not in "iu":
        return label(image)
    numbers = np.setdiff1d(image, 0)
    return np.where(image == 0, 0, np.searchsorted(numbers, image) + 1).astype(np.int32)


def _matches(objects, threshold):
    """Indices of the pairs that match, so that no object has two partners."""
    matched = np.flatnonzero(objects.iou >= threshold)
    for side in objects.pairs.T:  # pairs are sorted, so the lower number comes first
        matched = matched[np.sort(np.unique(side[matched], return_index=True)[1])]
    return matched


def _table(kind, labels, areas, pairs, iou, probability):
    """One row per label; the first column of `pairs` holds these labels, the second those of their partners."""
    index = np.arange(1, len(areas) + 1)
    centroids = np.reshape(ndimage.center_of_mass(labels > 0, labels, index), (-1, 2))
    table = pd.DataFrame({"kind": kind, "label": index, "area": areas, "row": centroids[:, 0], "column": centroids[:, 1]})
    table["partner"] = pd.Series(pairs[:, 1], index=pairs[:, 0] - 1, dtype="Int64")
    table["iou"] = pd.Series(iou, index=pairs[:, 0] - 1, dtype=float)
    table["confidence"] = np.nan if probability is None else ndimage.mean(probability, labels, index)
    return table


def average_precision(table):
    """Area under the precision–recall curve of the objects at an IoU of 0.5, ranked by confidence over all images.

    In steps, as for pixels (`pipeline.scoring.curves`); objects of equal confidence enter together. COCO instead averages
    the best precision at or beyond each of 101 recalls, which smooths the curve upwards. The curve ends at the recall of
    the mask's threshold: objects below it are never found.

    `table` holds the rows of `per_object`, of all test images together. None without any reference object; 0 if there are
    some and none was found.
    """
    from sklearn.metrics import average_precision_score  # takes a second to import

    positives = int((table["kind"] == "reference").sum())
    predictions = table[table["kind"] == "prediction"]
    found = predictions["partner"].notna()
    if not positives or not found.any():
        return 0.0 if positives else None
    # scikit-learn knows nothing of missed objects: its recall is relative to those found.
    return float(average_precision_score(found, predictions["confidence"]) * found.sum() / positives)
