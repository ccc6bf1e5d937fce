"""Random changes of a training patch. Images are interpolated; masks only ever take the nearest label."""

from functools import lru_cache

import numpy as np
from scipy import ndimage

SPLINE_MARGIN = 2  # control points beyond each border, so that the displacement is defined there too


def augmented_patch(image, mask, top_left, size, rng, settings):
    """Cut one patch from an image through a random deformation, then change its intensities.

    The deformation is a rotation and scaling about the patch's centre and an elastic displacement; the patch is sampled
    from the whole image, so that its corners show real surroundings and not reflections wherever the image has them.

    Parameters
    ----------
    image : ndarray, shape (H, W, C), float32 in [0, 1]
    mask : ndarray, shape (H, W), bool, or None
    top_left : tuple of int
        Row and column of the patch's corner in the image.
    size : tuple of int
        Rows and columns of the patch.
    rng : numpy.random.Generator
    settings : pipeline.params.Augment

    Returns
    -------
    patch : ndarray, shape (*size, C), float32 in [0, 1]
    patch_mask : ndarray, shape `size`, bool, or None
    """
    coordinates = _coordinates(top_left, size, rng, settings)
    channels = [ndimage.map_coordinates(image[..., c], coordinates, order=1, mode="reflect") for c in range(image.shape[-1])]
    patch = _intensities(np.stack(channels, axis=-1), rng, settings)
    if mask is None:
        return patch, None
    nearest = ndimage.map_coordinates(mask.view(np.uint8), coordinates, order=0, mode="reflect")
    return patch, nearest.astype(bool)


def elastic_displacement(size, deviation, spacing, rng):
    """Draw a smooth random displacement, as in Ronneberger et al. 2015 (doi 10.1007/978-3-319-24574-4_28), section 3.1.

    Parameters
    ----------
    size : tuple of int
        Rows and columns.
    deviation : float
        Standard deviation of the spline's coefficients, in pixels; that of the displacement is about half of it.
    spacing : float
        Distance of the control points, in pixels; between them runs a cubic spline.
    rng : numpy.random.Generator

    Returns
    -------
    ndarray, shape (2, rows, columns), float32
        Displacement of each pixel in rows and in columns.
    """
    across, along = (_spline(n, spacing) for n in size)
    grid = rng.normal(0.0, deviation, (2, across.shape[1], along.shape[1])).astype(np.float32)
    return across @ grid @ along.T


@lru_cache(maxsize=16)
def _spline(length, spacing):
    """Weights of the control points of a cubic B-spline at each pixel: ndarray, shape (length, points), float32.

    The spline of a grid is separable, and two small matrix products draw it a hundred times as fast as interpolation does.
    """
    position = np.arange(length) / spacing + SPLINE_MARGIN
    points = int(np.ceil(length / spacing)) + 1 + 2 * SPLINE_MARGIN
    far = np.abs(position[:, None] - np.arange(points))
    near = 2 / 3 - far**2 + far**3 / 2
    tail = np.clip(2 - far, 0, None) ** 3 / 6
    return np.where(far < 1, near, tail).astype(np.float32)


def _coordinates(top_left, size, rng, settings):
    angle = np.deg2rad(rng.uniform(-settings.rotation, settings.rotation))
    scale = rng.uniform(1 - settings.scale, 1 + settings.scale)
    middle = (np.asarray(size) - 1) / 2
    rows, columns = np.meshgrid(*(np.arange(n, dtype=np.float32) - m for n, m in zip(size, middle, strict=True)), indexing="ij")
    cosine, sine = np.cos(angle) / scale, np.sin(angle) / scale
    turned = np.stack([cosine * rows - sine * columns, sine * rows + cosine * columns])
    turned += (middle + np.asarray(top_left))[:, None, None]
    if settings.elastic > 0:
        turned += elastic_displacement(size, settings.elastic, settings.elastic_sigma, rng)
    return turned


def _intensities(patch, rng, settings):
    contrast = rng.uniform(1 - settings.contrast, 1 + settings.contrast)
    brightness = rng.uniform(-settings.brightness, settings.brightness)
    blur = rng.uniform(0, settings.blur)
    noise = rng.uniform(0, settings.noise)
    mean = patch.mean()
    patch = (patch - mean) * contrast + mean + brightness
    if patch.shape[-1] > 1:
        patch = patch + rng.uniform(-settings.colour, settings.colour, patch.shape[-1])
    if blur > 0:
        patch = ndimage.gaussian_filter(patch, (blur, blur, 0))
    if noise > 0:
        patch = patch + np.float32(noise) * rng.standard_normal(patch.shape, np.float32)
    return np.clip(patch, 0, 1).astype(np.float32)
