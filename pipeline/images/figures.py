"""Images with their masks, as pictures. Every function returns the bytes of a file, the same ones every time."""

import numpy as np
from scipy.ndimage import binary_erosion

from pipeline.images.colours import ERRORS, ORANGE, rgb
from pipeline.images.sheet import displayable, fitted, sheet
from pipeline.scoring.overlap import confusion_counts, per_image

PANEL = 278  # pixels, width of one picture in a panel; four of them with their gaps fill the report's width of 1152
TILE = 168  # pixels, width of a patch in the preview
GRID_ROWS, GRID_COLUMNS = 3, 6  # of the preview: enough to see the variety, small enough for a phone
OUTLINE = 2  # pixels, width of a mask's outline
DIMMED, COVER = 0.6, 0.65  # of errors: brightness of the image, and opacity of the colours; the structure below stays visible


def panel(image, mask, prediction):
    """Image, mask, prediction and errors of one image, side by side, with its Dice.

    Parameters
    ----------
    image : ndarray, shape (H, W, 1) or (H, W, 3), uint8 or uint16
    mask, prediction : ndarray, shape (H, W), bool

    Returns
    -------
    bytes
        A PNG.
    """
    score = per_image(confusion_counts(mask, prediction))["dice"]
    pictures = [displayable(image), _white(mask), _white(prediction), errors(image, mask, prediction)]
    return sheet(pictures, [f"image (Dice {score:.3f})", "mask", "prediction", "errors"], len(pictures), PANEL, legend=ERRORS)


def errors(image, mask, prediction):
    """Colour what is right and wrong over the dimmed image (see `ERRORS`).

    Returns
    -------
    ndarray, shape (H, W, 3), uint8
    """
    picture = DIMMED * displayable(image).mean(axis=-1, keepdims=True).repeat(3, axis=-1)
    areas = (mask & prediction, ~mask & prediction, mask & ~prediction)
    for area, colour in zip(areas, ERRORS.values(), strict=True):
        picture[area] = (1 - COVER) * picture[area] + COVER * np.array(rgb(colour))
    return np.rint(picture).astype(np.uint8)


def patches(images, targets):
    """A preview of training patches, evenly chosen: masks as outlines, or labels as captions.

    Parameters
    ----------
    images : ndarray, shape (N, H, W, 1) or (N, H, W, 3), uint8 or uint16
        May be memory-mapped: only what is shown is read.
    targets : ndarray, shape (N, H, W), bool, or (N,), integer

    Returns
    -------
    bytes
        A PNG.
    """
    chosen = np.unique(np.linspace(0, len(images) - 1, min(len(images), GRID_ROWS * GRID_COLUMNS)).round().astype(int))
    pictures = [fitted(displayable(np.asarray(images[index])), TILE) for index in chosen]
    if targets.ndim == 1:
        return sheet(pictures, [f"class {targets[index]}" for index in chosen], GRID_COLUMNS, TILE)
    outlined = [_outlined(picture, targets[index]) for picture, index in zip(pictures, chosen, strict=True)]
    return sheet(outlined, [""] * len(outlined), GRID_COLUMNS, TILE)


def _outlined(picture, mask):
    area = fitted(255 * np.asarray(mask, np.uint8), picture.shape[1]) > 0  # thin objects stay
    rim = area & ~binary_erosion(area, iterations=OUTLINE, border_value=1)  # no outline where the patch ends
    return np.where(rim[..., None], np.array(rgb(ORANGE), np.uint8), picture)


def _white(mask):
    return np.repeat(255 * mask[..., None].astype(np.uint8), 3, axis=-1)
