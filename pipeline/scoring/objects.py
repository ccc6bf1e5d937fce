"""Objects of two masks, their overlaps, and which of them match.

A mask does not tell objects apart, so an object is an 8-connected component: pixels that share a corner belong together.
A thin process that runs diagonally stays in one piece, and a corner pixel left by a threshold is not an object of its own.
Objects that touch are one object, in reference and prediction alike.

A reference and a predicted object match if their IoU is at least 0.5 (as in panoptica and COCO; Kirillov et al. 2019 ask
for more than 0.5). Then no object has two partners: at exactly 0.5 the two would have to tile it, but two components of
one mask never touch.
"""

from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from pipeline.scoring.overlap import check_masks

MATCH = 0.5  # least IoU of a match; below this value, an object could have two partners


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
    """Number the 8-connected components of a mask (H, W), bool: the labels (H, W), int32, where 0 is background."""
    mask = np.asarray(mask)
    if mask.dtype != bool or mask.ndim != 2:
        raise ValueError(f"expected a boolean mask of shape (H, W), received {mask.dtype} of shape {mask.shape}")
    return ndimage.label(mask, structure=np.ones((3, 3)))[0]


def find_objects(reference, prediction):
    """Label two masks, ndarray of bool, shape (H, W), and measure how their objects overlap: `Objects`."""
    check_masks(reference, prediction)
    reference, prediction = label(reference), label(prediction)
    reference_area, prediction_area = (np.bincount(labels.ravel())[1:] for labels in (reference, prediction))
    both = (reference > 0) & (prediction > 0)
    base = len(prediction_area) + 1
    codes, shared = np.unique(reference[both].astype(np.int64) * base + prediction[both], return_counts=True)
    pairs = np.stack(np.divmod(codes, base), axis=-1)
    union = reference_area[pairs[:, 0] - 1] + prediction_area[pairs[:, 1] - 1] - shared
    return Objects(reference, prediction, reference_area, prediction_area, pairs, shared / union)
