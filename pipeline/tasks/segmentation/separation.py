"""Tell the objects of a predicted mask apart. Validation chooses how, where label images say which objects there are."""

import numpy as np

from pipeline.prediction.objects.label import label_page
from pipeline.scoring.objects import count_objects, find_objects, scores

COMPONENTS, WATERSHED = "components", "watershed"


def separated(mask):
    """Number the objects of a mask (H, W), bool, as ``predict --split`` does: labels (H, W), int32; 0 is background."""
    labels = np.zeros((1, *mask.shape), np.int32)
    label_page([mask], labels, 0, split=True)
    return labels[0]


def choose_separation(images):
    """Choose how objects that touch are told apart: by the higher panoptic quality, pooled over images.

    Parameters
    ----------
    images : iterable of (ndarray, ndarray)
        The object numbers of each image, shape (H, W), integers, 0 for the background, and its predicted mask, (H, W), bool.

    Returns
    -------
    str
        "components": the 8-connected components of the mask; also without any image, and if both are equally good.
        "watershed": components, cut at narrow necks.
    """
    components, watershed = np.zeros((2, 4))
    for instances, mask in images:
        components += count_objects(find_objects(instances, mask))["at_50"]
        watershed += count_objects(find_objects(instances, separated(mask)))["at_50"]
    better = (scores(watershed)["pq"] or 0) > (scores(components)["pq"] or 0)
    return WATERSHED if better else COMPONENTS
