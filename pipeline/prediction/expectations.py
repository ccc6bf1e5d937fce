"""What a model expects of an image: its channels, grey values and pixel size, as in training."""

import numpy as np

from pipeline.errors import UserError
from pipeline.images.io import eight_bit_colours

PIXEL_SIZE = 1.5  # times larger or smaller: augmentation varied the scale by a fifth, and nothing beyond
BRIGHTNESS = 4.0  # standard deviations of the training pixels between the means
CONTRAST = 10.0  # times less varied than the training pixels


def model_reader(stack, card, grey_range=None):
    """``read(page, start, stop)`` of a stack, in the channels and the grey range that a model expects.

    Without a range, 16-bit colours are reduced to 8 bit, as for training.
    """

    def read(page, start, stop):
        pixels = to_channels(stack.read(page, start, stop), card["channels"], stack.path)
        return eight_bit_colours(pixels) if grey_range is None else stretch(pixels, grey_range)

    return read


def to_channels(pixels, channels, path):
    """Bring pixels (H, W, C) to the channels of a model; raise `UserError` if colours would be lost or invented."""
    if pixels.shape[-1] == channels:
        return pixels
    if channels == 1 and (pixels == pixels[..., :1]).all():
        return pixels[..., :1]
    received = "a coloured image" if pixels.shape[-1] == 3 else "a grey image"
    raise UserError(f"{path}: expected {channels} channel(s) as in training, received {received}")


def stretch(pixels, grey_range):
    """Map the grey values LOW ... HIGH to the full range of 16 bit, and clip the others."""
    low, high = grey_range
    scaled = (pixels.astype(np.float32) - low) * (65535 / (high - low))
    return np.rint(np.clip(scaled, 0, 65535)).astype(np.uint16)


def differences(card, pixels, pixel_size_nm):
    """Describe where an image differs so much from the training images that its prediction means little.

    `pixels`, shape (H, W, C), uint8 or uint16, are a part of the image. Returns a list of messages.
    """
    found = []
    trained, seen = card.get("pixel_size_nm"), card.get("intensity")
    if pixel_size_nm and trained and card["resize"] is None:
        ratio = max(max(a / b, b / a) for a, b in zip(pixel_size_nm, trained, strict=True))
        if ratio > PIXEL_SIZE:
            found.append(
                f"expected pixels of about {_nm(trained)} as in training, received {_nm(pixel_size_nm)}; "
                "resample the image, or objects may be missed"
            )
    if seen:
        top = np.iinfo(pixels.dtype).max
        values = pixels.reshape(-1, pixels.shape[-1]) / top
        mean, deviation = values.mean(axis=0), values.std(axis=0)
        away = np.abs(mean - seen["mean"]) / np.maximum(seen["deviation"], 1e-3)
        flatter = np.asarray(seen["deviation"]) / np.maximum(deviation, 1e-6)
        if away.max() > BRIGHTNESS or flatter.max() > CONTRAST:
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
