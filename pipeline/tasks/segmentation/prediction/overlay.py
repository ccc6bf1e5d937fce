"""The outlines of objects on their image."""

import numpy as np
from PIL.ImageColor import getrgb
from skimage.segmentation import find_boundaries

from pipeline.images.colours import class_colour
from pipeline.images.io import write_png
from pipeline.images.sheet import displayable
from pipeline.prediction.objects.label import row_bands

LARGEST = 4096  # pixels on the longer side, at most: more than a screen shows, less than a viewer refuses
OUTLINE = getrgb(class_colour(2))  # vermilion


def write_overlay(path, labels, pages, read):
    """Draw the outlines of the middle page's objects, `labels` (pages, H, W), on the image that `read` returns."""
    stack = pages.stack
    page, step = stack.pages // 2, -(-max(stack.shape) // LARGEST)
    mask, image = [], []
    for (start, stop), band in zip(row_bands(stack.shape[0]), pages.masks(page), strict=True):
        chosen = slice(-start % step, None, step), slice(None, None, step)
        mask.append(band[chosen])
        image.append(read(page, start, stop)[chosen])
    mask, image = np.concatenate(mask), np.concatenate(image)
    objects = labels[page, ::step, ::step]
    picture = displayable(np.rint(image * 255).astype(np.uint8)).copy()
    for number in np.unique(mask[mask > 0]):
        outline = find_boundaries(np.where(mask == number, objects, 0))
        picture[outline] = OUTLINE if mask.dtype == bool else getrgb(class_colour(number))
    write_png(path, picture)
