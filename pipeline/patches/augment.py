"""Random changes of a training patch. Images are interpolated, masks take the nearest label.

A change whose setting is zero draws no random number, so that the others stay as they are.
"""

from functools import lru_cache

import numpy as np
from scipy import ndimage

SPLINE_MARGIN = 2  # control points beyond each border, so that the displacement is defined there too
SHIFT = 16  # pixels, at most, by which a faulty section is shifted


def augmented_patch(image, mask, corner, size, rng, settings, sections=1):
    """Cut a patch of `size` and its mask from an image through a random deformation, then change its intensities.

    The deformation rotates, scales, stretches and shears about the centre of the patch and adds an elastic displacement. It
    samples the whole image, so the corners of the patch show the real surroundings; only beyond the image are there reflections.

    Images are (H, W, C), float32 in [0, 1]; masks are (H, W), bool or uint8, or None. `corner` is the row and the column of the
    patch's top left corner, `settings` the section `augment` of the params. C holds the channels of so many `sections` of a
    volume, of which the mask belongs to the middle one.
    """
    coordinates = _coordinates(corner, size, rng, settings)
    channels = [ndimage.map_coordinates(image[..., c], coordinates, order=1, mode="reflect") for c in range(image.shape[-1])]
    patch = np.stack(channels, axis=-1)
    if settings.faults > 0 and sections > 1:
        patch = _faulty(patch, sections, rng, settings.faults)
    patch = _intensities(patch, rng, settings)
    if mask is None:
        return patch, None
    nearest = ndimage.map_coordinates(mask.view(np.uint8), coordinates, order=0, mode="reflect")
    return patch, nearest.astype(mask.dtype)


def elastic_displacement(size, deviation, spacing, rng):
    """Draw a smooth random displacement, as in Ronneberger et al. 2015 (doi 10.1007/978-3-319-24574-4_28), section 3.1.

    `spacing` is the distance between control points in pixels, `deviation` the standard deviation of their coefficients; that
    of the displacement is about half of it. Returns how far each pixel moves in rows and in columns: (2, *size), float32.
    """
    vertical, horizontal = (_spline(n, spacing) for n in size)
    points = rng.normal(0.0, deviation, (2, vertical.shape[1], horizontal.shape[1])).astype(np.float32)
    return vertical @ points @ horizontal.T


@lru_cache(maxsize=16)
def _spline(length, spacing):
    """Weights (length, points) of the control points of a cubic B-spline at each pixel.

    The spline of a grid is separable, so two small matrix products evaluate it, a hundred times faster than interpolation.
    """
    position = np.arange(length) / spacing + SPLINE_MARGIN
    points = int(np.ceil(length / spacing)) + 1 + 2 * SPLINE_MARGIN
    far = np.abs(position[:, None] - np.arange(points))
    near = 2 / 3 - far**2 + far**3 / 2
    tail = np.clip(2 - far, 0, None) ** 3 / 6
    return np.where(far < 1, near, tail).astype(np.float32)


def _coordinates(corner, size, rng, settings):
    middle = (np.asarray(size) - 1) / 2
    rows, columns = np.indices(size) - middle[:, None, None]
    (a, b), (c, d) = _linear(rng, settings)
    coordinates = np.stack([a * rows + b * columns, c * rows + d * columns])
    coordinates += (middle + np.asarray(corner))[:, None, None]
    if settings.elastic > 0:
        coordinates += elastic_displacement(size, settings.elastic, settings.elastic_sigma, rng)
    return coordinates


def _linear(rng, settings):
    """Draw the matrix (2, 2) that leads from a place in the patch, seen from its centre, to one in the image."""
    angle = np.deg2rad(rng.uniform(-settings.rotation, settings.rotation))
    scale = rng.uniform(1 - settings.scale, 1 + settings.scale)
    cosine, sine = np.cos(angle) / scale, np.sin(angle) / scale
    matrix = np.array([[cosine, -sine], [sine, cosine]])
    if settings.stretch > 0:
        ratio = np.sqrt(rng.uniform(1 - settings.stretch, 1 + settings.stretch))
        matrix = matrix @ np.diag([1 / ratio, ratio])  # the area stays
    if settings.shear > 0:
        matrix = matrix @ [[1, 0], [np.tan(np.deg2rad(rng.uniform(-settings.shear, settings.shear))), 1]]
    return matrix


def _faulty(patch, sections, rng, chance):
    """Let each section but the middle one be shifted, dark or missing, as happens in serial-section electron microscopy."""
    apart = np.split(patch, sections, axis=-1)
    for place in range(sections):
        if place == sections // 2 or rng.random() >= chance:
            continue
        fault = rng.choice(["shifted", "dark", "missing"])
        if fault == "shifted":
            apart[place] = ndimage.shift(apart[place], (*rng.integers(-SHIFT, SHIFT + 1, 2), 0), order=0, mode="reflect")
        else:
            apart[place] = apart[place] * np.float32(rng.uniform(0.2, 0.7) if fault == "dark" else 0)
    return np.concatenate(apart, axis=-1)


def _intensities(patch, rng, settings):
    contrast = rng.uniform(1 - settings.contrast, 1 + settings.contrast)
    brightness = rng.uniform(-settings.brightness, settings.brightness)
    blur, noise = rng.uniform(0, settings.blur), rng.uniform(0, settings.noise)
    mean = patch.mean()
    patch = (patch - mean) * contrast + mean + brightness
    if patch.shape[-1] > 1:
        patch = patch + rng.uniform(-settings.colour, settings.colour, patch.shape[-1])
    if settings.gamma > 0:
        widest = np.log1p(settings.gamma)
        patch = np.clip(patch, 0, 1) ** np.exp(rng.uniform(-widest, widest))
    if blur > 0:
        patch = ndimage.gaussian_filter(patch, (blur, blur, 0))
    if noise > 0:
        patch = patch + np.float32(noise) * rng.standard_normal(patch.shape, np.float32)
    if settings.cutout > 0:
        patch = _blanked(patch, rng.uniform(0, settings.cutout), rng)
    return np.clip(patch, 0, 1).astype(np.float32)


def _blanked(patch, share, rng):
    """Put the mean in place of a square (DeVries and Taylor 2017, arXiv 1708.04552); it may reach over the border."""
    side = np.rint(share * np.asarray(patch.shape[:2])).astype(int)
    top, left = (int(rng.integers(-n // 2, length - n // 2)) for n, length in zip(side, patch.shape, strict=False))
    rows, columns = slice(max(0, top), max(0, top + side[0])), slice(max(0, left), max(0, left + side[1]))
    patch[rows, columns] = patch.mean(axis=(0, 1))
    return patch
