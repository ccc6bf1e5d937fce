"""Draw masks over images."""

import numpy as np
from scipy.ndimage import binary_erosion

from pipeline.images.colours import ERRORS, ORANGE, rgb
from pipeline.images.sheet import displayable, fitted

OUTLINE = 2  # pixels, width of the outline of a mask
DIMMED, COVER = 0.6, 0.65  # brightness of the image, and opacity of the colours over it: its structure stays visible


def errors(image, mask, prediction):
    """Colour correct and wrong pixels over the dimmed image (see `ERRORS`).

    `image` is (H, W, C) of any type; `mask` and `prediction` are (H, W), bool. Returns (H, W, 3), uint8.
    """
    picture = DIMMED * displayable(image).mean(axis=-1, keepdims=True).repeat(3, axis=-1)
    areas = (mask & prediction, ~mask & prediction, mask & ~prediction)
    for area, colour in zip(areas, ERRORS.values(), strict=True):
        picture[area] = (1 - COVER) * picture[area] + COVER * np.array(rgb(colour))
    return np.rint(picture).astype(np.uint8)


def outlined(picture, mask):
    """Draw the outline of a mask (H, W), bool, over a picture (h, w, 3), uint8, of the same proportions."""
    area = fitted(255 * np.asarray(mask, np.uint8), picture.shape[1]) > 0  # any foreground counts, so thin objects stay
    rim = area & ~binary_erosion(area, iterations=OUTLINE, border_value=1)  # no outline along the border of the patch
    return np.where(rim[..., None], np.array(rgb(ORANGE), np.uint8), picture)
