"""Hold a new image against what a model was trained on."""

import numpy as np

from pipeline.errors import UserError
from pipeline.images.io import eight_bit_colours

PIXEL_SIZE = 1.5  # times larger or smaller: training varied the scale by a fifth, half as much again it has never seen
BRIGHTNESS = 4.0  # standard deviations of the training pixels between the means
CONTRAST = 10.0  # times less varied than the training pixels


def prepared(stack, card, grey_range):
    """``read(page, start, stop)`` of a stack, in the channels and the grey range that a model expects.

    Without a range, colours of 16 bit are reduced to 8, as they are for training.
    """

    def read(page, start, stop):
        pixels = fitting(stack.read(page, start, stop), card["channels"], stack.path)
        return eight_bit_colours(pixels) if grey_range is None else stretched(pixels, grey_range)

    return read


def fitting(pixels, channels, path):
    """Bring pixels to the channels of a model, if nothing is lost by it.

    Parameters
    ----------
    pixels : ndarray, shape (H, W, C)
    channels : int
    path : path-like
        Named in the error.

    Returns
    -------
    ndarray, shape (H, W, channels)

    Raises
    ------
    UserError
        If a coloured image meets a model of grey ones, or a grey image one of colours.
    """
    if pixels.shape[-1] == channels:
        return pixels
    if channels == 1 and (pixels == pixels[..., :1]).all():
        return pixels[..., :1]
    received = "a coloured image" if pixels.shape[-1] == 3 else "a grey image"
    raise UserError(f"{path}: expected {channels} channel(s) as in training, received {received}")


def stretched(pixels, grey_range):
    """Map grey values LOW ... HIGH to the full range of 16 bit; what lies outside becomes its end."""
    low, high = grey_range
    scaled = (pixels.astype(np.float32) - low) * (65535 / (high - low))
    return np.rint(np.clip(scaled, 0, 65535)).astype(np.uint16)


def doubts(card, pixels, pixel_size_nm):
    """Say in what an image differs from the training images by so much that a prediction means little.

    Parameters
    ----------
    card : dict
        Of the model.
    pixels : ndarray, shape (H, W, C), uint8 or uint16
        Some of the image.
    pixel_size_nm : tuple of float, or None

    Returns
    -------
    list of str
    """
    found = []
    trained = card.get("pixel_size_nm")
    if pixel_size_nm and trained and card.get("resize") is None:
        ratio = max(max(a / b, b / a) for a, b in zip(pixel_size_nm, trained, strict=True))
        if ratio > PIXEL_SIZE:
            found.append(
                f"expected pixels of about {_nm(trained)} as in training, received {_nm(pixel_size_nm)}; "
                "resample the image, or expect objects to be missed"
            )
    seen = card.get("intensity")
    if seen and pixels.size:
        values = pixels.reshape(-1, pixels.shape[-1]) / np.iinfo(pixels.dtype).max
        mean, deviation = values.mean(axis=0), values.std(axis=0)
        away = np.abs(mean - seen["mean"]) / np.maximum(seen["deviation"], 1e-3)
        flat = np.asarray(seen["deviation"]) / np.maximum(deviation, 1e-6)
        if away.max() > BRIGHTNESS or flat.max() > CONTRAST:
            top = np.iinfo(pixels.dtype).max
            found.append(
                f"expected grey values of mean {_percent(seen['mean'])} and deviation {_percent(seen['deviation'])} of the full "
                f"range as in training, received {_percent(mean)} and {_percent(deviation)} (values {pixels.min()} to "
                f"{pixels.max()} of {top}); --range LOW HIGH stretches them"
            )
    return found


def _nm(size):
    return " × ".join(f"{n:.3g}" for n in size) + " nm"


def _percent(values):
    return ", ".join(f"{100 * v:.1f} %" for v in values)
