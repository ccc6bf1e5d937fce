"""What a network looked at, drawn over the image."""

import numpy as np
from PIL.ImageColor import getrgb

from pipeline.images.sheet import displayable, sheet

TILE = 288  # pixels, width of one picture
# Matplotlib's "inferno" at every fifth: dark to light in even steps, also for colour-blind eyes and on paper.
HEAT = np.array([getrgb(colour) for colour in ("#000004", "#420a68", "#932667", "#dd513a", "#fca50a", "#fcffa4")])
STRENGTH = 0.55  # of the colours over the image: the structure below stays visible


def heat(image, values):
    """Lay a map (H, W), float in [0, 1], over an image (H, W, C) of any type: (H, W, 3), uint8."""
    grey = displayable(image).mean(axis=-1, keepdims=True)
    steps = np.linspace(0, 1, len(HEAT))
    colours = np.stack([np.interp(values, steps, channel) for channel in HEAT.T], axis=-1)
    return np.rint((1 - STRENGTH) * grey + STRENGTH * colours).astype(np.uint8)


def map_panel(image, maps):
    """An image (H, W, C) of any type beside maps (H, W), float in [0, 1], by their titles, with their ranges: a PNG, as bytes."""
    titles = [f"{title}: {values.min():.2f} to {values.max():.2f}" for title, values in maps.items()]
    pictures = [displayable(image), *(heat(image, values) for values in maps.values())]
    return sheet(pictures, ["image", *titles], len(pictures), TILE)
