"""Small copies of the test images for the report, with what was right and wrong in them."""

import numpy as np
from PIL import Image

from pipeline.images.colours import CLASS_PALETTE, ERROR_PALETTE
from pipeline.images.intensity import evenly
from pipeline.images.overlay import kinds_of_error
from pipeline.images.sheet import displayable

SIDE = 512  # pixels of the longer side, at most: as large as the report shows them
STRENGTH = 166  # alpha of the errors, of 255: the structure below stays visible
BLACK_AND_WHITE = [0, 0, 0, 255, 255, 255]
QUALITY = 80  # of WebP: no loss that the eye sees at this size
MOST = 100  # test images of a network that get a picture; of more, these are spread evenly over the set


def pictured(count):
    """Which of `count` test images get a picture: their positions."""
    return set(evenly(count, MOST).tolist())


def stem(position):
    """File name of the picture of an image, by its position, because image names may hold any character."""
    return f"{position:04d}"


def stems(count, positions):
    """The column ``picture`` of the table of `count` images: a stem for each of `positions`, "" for the others."""
    return [stem(position) if position in positions else "" for position in range(count)]


def write_image(folder, position, image, kind="image"):
    """Write ``<stem>-<kind>.webp`` of an image (H, W, C) of any type."""
    shown = Image.fromarray(np.ascontiguousarray(displayable(image)))
    _shrunk(shown, Image.Resampling.LANCZOS).save(folder / f"{stem(position)}-{kind}.webp", quality=QUALITY)


def write_answer(folder, position, mask, prediction, classes):
    """Write ``<stem>-mask.png`` and ``-prediction.png``, and the kinds of error, ``-errors.png``, which lie over the image."""
    palette = CLASS_PALETTE if classes > 2 else BLACK_AND_WHITE
    layers = {"mask": (mask, palette, None), "prediction": (prediction, palette, None)}
    layers["errors"] = kinds_of_error(mask, prediction), ERROR_PALETTE, bytes([0, STRENGTH, STRENGTH, STRENGTH])
    for kind, (numbers, palette, alpha) in layers.items():
        picture = _shrunk(Image.fromarray(np.asarray(numbers, np.uint8)), Image.Resampling.NEAREST)
        picture.putpalette(palette)
        picture.save(folder / f"{stem(position)}-{kind}.png", optimize=True, transparency=alpha)


def _shrunk(picture, resampling):
    scale = SIDE / max(picture.size)
    return picture if scale >= 1 else picture.resize(tuple(max(1, round(n * scale)) for n in picture.size), resampling)
