"""Fingerprints: little of an image, but enough to recognise it again where it was copied, compressed, resized or turned.

Three things are kept: a digest of the exact pixels; the whole image at low resolution; and a dozen landmarks, which
are found again where the image was moved or turned by any angle. Brightness, contrast, colour, the lamp's cone and
black surroundings are taken out, so that they make no two images alike.
"""

import hashlib
from dataclasses import dataclass

import numpy as np
from scipy.ndimage import binary_dilation, binary_erosion, gaussian_filter, map_coordinates, maximum_filter, sobel

from pipeline.images.io import unit
from pipeline.images.resize import resize_image

LONGER = 96  # pixels of the longer side of what all is measured on: a cell or a fold still has several
SIDE = 32  # pixels of the whole: at 16, unrelated frames of one endoscope correlate up to 0.85, at 32 to 0.7
BROAD = 2.0  # pixels of the whole; what is smoother than this (vignette, shading, folds out of focus) does not count
FLOOR = 0.1  # of the image's own spread; flatter places are not amplified to look like texture
COUNT = 12  # landmarks: with fewer, moved copies are missed; with more, strangers share three
RADIUS = 26  # pixels around a landmark that describe it, a quarter of the image: smaller discs look alike everywhere
SIZE = 12  # samples along a landmark's diameter, one for each four pixels
COARSE, FINE = 5.0, 1.5  # pixels; a landmark's texture lies between: finer detail does not survive a slight shear
CORNER = 1.5  # pixels over which a corner is one
DARK = 0.06  # of the range: what lies below and has an area is the surround of an endoscope or a fill, not the object
SEEN = 0.75  # of a landmark's disc that must lie in the image


@dataclass(frozen=True, eq=False)
class Fingerprints:
    """Fingerprints of N images.

    Attributes
    ----------
    names : tuple of str
    digests : tuple of str
        SHA-256 of the decoded pixels with their shape and type.
    whole : ndarray, shape (N, 32, 32), float32
        Of mean 0 and length 1, so that a product of two is their correlation; all 0 for an image of one value.
    landmarks : ndarray, shape (N, 12, 12, 12), float32
        Upright discs of mean 0 and length 1; all 0 where an image has fewer.
    """

    names: tuple
    digests: tuple
    whole: np.ndarray
    landmarks: np.ndarray


def fingerprints(names, described):
    """Put the fingerprints of images together.

    Parameters
    ----------
    names : sequence of str
    described : iterable
        As many as names, each what `describe` says of the image.

    Returns
    -------
    Fingerprints
    """
    whole = np.zeros((len(names), SIDE, SIDE), np.float32)
    landmarks = np.zeros((len(names), COUNT, SIZE, SIZE), np.float32)
    digests = []
    for index, (_, found) in enumerate(zip(names, described, strict=True)):
        digests.append(found[0])
        whole[index], landmarks[index] = found[1:]
    return Fingerprints(tuple(names), tuple(digests), whole, landmarks)


def describe(image):
    """Take the fingerprint of an image.

    Parameters
    ----------
    image : ndarray, shape (H, W, C), uint8 or uint16

    Returns
    -------
    digest : str
    whole : ndarray, shape (32, 32), float32
    landmarks : ndarray, shape (12, 12, 12), float32
    """
    grey = unit(image).mean(axis=-1, keepdims=True)
    shape = tuple(max(1, round(n * LONGER / max(grey.shape[:2]))) for n in grey.shape[:2])
    small = grey if grey.shape[:2] == shape else resize_image(grey, shape)
    square = resize_image(small, (SIDE, SIDE))[..., 0]
    contrast = _local_contrast(square, np.ones_like(square), BROAD)
    return digest(image), _unit_length(contrast, _disc(SIDE)), _landmarks(small[..., 0])


def digest(image):
    """SHA-256 of an image's shape, type and pixels, in hexadecimal digits."""
    return hashlib.sha256(f"{image.shape} {image.dtype.name} ".encode() + np.ascontiguousarray(image).tobytes()).hexdigest()


def _landmarks(grey):
    found = np.zeros((COUNT, SIZE, SIZE), np.float32)
    if min(grey.shape) < RADIUS:  # a strip: nowhere lies most of a disc inside
        return found
    inside = _inside(grey)
    texture = _smooth(_local_contrast(grey, inside, COARSE), inside, FINE)
    places = _corners(texture, inside)
    disc = _disc(SIZE)
    seen = _sample(inside, places) * disc
    enough = seen.sum(axis=(1, 2)) >= SEEN * disc.sum()
    places, seen = places[enough][:COUNT], seen[enough][:COUNT]
    # As in ORB (Rublee et al. 2011, doi 10.1109/ICCV.2011.6126544), the centroid of its brightness says where up is.
    bright = _centred(_sample(_smooth(grey, inside, CORNER), places), seen) * seen
    down, right = _grid()
    angles = np.arctan2((bright * down).sum(axis=(1, 2)), (bright * right).sum(axis=(1, 2)))
    found[: len(places)] = _unit_length(_sample(texture, places, angles), _sample(inside, places, angles) * disc)
    return found


def _inside(grey):
    """1 in the image, 0 in black surroundings and in the pixel beside them, whose edge is not the image's."""
    dark = grey <= grey.min() + DARK * (grey.max() - grey.min())
    area = binary_erosion(dark, np.ones((3, 3)), border_value=1)
    return 1 - binary_dilation(area, np.ones((5, 5))).astype(np.float32)


def _smooth(field, inside, sigma):
    """Blur what lies inside with what lies inside."""
    if inside.all():
        return gaussian_filter(field, sigma)
    return inside * gaussian_filter(field * inside, sigma) / np.maximum(gaussian_filter(inside, sigma), 1e-3)


def _local_contrast(grey, inside, sigma):
    """Brightness against its surroundings within `sigma` pixels, in units of what is usual there."""
    spread = grey[inside > 0].std() if inside.any() else 0
    if spread < 1e-4:  # a fortieth of a grey level: an image of one value, and what rounding makes of it
        return np.zeros_like(grey)
    detail = inside * (grey - _smooth(grey, inside, sigma)) / spread
    return detail / np.sqrt(_smooth(detail**2, inside, sigma) + FLOOR**2)


def corner_strength(field):
    """The smaller eigenvalue of the structure tensor of a field (H, W) at each pixel.

    After Shi and Tomasi 1994 (doi 10.1109/CVPR.1994.323794), and as `skimage.feature.corner_shi_tomasi`, whose import takes
    as long as the fingerprints of 100 images.
    """
    down, right = sobel(field, axis=0, mode="constant"), sobel(field, axis=1, mode="constant")
    products = (down * down, down * right, right * right)
    rows, both, columns = (gaussian_filter(product, CORNER, mode="constant") for product in products)
    return (rows + columns - np.sqrt((rows - columns) ** 2 + 4 * both**2)) / 2


def _corners(texture, inside):
    """Rows and columns (N, 2) of places that differ from their surroundings in every direction, the clearest first."""
    strength = corner_strength(texture) * inside
    peaks = (strength == maximum_filter(strength, size=5)) & (strength > 0)
    border = RADIUS // 2
    peaks[:border] = peaks[-border:] = peaks[:, :border] = peaks[:, -border:] = False
    places = np.argwhere(peaks)
    return places[np.argsort(-strength[peaks], kind="stable")][: 4 * COUNT]


def _sample(field, places, angles=0.0):
    """Squares (N, 12, 12) of a field around each place, turned by `angles` in radians; 0 beyond the border."""
    down, right = _grid()
    cosine, sine = (np.reshape(f(angles), (-1, 1, 1)) for f in (np.cos, np.sin))
    rows = places[:, 0, None, None] + cosine * down + sine * right
    columns = places[:, 1, None, None] - sine * down + cosine * right
    return map_coordinates(field, [rows, columns], order=1, mode="constant").astype(np.float32)


def _grid():
    """Rows and columns of a landmark's samples from its centre, in pixels; each (12, 12)."""
    steps = _steps(SIZE) * RADIUS
    return np.meshgrid(steps, steps, indexing="ij")


def _disc(size):
    """Weights (size, size) that fall from 1 in the centre to 0 at the rim: frames and corners do not count."""
    steps = _steps(size)
    return np.cos(np.pi / 2 * np.hypot(steps[:, None], steps)).clip(0).astype(np.float32)


def _steps(size):
    """Middles of `size` equal parts of -1 to 1."""
    return (np.arange(size, dtype=np.float32) + 0.5) / size * 2 - 1


def _centred(patches, weights):
    """Patches (..., S, S) less their weighted mean."""
    total = np.maximum(weights.sum(axis=(-2, -1), keepdims=True), 1e-6)
    return patches - (patches * weights).sum(axis=(-2, -1), keepdims=True) / total


def _unit_length(patches, weights):
    """Weighted patches of mean 0 and length 1, so that the product of two is their weighted correlation."""
    patches = _centred(patches, weights) * np.sqrt(weights)
    length = np.sqrt((patches**2).sum(axis=(-2, -1), keepdims=True))
    return np.where(length > 1e-6, patches / np.maximum(length, 1e-6), 0).astype(np.float32)
