"""Find the same picture twice: images that agree at low resolution, whatever their file, size, brightness or turn.

An image's fingerprint is its grey values at 32 × 32 pixels, in the disc that fits into it: corners and the black frame of an
endoscope are common to all images of a set. What is broader than a quarter of the image is taken away, since a lamp, a
vignette or a stain is common too; then mean and length are set to 0 and 1. Two images are near-duplicates if their
fingerprints correlate at or above a threshold under any of the eight flips and turns. Re-encoding, resizing, brightness and
contrast hardly change a fingerprint. A turn by another angle, a shift of more than a few percent or a shear does: such copies
are missed (docs/leakage.md).
"""

import hashlib
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.ndimage import gaussian_filter
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components
from skimage.transform import resize

from pipeline.images.io import unit
from pipeline.images.symmetry import SYMMETRIES

SIDE = 32  # pixels of a fingerprint: about 500 numbers in the disc are enough to tell thousands of images apart
BROAD = 4.0  # pixels, standard deviation of what is taken away: about a quarter of the image from peak to peak
RADIUS = 12.5  # pixels of the disc; with the whole square, unrelated frames of one endoscope correlate up to 0.94
DISC = (np.hypot(*np.mgrid[:SIDE, :SIDE] - (SIDE - 1) / 2) <= RADIUS).astype(np.float64)
COVER = gaussian_filter(DISC, BROAD)
ROWS_AT_ONCE = 1024  # of a product of fingerprints: bounds its memory to 1024 × N numbers
COLUMNS = ["name_a", "side_a", "name_b", "side_b", "correlation", "identical"]


@dataclass(frozen=True, eq=False)
class Fingerprint:
    """What is kept of an image.

    Attributes
    ----------
    values : ndarray, shape (32, 32), float32
        Of mean 0 and length 1; all 0 for an image without structure, which correlates with nothing.
    digest : str
        SHA-256 of its pixels, shape and depth: equal for identical images, whatever their file format.
    """

    values: np.ndarray
    digest: str


def fingerprint(image):
    """Take the fingerprint of an image (H, W, C), uint8 or uint16."""
    digest = hashlib.sha256(f"{image.shape} {image.dtype}".encode() + np.ascontiguousarray(image).tobytes()).hexdigest()
    small = resize(unit(image).mean(axis=-1), (SIDE, SIDE), order=1, anti_aliasing=True)
    fine = (small - gaussian_filter(small * DISC, BROAD) / COVER) * DISC
    fine -= DISC * fine.sum() / DISC.sum()
    length = np.linalg.norm(fine)
    return Fingerprint((fine / length if length > 1e-4 else 0 * fine).astype(np.float32), digest)


def similar_pairs(fingerprints, sides, threshold):
    """Find the near-duplicates among images that stand on different sides.

    Parameters
    ----------
    fingerprints : list of Fingerprint
    sides : sequence of str
        "train", "val", "test"; images on no side ("") are not compared. Give each image a side of its own to compare all.
    threshold : float
        Correlation from which a pair counts.

    Returns
    -------
    first, second : ndarray, shape (P,), int
        Positions of the pairs, `first` below `second`.
    correlation : ndarray, shape (P,), float32
        The highest of the eight flips and turns; 1 for identical images, also for those without structure.
    """
    if not fingerprints:
        return np.zeros(0, int), np.zeros(0, int), np.zeros(0, np.float32)
    sides = np.asarray(sides, str)
    values = np.stack([f.values for f in fingerprints])
    _, digest = np.unique([f.digest for f in fingerprints], return_inverse=True)
    flat = values.reshape(len(values), -1)
    turned = [np.ascontiguousarray(s.apply(values)).reshape(flat.shape) for s in SYMMETRIES]
    found = []
    for start in range(0, len(flat), ROWS_AT_ONCE):
        rows = slice(start, start + ROWS_AT_ONCE)
        highest = flat[rows] @ flat.T
        for other in turned:
            np.maximum(highest, flat[rows] @ other.T, out=highest)
        highest[digest[rows, None] == digest[None]] = 1.0
        across = (sides[rows, None] != sides[None]) & (sides[rows, None] != "") & (sides[None] != "")
        across &= np.arange(len(flat))[rows, None] < np.arange(len(flat))[None]
        first, second = np.nonzero(across & (highest >= threshold))
        found.append((first + start, second, highest[first, second]))
    return tuple(np.concatenate(part) for part in zip(*found, strict=True))


def find_duplicates(names, fingerprints, sides, threshold):
    """List the near-duplicates across the sides of a split, identical and most similar ones first.

    Returns
    -------
    DataFrame
        ``name_a``, ``side_a``, ``name_b``, ``side_b``, ``correlation``, ``identical`` (every pixel is equal).
    """
    first, second, correlation = similar_pairs(fingerprints, sides, threshold)
    rows = [
        (names[a], sides[a], names[b], sides[b], float(c), fingerprints[a].digest == fingerprints[b].digest)
        for a, b, c in zip(first.tolist(), second.tolist(), correlation, strict=True)
    ]
    order = ["identical", "correlation", "name_a", "name_b"]
    return pd.DataFrame(rows, columns=COLUMNS).sort_values(order, ascending=[False, False, True, True], ignore_index=True)


def group_duplicates(table, fingerprints, threshold):
    """Merge the groups of images that are near-duplicates of each other.

    Parameters
    ----------
    table : pandas.DataFrame
        ``images.csv``: its column `group` is read.
    fingerprints : list of Fingerprint
        One per row.
    threshold : float

    Returns
    -------
    pandas.DataFrame
        A copy in which groups that share a pair, directly or through others, have the name of the first of them.
    """
    first, second, _ = similar_pairs(fingerprints, np.arange(len(table)).astype(str), threshold)
    names, group = np.unique(table["group"], return_inverse=True)
    links = coo_array((np.ones(len(first)), (group[first], group[second])), shape=(len(names), len(names)))
    _, component = connected_components(links, directed=False)
    merged = component[group]
    _, earliest = np.unique(merged, return_index=True)
    return table.assign(group=table["group"].to_numpy()[earliest[merged]])
