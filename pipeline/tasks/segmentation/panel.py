"""A test image beside its mask, its prediction and the errors of the prediction."""

import numpy as np

from pipeline.images.colours import ERRORS
from pipeline.images.overlay import errors
from pipeline.images.sheet import displayable, sheet

WIDTH = 278  # pixels of one picture: four of them with their gaps fill the 1152 pixels of the report


def panel(image, mask, prediction, title):
    """Draw image, mask, prediction and errors side by side: a PNG, as bytes.

    `image` is (H, W, C) of any type; `mask` and `prediction` are (H, W), bool; `title` stands above the image.
    """
    black_and_white = [displayable(np.uint8(255) * area[..., None]) for area in (mask, prediction)]
    pictures = [displayable(image), *black_and_white, errors(image, mask, prediction)]
    return sheet(pictures, [title, "mask", "prediction", "errors"], len(pictures), WIDTH, legend=ERRORS)
