"""What a network looked at, drawn over the image."""

import matplotlib
import numpy as np

from pipeline.reporting.canvas import displayable, draw

TILE = 2.4  # inches, width of one picture
HEAT = matplotlib.colormaps["inferno"]  # dark to light in even steps, also for colour-blind eyes and on paper
STRENGTH = 0.55  # of the colours over the image: the structure below stays visible


def heat(image, values):
    """Lay a map over an image.

    Parameters
    ----------
    image : ndarray, shape (H, W, 1) or (H, W, 3), uint8 or uint16
    values : ndarray, shape (H, W), float in [0, 1]

    Returns
    -------
    ndarray, shape (H, W, 3), uint8
    """
    grey = displayable(image).mean(axis=-1, keepdims=True)
    return np.rint(255 * ((1 - STRENGTH) * grey + STRENGTH * HEAT(values)[..., :3])).astype(np.uint8)


def map_panel(image, maps):
    """An image beside maps of the same size, each with its range written above it.

    Parameters
    ----------
    image : ndarray, shape (H, W, 1) or (H, W, 3), uint8 or uint16
    maps : dict of str to ndarray, shape (H, W), float in [0, 1]
        By title.

    Returns
    -------
    bytes
        A PNG.
    """
    height, width = image.shape[:2]

    def paint(figure):
        axes = figure.subplots(1, 1 + len(maps), squeeze=False)[0]
        axes[0].imshow(displayable(image), interpolation="nearest")
        axes[0].set_title("image")
        for axis, (title, values) in zip(axes[1:], maps.items(), strict=True):
            axis.imshow(heat(image, values), interpolation="nearest")
            axis.set_title(f"{title}: {values.min():.2f} to {values.max():.2f}")
        for axis in axes:
            axis.set_axis_off()

    return draw(((1 + len(maps)) * TILE, TILE * height / width + 0.3), paint)  # 0.3 inches: the titles
