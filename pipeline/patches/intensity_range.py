"""Measure the intensities of the training images: the range that scales all images, and what prediction compares others with."""

import numpy as np

from pipeline.images.intensity import BY_IMAGE, evenly, quantiles_and_contrast, robust_range, sample, scaled

MOST = 128  # training images that are looked at, evenly spaced


def measure_intensities(paths, setting, colour, read, map_in_order):
    """Measure the training images at `paths`, which `read` opens; `setting` is ``datasets.<name>.intensity``.

    Images in `colour` have one range for red, green and blue.

    Returns
    -------
    dict
        ``intensity_range``: (low, high) of each channel, or "image". ``intensity_seen``: the least and the greatest of each of
        the `QUANTILES`, and of the contrast, over the scaled images, for each channel: (2, 6, C) as lists.
    """
    some = [paths[index] for index in evenly(len(paths), MOST)]
    if setting == "auto":
        setting = robust_range(list(map_in_order(lambda path: sample(read(path)), some)), colour)
    elif setting != BY_IMAGE:
        setting = [setting] * read(some[0]).shape[-1]
    seen = np.stack(list(map_in_order(lambda path: quantiles_and_contrast(scaled(read(path), setting)), some)))
    extremes = np.stack([seen.min(axis=0), seen.max(axis=0)]).astype(np.float64)
    return {"intensity_range": setting, "intensity_seen": extremes.round(4).tolist()}
