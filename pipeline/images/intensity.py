"""Intensities in units of the data: 0 and 1 stand for the darkest and the brightest that the training images commonly hold.

What a file's type could hold says nothing: 12-bit cameras write 16-bit files, and detectors write floats.
"""

import math

import numpy as np

PERCENTILES = 0.1, 99.9  # beyond them lie dead and hot pixels, dust and highlights
QUANTILES = 0.05, 0.25, 0.5, 0.75, 0.95  # that describe the intensities of one image
ROWS, COLUMNS = 64, 1024  # sampled from an image, evenly spaced: 65,536 pixels give its range to a thousandth
BY_IMAGE = "image"  # instead of a range: each image has its own


def scaled(image, intensity_range):
    """Scale an image (H, W, C) so that its intensity range becomes 0 to 1, and clip what lies beyond: float32 in [0, 1].

    The image holds any integers or floats; NaN becomes 0. The range is a pair (low, high) for each channel, or one for all;
    "image" measures that of this image.

    >>> scaled(np.array([[[100], [150], [999]]], np.uint16), [(100, 200)]).ravel().tolist()
    [0.0, 0.5, 1.0]
    """
    if isinstance(intensity_range, str):
        intensity_range = robust_range([sample(image)])
    exact = np.float32 if image.dtype.itemsize <= 2 else np.float64  # 16 bits and less are whole in float32, also far from 0
    low, high = np.asarray(intensity_range, exact).T
    with np.errstate(invalid="ignore"):  # infinity - infinity
        values = (image.astype(exact) - low) / (high - low)
        return np.clip(np.nan_to_num(values, posinf=1, neginf=0), 0, 1).astype(np.float32, copy=False)


def change_of_range(scaled_by, wanted):
    """Gain and offset of each channel that turn an image `scaled` by one intensity range into one scaled by another.

    >>> change_of_range([(0, 250)], [(50, 250)])
    ([1.25], [-0.25])
    """
    if scaled_by == wanted:
        return [1.0], [0.0]
    (low, high), (low_wanted, high_wanted) = (np.asarray(pairs, float).T for pairs in (scaled_by, wanted))
    width = high_wanted - low_wanted
    return ((high - low) / width).tolist(), ((low - low_wanted) / width).tolist()


def robust_range(samples, colour=None):
    """Measure the range of each channel over samples (n, C) of several images: a list of (low, high).

    Colours share one range, so that white stays white. Three channels are colours if nobody knows (`colour` is None).
    """
    values = np.concatenate(samples)
    values = values[np.isfinite(values).all(axis=-1)]
    channels = values.shape[-1]
    colour = channels == 3 if colour is None else colour
    if colour:
        values = values.reshape(-1, 1)
    if not len(values):
        return [(0.0, 1.0)] * channels
    low, high = np.percentile(values.astype(np.float64), PERCENTILES, axis=0)
    high = np.where(high > low, high, low + np.maximum(1, np.abs(low) / 10**6))  # a constant image
    pairs = [tuple(_rounded(value, b - a) for value in (a, b)) for a, b in zip(low, high, strict=True)]
    return pairs * (channels // len(pairs))


def sample(image):
    """Pixels (n, C) of an image (H, W, C) at evenly spaced rows and columns."""
    rows, columns = evenly(image.shape[0], ROWS), evenly(image.shape[1], COLUMNS)
    return np.asarray(image[rows][:, columns]).reshape(-1, image.shape[-1])


def evenly(length, most):
    """At most `most` positions, evenly spaced from 0 to ``length - 1``."""
    return np.unique(np.linspace(0, length - 1, min(length, most)).round().astype(int))


def quantiles_and_contrast(image):
    """`QUANTILES` of each channel of a scaled image (H, W, C), and below them the last less the first: ndarray, shape (6, C)."""
    found = np.quantile(sample(image), QUANTILES, axis=0)
    return np.concatenate([found, found[-1:] - found[:1]])


def in_words(intensity_range):
    """Which intensities become 0 and 1, such as "from 12 to 240"."""
    if intensity_range == BY_IMAGE:
        return "of any range, which is measured in each image"
    return " / ".join(dict.fromkeys(f"from {low:g} to {high:g}" for low, high in intensity_range))


def _rounded(value, width):
    """As many decimals as seven digits of the range have, however far it is from 0."""
    return round(float(value), 6 - math.floor(math.log10(width)))
