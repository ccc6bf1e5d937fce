"""Images with their masks, as pictures. Every function returns the bytes of a file, the same ones every time."""

import math

import numpy as np
from matplotlib.patches import Rectangle

from pipeline.reporting.canvas import BLUE, GREEN, ORANGE, displayable, draw
from pipeline.scoring.overlap import confusion_counts, per_image

TILE = 2.4  # inches, width of one picture in a panel; four of them fill a page
GRID_ROWS, GRID_COLUMNS = 3, 6  # of the preview: enough to see the variety, small enough for a phone
ERRORS = {"true positive": GREEN, "false positive": ORANGE, "false negative": BLUE}

# Of palette images of errors: 0 is right background, then as in `ERRORS`.
PALETTE = [0, 0, 0, *(int(colour[i : i + 2], 16) for colour in ERRORS.values() for i in (1, 3, 5))]


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
    height, width = mask.shape
    score = per_image(confusion_counts(mask, prediction))["dice"]
    shown = displayable(image)
    pictures = {"image": shown, "mask": _white(mask), "prediction": _white(prediction), "errors": errors(image, mask, prediction)}

    def paint(figure):
        axes = figure.subplots(1, len(pictures))
        for axis, (title, picture) in zip(axes, pictures.items(), strict=True):
            _show(axis, picture)
            axis.set_title(title)
        axes[0].set_title(f"image (Dice {score:.3f})")
        marks = [_swatch(colour) for colour in ERRORS.values()]
        figure.legend(marks, list(ERRORS), loc="outside lower right", ncols=len(ERRORS), handlelength=1, handleheight=1)

    return draw((4 * TILE, TILE * height / width + 0.55), paint)  # 0.55 inches: titles above, legend below


def errors(image, mask, prediction):
    """Colour what is right and wrong over the dimmed image (see `ERRORS`).

    Returns
    -------
    ndarray, shape (H, W, 3), float in [0, 1]
    """
    picture = 0.6 * displayable(image).mean(axis=-1, keepdims=True).repeat(3, axis=-1)
    areas = (mask & prediction, ~mask & prediction, mask & ~prediction)
    for area, colour in zip(areas, ERRORS.values(), strict=True):
        picture[area] = 0.35 * picture[area] + 0.65 * _rgb(colour)  # the structure below stays visible
    return picture


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
    columns = min(len(chosen), GRID_COLUMNS)
    rows = math.ceil(len(chosen) / columns)
    height, width = images.shape[1:3]
    masked = targets.ndim == 3

    def paint(figure):
        grid = figure.subplots(rows, columns, squeeze=False).ravel()
        for axis in grid:
            axis.set_axis_off()
        for axis, index in zip(grid, chosen, strict=False):
            _show(axis, displayable(np.asarray(images[index])))
            if not masked:
                axis.set_title(f"class {targets[index]}", fontsize=7, pad=2)
            elif 0 < np.count_nonzero(targets[index]) < height * width:  # an empty or full mask has no outline
                axis.contour(targets[index], levels=[0.5], colors=[ORANGE], linewidths=0.9)

    side = 1.4  # inches: 168 pixels, about the size of a patch
    caption = 0 if masked else 0.16
    return draw((columns * side, rows * (side * height / width + caption)), paint)


def _white(mask):
    return np.repeat(mask[..., None].astype(float), 3, axis=-1)


def _show(axis, picture):
    axis.imshow(picture, interpolation="nearest", interpolation_stage="data")
    axis.set_axis_off()


def _swatch(colour):
    return Rectangle((0, 0), 1, 1, facecolor=colour)


def _rgb(colour):
    return np.array([int(colour[i : i + 2], 16) for i in (1, 3, 5)]) / 255
