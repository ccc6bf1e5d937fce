"""Sheets of pictures with captions. Pillow draws them: Matplotlib would take a second to start in each stage."""

import io
from importlib.util import find_spec
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from pipeline.images.colours import INK, rgb

GAP = 8  # pixels between pictures, and around them
TEXT, LINE = 12, 16  # pixels, size of the letters and of a line
# Pillow's own letters are English alone. Matplotlib is asked where it lies, not imported.
FONT = Path(find_spec("matplotlib").origin).parent / "mpl-data" / "fonts" / "ttf" / "DejaVuSans.ttf"


def displayable(image):
    """Turn an image (H, W, C), uint8 or uint16, into RGB (H, W, 3), uint8.

    Cameras rarely fill 16 bits: those images are scaled by their own largest value.
    """
    if image.dtype != np.uint8:
        image = np.rint(image * (255 / max(int(image.max()), 1))).astype(np.uint8)
    return np.broadcast_to(image, (*image.shape[:2], 3))


def fitted(picture, width):
    """Resize a picture (H, W, ...), uint8, to `width`: pixels stay square when larger, and are averaged when smaller."""
    if picture.shape[1] == width:
        return picture
    height = max(1, round(picture.shape[0] * width / picture.shape[1]))
    resampling = Image.Resampling.NEAREST if picture.shape[1] < width else Image.Resampling.BOX
    return np.asarray(Image.fromarray(picture).resize((width, height), resampling))


def sheet(pictures, captions, columns, width, legend=None, nothing=""):
    """Pictures in rows, each below its caption.

    Parameters
    ----------
    pictures : sequence of ndarray, shape (H, W, 3), uint8
    captions : sequence of str
        One for each, of one or more lines; of what is too long both ends are kept.
    columns : int
        At most.
    width : int
        Pixels of a picture.
    legend : dict of str to str, optional
        Names of colours ("#2f7fb8"), at the lower right.
    nothing : str
        What an empty sheet says.

    Returns
    -------
    bytes
        A PNG, transparent around the pictures; equal sheets are equal bytes.
    """
    font = ImageFont.truetype(FONT, TEXT, layout_engine=ImageFont.Layout.BASIC)  # the same with and without Raqm
    pictures = [Image.fromarray(np.ascontiguousarray(fitted(picture, width))) for picture in pictures]
    if not pictures:
        pictures, captions, width = [Image.new("RGBA", (1, 1))], [nothing], round(font.getlength(nothing)) + 1
    columns = min(columns, len(pictures))
    caption = LINE * max(len(text.splitlines()) for text in captions)
    cell = caption + max(picture.height for picture in pictures) + GAP
    rows = -(-len(pictures) // columns)
    whole = GAP + columns * (width + GAP), GAP + rows * cell + (LINE + GAP if legend else 0)
    # Transparent ink and not black: letters are blended into what is below them.
    page = Image.new("RGBA", whole, (*rgb(INK), 0))
    draw = ImageDraw.Draw(page)
    for number, (picture, text) in enumerate(zip(pictures, captions, strict=True)):
        left, top = GAP + number % columns * (width + GAP), GAP + number // columns * cell
        for line, words in enumerate(text.splitlines()):
            draw.text((left, top + line * LINE), _shortened(words, font, width), INK, font)
        page.paste(picture, (left, top + caption))
    _name_colours(draw, legend or {}, whole, font)
    buffer = io.BytesIO()
    page.save(buffer, "PNG", compress_level=3)  # 6 takes twice as long and saves nothing
    return buffer.getvalue()


def _name_colours(draw, legend, whole, font):
    """A square of each colour with its name, in one line that ends at the lower right."""
    right, top = whole[0] - GAP, whole[1] - GAP - LINE
    for name, colour in reversed(legend.items()):
        right -= round(font.getlength(name))
        draw.text((right, top), name, INK, font)
        right -= LINE
        draw.rectangle((right, top + 2, right + TEXT - 2, top + TEXT), colour)
        right -= GAP


def _shortened(words, font, width):
    if font.getlength(words) <= width:
        return words
    kept = len(words) // 2
    while kept and font.getlength(f"{words[:kept]}…{words[-kept:]}") > width:
        kept -= 1
    return f"{words[:kept]}…{words[len(words) - kept :]}"
