"""Resize images and masks."""

import numpy as np
from skimage.transform import resize


def resize_image(image, size):
    """Resize an image (H, W, C) of floats to (*size, C), with smoothing before it shrinks."""
    return resize(image, size, order=1, anti_aliasing=True).astype(np.float32)


def resize_mask(mask, size):
    """Resize a mask (H, W), bool, to `size` by nearest neighbour: labels are never interpolated."""
    return resize(mask, size, order=0, anti_aliasing=False)
