"""What a model expects of an image: its channels, intensities and pixel size, as in training."""

from functools import cache

import numpy as np

from pipeline.errors import UserError
from pipeline.images.intensity import BY_IMAGE, QUANTILES, ROWS, evenly, quantiles_and_contrast, robust_range, sample, scaled
from pipeline.images.io import bits_as_grey
from pipeline.images.resize import gives_one_shape
from pipeline.images.sections import around, context_of, join
from pipeline.images.stack import described

PIXEL_SIZE = 1.5  # times larger or smaller: augmentation varied the scale by a fifth, and nothing beyond
# Of the intensity range: how far an image may lie beyond all training images. docs/intensity.md shows what networks tolerate.
# With a range of its own, an image varies less: no test image of the phantoms lies 0.04 beyond.
MARGIN, MARGIN_BY_IMAGE = 0.1, 0.05
FLAT = 0.5  # of the least contrast of a training image
REMEDY = "the prediction may be wrong; --range LOW HIGH chooses the intensities that count as darkest and brightest"


def model_reader(stack, card, intensity_range):
    """``read(page, start, stop)`` of a stack, in the channels that a model expects, scaled to [0, 1].

    `intensity_range` is (low, high), or "image" for that of each page; None: the model's own.
    """
    chosen = card["intensity_range"] if intensity_range is None else intensity_range
    chosen = [chosen] if isinstance(chosen, tuple) else chosen

    def as_stored(page, start, stop):
        return to_channels(stack.read(page, start, stop), card, stack.path, stack.colour)

    @cache  # neighbouring sections ask for each other's
    def range_of(page):
        return robust_range([sample(some_rows(as_stored, page, stack.shape))]) if isinstance(chosen, str) else chosen

    return lambda page, start, stop: scaled(as_stored(page, start, stop), range_of(page))


def section_reader(read, stack, card):
    """Like `read`, but with the neighbours that the model was trained with (see `pipeline.images.sections`)."""
    context = context_of(card)

    def with_neighbours(page, start, stop):
        first = page - page % stack.sections  # of one position and time point
        return join([read(near, start, stop) for near in around(page, first, first + stack.sections - 1, context)], stack.path)

    return with_neighbours if context else read


def some_rows(read, page, shape):
    """Read `ROWS` rows of a page, evenly spaced: as `pipeline.images.intensity.sample` looks at an image."""
    return np.concatenate([read(page, row, row + 1) for row in evenly(shape[0], ROWS)])


def to_channels(pixels, card, path, colour):
    """Bring pixels (H, W, C) to the channels of a model; 1 bit becomes uint8, 0 and 255.

    Grey that is stored as RGB is accepted as grey. Raises `UserError` if channels would be lost or invented.
    """
    pixels = bits_as_grey(pixels)
    channels, received = card["channels"], pixels.shape[-1]
    if received == channels:
        return pixels
    if channels == 1 and colour and (pixels == pixels[..., :1]).all():
        return pixels[..., :1]
    expected = described(channels, card.get("colour"))
    raise UserError(f"{path}: expected {expected} as in training, received {described(received, colour)}; convert it")


def unlike_training(read, page, stack, card, pixel_size_nm):
    """The `differences` of a page of a stack. The pixel size is the same for the whole file, so only the first page is asked."""
    place = f"page {page + 1}: " if stack.pages > 1 else ""
    return differences(card, some_rows(read, page, stack.shape), None if page else pixel_size_nm, place)


def differences(card, image, pixel_size_nm, place=""):
    """Describe where an image differs so much from the training images that its prediction means little.

    `image` is (H, W, C), scaled. Yields messages; those of the intensities begin with its `place` in the file.
    """
    trained = card.get("pixel_size_nm")
    compared = pixel_size_nm is not None and trained is not None and not gives_one_shape(card["resize"])
    sizes = zip(pixel_size_nm, trained, strict=True) if compared else ()
    if any(max(a / b, b / a) > PIXEL_SIZE for a, b in sizes):
        expected, received = (" × ".join(f"{side:.3g}" for side in size) for size in (trained, pixel_size_nm))
        told = f"expected pixels of about {expected} nm as in training, received {received} nm"
        yield f"{told}; resample the image, otherwise objects may be missed"
    least, greatest = np.asarray(card["intensity_seen"])
    received = quantiles_and_contrast(image)
    beyond = np.maximum(least - received, received - greatest)[:-1]
    flatness = received[-1] - FLAT * least[-1]
    if beyond.max() > (MARGIN_BY_IMAGE if card["intensity_range"] == BY_IMAGE else MARGIN):
        number, channel = np.unravel_index(beyond.argmax(), beyond.shape)
        seen = f"{QUANTILES[number]:.0%} of the pixels{_of(channel, image)} lie below {received[number, channel]:.2f} of the "
        seen += f"intensity range; in training, below {least[number, channel]:.2f} to {greatest[number, channel]:.2f}"
        yield f"{place}unlike all training images: {seen}; {REMEDY}"
    elif flatness.min() < 0:
        channel = flatness.argmin()
        seen = f"{received[-1, channel]:.2f} of the intensity range{_of(channel, image)}, in training {least[-1, channel]:.2f}"
        yield f"{place}less contrast than in all training images: {seen} or more; {REMEDY}"


def _of(channel, image):
    return f" of channel {channel + 1}" if image.shape[-1] > 1 else ""
