"""Fingerprints recognise an image again after it was copied, compressed, resized or rotated.

A fingerprint has three parts: a digest of the exact pixels; the whole image at low resolution; and a dozen landmarks, which
are found again where the image was shifted or rotated by any angle. Brightness, contrast, colour, vignettes and black
surroundings are removed, so that they do not make images look alike.
"""

import hashlib

import numpy as np
from scipy.ndimage import binary_dilation, binary_erosion, gaussian_filter, map_coordinates
from skimage.feature import corner_shi_tomasi, peak_local_max

from pipeline.images.intensity import BY_IMAGE, scaled
from pipeline.images.resize import resize_image

LONGER = 96  # pixels of the longer side of the image that is measured: cells or folds still span several pixels
SIDE = 32  # pixels of the whole: at 16, unrelated frames of one endoscope correlate up to 0.85, at 32 up to 0.7
BROAD = 2.0  # pixels of the whole; smoother structure (vignette, shading, folds out of focus) is removed
FLOOR = 0.1  # relative to the image's own spread; flatter regions are not amplified to look like texture
COUNT = 12  # landmarks: with fewer, shifted copies are missed; with more, unrelated images share three
RADIUS = 26  # pixels around a landmark that describe it, a quarter of the image: smaller discs look alike everywhere
SIZE = 12  # samples along the diameter of a landmark, one for every four pixels
COARSE, FINE = 5.0, 1.5  # pixels; the texture of a landmark lies between: finer detail does not survive a slight shear
CORNER = 1.5  # pixels, scale of a corner
DARK = 0.06  # of the range; larger areas below it are the surround of an endoscope or a fill, not the object
SEEN = 0.75  # of the disc of a landmark that must lie inside the image

FINGERPRINT = np.dtype([
    ("digest", "S64"),  # SHA-256 of shape, type and pixels
    ("whole", np.float32, (SIDE, SIDE)),  # of mean 0 and length 1, so that a product of two is their correlation
    ("landmarks", np.float32, (COUNT, SIZE, SIZE)),  # upright discs of mean 0 and length 1; all 0 where there are fewer
])  # fmt: skip


def describe(image):
    """Compute the fingerprint of an image (H, W, C): a tuple of the fields of `FINGERPRINT`."""
    grey = scaled(image, BY_IMAGE).mean(axis=-1, keepdims=True)
    shape = tuple(max(1, round(n * LONGER / max(grey.shape[:2]))) for n in grey.shape[:2])
    small = grey if grey.shape[:2] == shape else resize_image(grey, shape)
    square = resize_image(small, (SIDE, SIDE))[..., 0]
    contrast = _local_contrast(square, np.ones_like(square), BROAD)
    digest = hashlib.sha256(f"{image.shape} {image.dtype.name} ".encode() + np.ascontiguousarray(image).tobytes()).hexdigest()
    return digest.encode(), _normalized(contrast, _disc(SIDE)), _landmarks(small[..., 0])


def _landmarks(grey):
    found = np.zeros((COUNT, SIZE, SIZE), np.float32)
    if min(grey.shape) < RADIUS:  # a strip, in which no disc fits
        return found
    inside = _inside(grey)
    texture = _smooth(_local_contrast(grey, inside, COARSE), inside, FINE)
    # The clearest corners (Shi and Tomasi 1994, doi 10.1109/CVPR.1994.323794); nearer to the border, no disc fits.
    strength, border, disc = corner_shi_tomasi(texture, sigma=CORNER) * inside, RADIUS // 2, _disc(SIZE)
    places = peak_local_max(strength, min_distance=2, threshold_abs=0, exclude_border=border, num_peaks=4 * COUNT)
    seen = _sample(inside, places) * disc
    enough = seen.sum(axis=(1, 2)) >= SEEN * disc.sum()
    places, seen = places[enough][:COUNT], seen[enough][:COUNT]
    # As in ORB (Rublee et al. 2011, doi 10.1109/ICCV.2011.6126544), the centroid of the brightness defines the orientation.
    bright = _centred(_sample(_smooth(grey, inside, CORNER), places), seen) * seen
    angles = np.arctan2((bright * DOWN).sum(axis=(1, 2)), (bright * RIGHT).sum(axis=(1, 2)))
    found[: len(places)] = _normalized(_sample(texture, places, angles), _sample(inside, places, angles) * disc)
    return found


def _inside(grey):
    """1 in the image; 0 in black surroundings and one pixel around them, where their edge is."""
    dark = grey <= grey.min() + DARK * (grey.max() - grey.min())
    area = binary_erosion(dark, np.ones((3, 3)), border_value=1)
    return 1 - binary_dilation(area, np.ones((5, 5))).astype(np.float32)


def _smooth(field, inside, sigma):
    """Blur without mixing in pixels from outside."""
    if inside.all():
        return gaussian_filter(field, sigma)
    return inside * gaussian_filter(field * inside, sigma) / np.maximum(gaussian_filter(inside, sigma), 1e-3)


def _local_contrast(grey, inside, sigma):
    """Difference from the surroundings within `sigma` pixels, relative to the differences that are usual there."""
    spread = grey[inside > 0].std() if inside.any() else 0
    if spread < 1e-4:  # a fortieth of a grey level: an image of one value, with rounding errors
        return np.zeros_like(grey)
    detail = inside * (grey - _smooth(grey, inside, sigma)) / spread
    return detail / np.sqrt(_smooth(detail**2, inside, sigma) + FLOOR**2)


def _sample(field, places, angles=0.0):
    """Squares (N, 12, 12) of a field around each place, rotated by `angles` in radians; 0 beyond the border."""
    cosine, sine = (np.reshape(f(angles), (-1, 1, 1)) for f in (np.cos, np.sin))
    rows = places[:, 0, None, None] + cosine * DOWN + sine * RIGHT
    columns = places[:, 1, None, None] - sine * DOWN + cosine * RIGHT
    return map_coordinates(field, [rows, columns], order=1, mode="constant").astype(np.float32)


def _steps(size):
    """Centres of `size` equal parts of the interval from -1 to 1."""
    return (np.arange(size, dtype=np.float32) + 0.5) / size * 2 - 1


def _disc(size):
    """Weights (size, size) that fall from 1 in the centre to 0 at the rim: frames and corners do not count."""
    return np.cos(np.pi / 2 * np.hypot(_steps(size)[:, None], _steps(size))).clip(0).astype(np.float32)


def _centred(patches, weights):
    """Patches (..., S, S) minus their weighted mean."""
    total = np.maximum(weights.sum(axis=(-2, -1), keepdims=True), 1e-6)
    return patches - (patches * weights).sum(axis=(-2, -1), keepdims=True) / total


def _normalized(patches, weights):
    """Weighted patches of mean 0 and length 1, so that the product of two is their weighted correlation."""
    patches = _centred(patches, weights) * np.sqrt(weights)
    length = np.sqrt((patches**2).sum(axis=(-2, -1), keepdims=True))
    return np.where(length > 1e-6, patches / np.maximum(length, 1e-6), 0).astype(np.float32)


# Rows and columns of the samples of a landmark from its centre, in pixels; each (12, 12).
DOWN, RIGHT = np.meshgrid(_steps(SIZE) * RADIUS, _steps(SIZE) * RADIUS, indexing="ij")
