"""Separate objects that touch: a watershed on the distance to the background.

Two parts of an object are two objects if the neck between them is narrow for their width. With p the largest distance
to the background in the smaller part, and s the largest that a path to the other part keeps to, both in pixels, they are
separated if (1 + s) / (1 + p) is below `NECK`. A ratio judges small and large objects alike; the 1 keeps the steps of the pixel
grid from dividing the smallest. The parts are the h-maxima of log(1 + distance), h = -log(NECK).
"""

import math

import numpy as np
from scipy import ndimage
from skimage.morphology import local_maxima, reconstruction
from skimage.segmentation import watershed

NECK = 0.75  # two equal discs part once their centres are 1.3 radii apart; a rod of uneven width stays whole
LARGEST = 2**24  # pixels of a bounding box: the watershed needs about 64 bytes each, 1 GB in all
EIGHT = np.ones((3, 3), bool)  # as objects are connected


def split_object(mask):
    """Number the pieces of one object.

    Parameters
    ----------
    mask : ndarray of bool, shape (H, W)
        The object in its bounding box; what lies outside counts as background, beyond the plane's edge too.

    Returns
    -------
    ndarray, shape (H, W), int32
        0 is background; each piece is 8-connected, and all pieces together are the object.
    """
    around = np.pad(mask, 1)
    height = np.log1p(ndimage.distance_transform_edt(around))
    peaks = local_maxima(reconstruction(height + math.log(NECK), height, footprint=EIGHT), footprint=EIGHT)
    markers, count = ndimage.label(peaks & around, EIGHT)
    if count == 1:
        return mask.astype(np.int32)
    return watershed(-height, markers, connectivity=EIGHT, mask=around)[1:-1, 1:-1].astype(np.int32)
