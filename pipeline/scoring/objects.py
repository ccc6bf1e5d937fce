"""Objects of two masks: connected components, their overlaps, and the match of one to one.

The objects
-----------
A mask names no instances, so an object is an 8-connected component: pixels that share a corner belong together. A thin
process that runs diagonally stays in one piece, and a corner pixel left over by a threshold is no object of its own.
Objects that touch in the mask are one object, in reference and prediction alike.

The match
---------
A reference and a predicted object may match if their IoU is at or above the threshold (as panoptica and COCO have it;
Kirillov et al. 2019 ask for more than 0.5). From 0.5 upwards no object has two candidates: at exactly 0.5 its two candidates
would have to tile it, and two components of one mask never touch. Below, the assignment of the largest sum of IoU is taken.
"""

from dataclasses import dataclass

import numpy as np
from scipy import ndimage
from scipy.optimize import linear_sum_assignment

MATCH = 0.5  # IoU from which two objects count as one, unless a stricter threshold is named


@dataclass(frozen=True, eq=False)
class Objects:
    """The objects of one image, and all pairs of a reference and a predicted object that share a pixel.

    Parameters
    ----------
    reference, prediction : ndarray, shape (H, W), int32
        Labels: 0 is background, n objects are numbered 1 to n.
    reference_area, prediction_area : ndarray, shape (n,) and (m,), int64
        In pixels; label k stands at index k - 1.
    pairs : ndarray, shape (k, 2), int64
        Labels of the reference object and of the predicted one, ascending.
    iou : ndarray, shape (k,), float64
        Of each pair.
    """

    reference: np.ndarray
    prediction: np.ndarray
    reference_area: np.ndarray
    prediction_area: np.ndarray
    pairs: np.ndarray
    iou: np.ndarray


def label(mask):
    """Number the 8-connected components of a mask.

    Parameters
    ----------
    mask : ndarray of bool, shape (H, W)

    Returns
    -------
    ndarray, shape (H, W), int32
        0 is background.

    Raises
    ------
    ValueError
        If the mask is not boolean or not 2-D.
    """
    mask = np.asarray(mask)
    if mask.dtype != bool or mask.ndim != 2:
        raise ValueError(f"expected a boolean mask of shape (H, W), received {mask.dtype} of {mask.shape}")
    return ndimage.label(mask, structure=np.ones((3, 3)))[0]


def find_objects(reference, prediction):
    """Label two masks, and measure the overlap of their objects in one pass over the pixels.

    Parameters
    ----------
    reference, prediction : ndarray of bool, shape (H, W)

    Returns
    -------
    Objects

    Raises
    ------
    ValueError
        If the masks are not boolean, not 2-D or of different shapes.
    """
    reference, prediction = label(reference), label(prediction)
    if reference.shape != prediction.shape:
        raise ValueError(f"expected two masks of one shape, received {reference.shape} and {prediction.shape}")
    reference_area, prediction_area = (np.bincount(labels.ravel())[1:] for labels in (reference, prediction))
    both = (reference > 0) & (prediction > 0)
    base = len(prediction_area) + 1
    codes, shared = np.unique(reference[both].astype(np.int64) * base + prediction[both], return_counts=True)
    pairs = np.stack(np.divmod(codes, base), axis=-1)
    union = reference_area[pairs[:, 0] - 1] + prediction_area[pairs[:, 1] - 1] - shared
    return Objects(reference, prediction, reference_area, prediction_area, pairs, shared / union)


def match(objects, threshold=MATCH):
    """Match objects one to one, so that the sum of their IoU is the largest.

    Parameters
    ----------
    objects : Objects
    threshold : float
        Least IoU of a match, above 0 and at most 1.

    Returns
    -------
    ndarray of bool, shape (k,)
        Which of ``objects.pairs`` match.

    Raises
    ------
    ValueError
        If the threshold is no such number.
    """
    if not 0 < threshold <= 1:
        raise ValueError(f"expected an IoU threshold above 0 and at most 1, received {threshold}")
    matched = objects.iou >= threshold
    candidates = np.flatnonzero(matched)
    # Only candidates that share an object need to be assigned: the table stays small whatever the number of objects.
    rivals = candidates[_shares_an_object(objects.pairs[candidates])]
    (rows, row), (columns, column) = (np.unique(objects.pairs[rivals, side], return_inverse=True) for side in (0, 1))
    gain = np.zeros((len(rows), len(columns)))
    gain[row, column] = objects.iou[rivals]
    chosen = np.zeros(gain.shape, bool)
    chosen[linear_sum_assignment(gain, maximize=True)] = True
    matched[rivals] = chosen[row, column]
    return matched


def _shares_an_object(pairs):
    """Tell which of the pairs hold an object that another pair holds too."""
    return np.logical_or(*(np.bincount(side)[side] > 1 for side in pairs.T))
