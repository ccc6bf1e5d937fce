"""Draw masks over images."""

import numpy as np
from PIL.ImageColor import getrgb
from scipy.ndimage import binary_erosion

from pipeline.images.colours import CLASS_PALETTE, ERRORS, ORANGE, class_colour
from pipeline.images.sheet import displayable, fitted

OUTLINE = 2  # pixels, width of the outline of a mask
DIMMED, COVER = 0.6, 0.65  # brightness of the image, and opacity of the colours over it: its structure stays visible


def kinds_of_error(mask, prediction):
    """Compare masks (H, W), bool or class numbers: 0 is correct background or ignored, and 1, 2 and 3 are those of `ERRORS`.

    A pixel that is taken for another foreground class is a false positive.
    """
    found, there = np.asarray(prediction) > 0, np.asarray(mask) > 0
    kinds = np.where(found, np.where(mask == prediction, 1, 2), np.where(there, 3, 0))
    return np.where(mask == 255, 0, kinds).astype(np.uint8)  # `IGNORED`, which the report should not import


def errors(image, kinds):
    """Colour correct and wrong pixels over the dimmed image (H, W, C) of any type: (H, W, 3), uint8.

    `kinds` (H, W) come from `kinds_of_error`.
    """
    picture = DIMMED * displayable(image).mean(axis=-1, keepdims=True).repeat(3, axis=-1)
    for kind, colour in enumerate(ERRORS.values(), 1):
        area = kinds == kind
        picture[area] = (1 - COVER) * picture[area] + COVER * np.array(getrgb(colour))
    return np.rint(picture).astype(np.uint8)


def painted(mask):
    """Paint a mask (H, W), bool in white on black, class numbers in their colours: (H, W, 3), uint8."""
    if mask.dtype == bool:
        return np.broadcast_to(np.uint8(255) * mask[..., None], (*mask.shape, 3))
    return np.array(CLASS_PALETTE, np.uint8).reshape(-1, 3)[mask]


def outlined(picture, mask):
    """Draw the outlines of a mask (H, W), bool or class numbers, over a picture (h, w, 3), uint8, of the same proportions."""
    for number in np.unique(mask[mask > 0]):
        area = fitted(255 * np.asarray(mask == number, np.uint8), picture.shape[1]) > 0  # any pixel counts, so thin objects stay
        rim = area & ~binary_erosion(area, iterations=OUTLINE, border_value=1)  # no outline along the border of the patch
        colour = ORANGE if mask.dtype == bool else class_colour(number)
        picture = np.where(rim[..., None], np.array(getrgb(colour), np.uint8), picture)
    return picture
