"""Distances between the borders of two masks: how far off is the outline, where overlap only says how much.

Definitions follow Metrics Reloaded (Maier-Hein et al. 2024, doi 10.1038/s41592-023-02151-z).

The border
----------
A border pixel is a foreground pixel with a background pixel above, below, left or right of it (4-connected, so that the
border of an 8-connected object is itself 8-connected). What lies outside the image is background: an object cut off
by the image edge has a border there, as in MedPy, and a mask that is all foreground still has an outline.
Distances run between pixel centres. A border is counted by its pixels, not by its length, so a diagonal stretch
(pixels √2 apart) weighs less than a straight one; Nikolov et al. weigh each by its length.

The empty-mask rule
-------------------
Nothing lies at a distance from nothing. For an image whose reference and prediction are both empty, NSD is 1, HD95 and
ASSD are 0: the prediction is exactly right. If one of them is empty, NSD is 0 (no border is near another), and HD95 and
ASSD are None, because any number would be invented. So a mean of HD95 or ASSD over images leaves such images out, and has
to say how many: a network that finds nothing in the hard images is not the better one for it.
"""

from dataclasses import dataclass

import numpy as np
from scipy.spatial import cKDTree


@dataclass(frozen=True, eq=False)
class SurfaceDistances:
    """Distances from each border pixel of either mask to the nearest border pixel of the other.

    Parameters
    ----------
    from_reference : ndarray, shape (n,), float64
        One per border pixel of the reference, in row-major order; infinite where the prediction is empty.
    from_prediction : ndarray, shape (m,), float64
        One per border pixel of the prediction; infinite where the reference is empty.
    """

    from_reference: np.ndarray
    from_prediction: np.ndarray

    @property
    def both_empty(self):
        """Whether neither mask has any foreground."""
        return len(self.from_reference) + len(self.from_prediction) == 0

    @property
    def one_empty(self):
        """Whether exactly one of the masks has no foreground."""
        return (len(self.from_reference) == 0) != (len(self.from_prediction) == 0)

    def nsd(self, tolerance):
        """Normalised surface Dice: share of both borders that lies within the tolerance of the other border.

        Nikolov et al. 2021, doi 10.2196/26151 (arXiv 1809.04430), with pixels counted in place of lengths.

        Parameters
        ----------
        tolerance : float
            In the unit of the distances; a distance equal to it is within.

        Returns
        -------
        float

        Raises
        ------
        ValueError
            If the tolerance is negative.
        """
        if not 0 <= tolerance < np.inf:
            raise ValueError(f"expected a tolerance of 0 or more, received {tolerance}")
        if self.both_empty:
            return 1.0
        distances = np.concatenate((self.from_reference, self.from_prediction))
        return float(np.mean(distances <= tolerance))

    @property
    def hd95(self):
        """95th percentile of the Hausdorff distance: the larger of the two directed percentiles, or None.

        Each percentile is interpolated linearly (NumPy's default). MedPy and panoptica take one percentile of both
        directions thrown together, in which the longer border hides what the shorter one misses.
        """
        if self.both_empty:
            return 0.0
        if self.one_empty:
            return None
        return float(max(np.percentile(self.from_reference, 95), np.percentile(self.from_prediction, 95)))

    @property
    def assd(self):
        """Average symmetric surface distance: the mean over the border pixels of both masks, or None.

        MedPy and panoptica take the mean of the two directed means instead, which Metrics Reloaded calls MASD.
        """
        if self.both_empty:
            return 0.0
        if self.one_empty:
            return None
        return float(np.concatenate((self.from_reference, self.from_prediction)).mean())


def border(mask):
    """Find the border pixels of a mask, as defined above.

    Parameters
    ----------
    mask : ndarray of bool, shape (H, W)

    Returns
    -------
    ndarray of bool, shape (H, W)
    """
    padded = np.pad(mask, 1)
    inside = padded[:-2, 1:-1] & padded[2:, 1:-1] & padded[1:-1, :-2] & padded[1:-1, 2:]
    return mask & ~inside


def surface_distances(reference, prediction, spacing=(1.0, 1.0)):
    """Measure the distances between the borders of two masks.

    Parameters
    ----------
    reference, prediction : ndarray of bool, shape (H, W)
    spacing : (float, float)
        Height and width of a pixel; the distances have its unit. The default measures in pixels.

    Returns
    -------
    SurfaceDistances

    Raises
    ------
    ValueError
        If the masks are not boolean, not 2-D or of different shapes, or if a spacing is not positive.
    """
    reference, prediction = np.asarray(reference), np.asarray(prediction)
    if reference.shape != prediction.shape or reference.ndim != 2:
        raise ValueError(f"expected two masks of one shape (H, W), received {reference.shape} and {prediction.shape}")
    if reference.dtype != bool or prediction.dtype != bool:
        raise ValueError(f"expected boolean masks, received {reference.dtype} and {prediction.dtype}")
    if len(spacing) != 2 or not all(0 < size < np.inf for size in spacing):
        raise ValueError(f"expected a positive (height, width) of a pixel, received {spacing}")
    reference, prediction = np.argwhere(border(reference)), np.argwhere(border(prediction))
    return SurfaceDistances(_to_nearest(reference, prediction, spacing), _to_nearest(prediction, reference, spacing))


def _to_nearest(points, others, spacing):
    """Distance from each of the points, (n, 2) int, to the nearest of the others, (m, 2) int."""
    if not len(others):
        return np.full(len(points), np.inf)
    # A search tree over border pixels alone is exact, and faster than a distance transform of the whole image, since
    # borders are thin. The distance is taken from whole pixels: 2 pixels of 4.6 nm are 9.2 nm, not 9.200000000000273.
    _, nearest = cKDTree(others * np.asarray(spacing)).query(points * np.asarray(spacing))
    return np.linalg.norm((points - others[nearest]) * np.asarray(spacing), axis=1)


def per_image(reference, prediction, tolerance, pixel_size_nm=None):
    """Score the borders of one image by the empty-mask rule above.

    Parameters
    ----------
    reference, prediction : ndarray of bool, shape (H, W)
    tolerance : float
        Of the NSD, in pixels.
    pixel_size_nm : (float, float), optional
        Height and width of a pixel in nanometres.

    Returns
    -------
    dict
        ``nsd`` (a share), ``hd95`` and ``assd`` in pixels; with a pixel size also ``hd95_nm`` and ``assd_nm``.
        None where undefined.
    """
    distances = surface_distances(reference, prediction)
    scores = {"nsd": distances.nsd(tolerance), "hd95": distances.hd95, "assd": distances.assd}
    if pixel_size_nm is not None:
        # Measured anew, not scaled: where pixels are not square, another border pixel may be the nearest.
        physical = surface_distances(reference, prediction, pixel_size_nm)
        scores |= {"hd95_nm": physical.hd95, "assd_nm": physical.assd}
    return scores
