"""Distances between the borders of two masks: overlap says how much is wrong, distances say how far off the outline is.

Definitions follow Metrics Reloaded (Maier-Hein et al. 2024, doi 10.1038/s41592-023-02151-z).

The border
----------
A border pixel is a foreground pixel with background above, below, left or right of it. Outside the image everything is
background (as in MedPy), so an object cut off by the image edge has a border there. Distances run between pixel centres.
Each border pixel counts once, whatever the length of the outline in it (Nikolov et al. weigh by length).

Volumes have border voxels: those with background in front of or behind them, too.

Empty masks
-----------
If reference and prediction are both empty, the prediction is exactly right: NSD is 1, HD95 and ASSD are 0. If only one
is empty, NSD is 0, and HD95 and ASSD are None, because any number would be invented. A mean of HD95 or ASSD over images
leaves those images out and must say how many: a network is not better for finding nothing in the hard images.
"""

import numpy as np
from scipy.ndimage import binary_erosion
from scipy.spatial import cKDTree


def border(mask):
    """Find the border pixels of a mask (H, W) or voxels of a volume (D, H, W): ndarray of bool, of the same shape."""
    return mask & ~binary_erosion(mask)


def surface_distances(reference, prediction, spacing=1.0):
    """Measure the distance from each border pixel of one boolean mask to the nearest border pixel of the other.

    Parameters
    ----------
    reference, prediction : ndarray of bool, shape (H, W) or (D, H, W)
    spacing : float or tuple of float
        The size of a pixel or voxel, or that along each axis.

    Returns
    -------
    from_reference, from_prediction : ndarray, shapes (n,) and (m,)
        In row-major order and in units of `spacing`; infinite if the other mask is empty.

    Examples
    --------
    Two sections, 50 nm apart, of which the prediction has only the first:

    >>> solid = np.ones((2, 1, 1), bool)
    >>> first = np.array([[[True]], [[False]]])
    >>> surface_distances(solid, first, (50.0, 4.0, 4.0))
    (array([ 0., 50.]), array([0.]))
    """
    if np.shape(reference) != np.shape(prediction):
        raise ValueError(f"expected two masks of the same shape, received {np.shape(reference)} and {np.shape(prediction)}")
    if reference.dtype != bool or prediction.dtype != bool:
        raise ValueError(f"expected boolean masks, received {reference.dtype} and {prediction.dtype}")
    reference, prediction = np.argwhere(border(reference)), np.argwhere(border(prediction))
    return _to_nearest(reference, prediction, spacing), _to_nearest(prediction, reference, spacing)


def _to_nearest(points, others, spacing):
    if not len(others):
        return np.full(len(points), np.inf)
    # A search tree of border pixels is exact, and faster than a distance transform of the whole image because borders
    # are thin. Differences are taken in whole pixels: 2 pixels of 4.6 nm are 9.2 nm, not 9.200000000000273.
    _, nearest = cKDTree(others * np.asarray(spacing)).query(points * np.asarray(spacing))
    return np.linalg.norm((points - others[nearest]) * np.asarray(spacing), axis=1)


def nsd(from_reference, from_prediction, tolerance):
    """Normalised surface Dice: the share of both borders that is at most `tolerance` away from the other border.

    Nikolov et al. 2021, doi 10.2196/26151 (arXiv 1809.04430), but counting pixels instead of lengths.
    """
    distances = np.concatenate((from_reference, from_prediction))
    return float(np.mean(distances <= tolerance)) if len(distances) else 1.0


def hd95(from_reference, from_prediction):
    """95th percentile of the Hausdorff distance: the larger of the two directed percentiles.

    MedPy and panoptica instead take one percentile of both directions together, where the longer border can hide what the
    shorter one misses.
    """
    if not len(from_reference) or not len(from_prediction):
        return _distance_to_empty(from_reference, from_prediction)
    return float(max(np.percentile(from_reference, 95), np.percentile(from_prediction, 95)))


def assd(from_reference, from_prediction):
    """Average symmetric surface distance: the mean over all border pixels of both masks.

    MedPy and panoptica instead take the mean of the two directed means, which Metrics Reloaded calls MASD.
    """
    if not len(from_reference) or not len(from_prediction):
        return _distance_to_empty(from_reference, from_prediction)
    return float(np.concatenate((from_reference, from_prediction)).mean())


def _distance_to_empty(from_reference, from_prediction):
    return None if len(from_reference) or len(from_prediction) else 0.0


def per_image(reference, prediction, tolerance, pixel_size_nm=None):
    """Score the borders of two boolean masks (H, W): a dict, None where undefined.

    ``nsd`` is a share, at a tolerance in pixels; ``hd95`` and ``assd`` are in pixels. With a pixel size (height, width) there
    are also ``hd95_nm`` and ``assd_nm``.
    """
    distances = surface_distances(reference, prediction)
    scores = {"nsd": nsd(*distances, tolerance), "hd95": hd95(*distances), "assd": assd(*distances)}
    if pixel_size_nm is not None:
        # Measured again, not scaled: if pixels are not square, another border pixel may be the nearest.
        distances = surface_distances(reference, prediction, pixel_size_nm)
        scores |= {"hd95_nm": hd95(*distances), "assd_nm": assd(*distances)}
    return scores
