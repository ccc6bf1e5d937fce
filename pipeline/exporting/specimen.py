"""A generated image for a package: its test input and its cover show no patient's data, and need no licence."""

import numpy as np

from pipeline.datasets.sources.phantom import mitochondria, polyps, tissue
from pipeline.images.io import scaled
from pipeline.images.resize import resize_image
from pipeline.patches.pack import cut

SEED = 2026


def specimen(dataset, size, channels, resize):
    """A phantom as the network of a dataset expects it.

    Parameters
    ----------
    dataset : str
        ``mitochondria`` and ``polyps`` have phantoms of their own; all others get a tile of tissue.
    size : tuple of int
        Rows and columns.
    channels : int
    resize : bool
        Show the whole image at that size, not a piece of it.

    Returns
    -------
    ndarray, shape (*size, channels), uint8
    """
    if dataset == "mitochondria":
        image = mitochondria.volume(SEED)[0][0][..., None]
    else:
        _, image, *_ = next((polyps.frames if dataset == "polyps" else tissue.tiles)(SEED))
    if image.shape[-1] != channels:
        grey = image.mean(axis=-1, keepdims=True).astype(np.uint8)
        image = np.repeat(grey, channels, axis=-1)
    return np.round(resize_image(scaled(image), size) * 255).astype(np.uint8) if resize else cut(image, (0, 0), size)


def cover(image, probability=None):
    """A picture of a test image, RGB uint8: square, or twice as wide with the probability (H, W) of each pixel beside it."""
    side = min(image.shape[:2])
    parts = [image] if probability is None else [image, np.round(probability[..., None] * 255).astype(np.uint8)]
    return np.concatenate([np.broadcast_to(part[:side, :side], (side, side, 3)) for part in parts], axis=1)
