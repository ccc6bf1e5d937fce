"""A test image beside its mask, its prediction and the errors of the prediction; a volume cut across its sections."""

import numpy as np

from pipeline.images.colours import ERRORS, class_colour
from pipeline.images.io import IGNORED
from pipeline.images.overlay import errors, painted
from pipeline.images.sheet import displayable, sheet

WIDTH = 278  # pixels of one picture: four of them with their gaps fill the 1152 pixels of the report


def panel(image, mask, prediction, title, classes=("background", "foreground")):
    """Draw image, mask, prediction and errors side by side: a PNG, as bytes.

    `image` is (H, W, C) of any type; `mask` and `prediction` are (H, W), bool or numbers of `classes`; `title` stands above the
    image. Two classes are black and white; more have a colour each, named in the legend.
    """
    several = len(classes) > 2
    painted_areas = [painted(area if several else area == 1) for area in (mask, prediction)]
    pictures = [displayable(image), *painted_areas, errors(image, mask, prediction)]
    legend = {name: class_colour(number) for number, name in enumerate(classes)} if several else {}
    return sheet(pictures, [title, "mask", "prediction", "errors"], len(pictures), WIDTH, legend=legend | ERRORS)


def cuts(sections, masks, predictions, stretch):
    """Cut a volume across its sections, along the row and the column that show most foreground: a PNG, as bytes.

    `sections` are images (H, W, C) of any type; `masks` and `predictions` are (D, H, W), class numbers. Each section is drawn
    `stretch` pixels thick, its distance from the next in pixels.
    """
    pictures, captions, foreground = [], [], ((masks > 0) | (predictions > 0)) & (masks != IGNORED)
    images = np.stack(sections)
    for axis, name in enumerate(("row", "column")):
        place = int(foreground.sum(axis=(0, 2 - axis)).argmax())
        cut = [np.take(volume, place, axis + 1) for volume in (images, masks, predictions)]
        image, mask, prediction = (np.repeat(part, max(1, round(stretch)), axis=0) for part in cut)
        pictures += [displayable(image), errors(image, mask, prediction)]
        captions += [f"{name} {place} of {len(sections)} sections", "errors"]
    return sheet(pictures, captions, len(pictures), WIDTH, legend=ERRORS)
