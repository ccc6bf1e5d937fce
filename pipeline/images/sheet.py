"""Sheets of pictures with captions, drawn by Pillow: importing Matplotlib would cost each stage a second."""

import io
from importlib.util import find_spec
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont
from PIL.ImageColor import getrgb

from pipeline.images.colours import INK

SATURATED = 0.1, 99.9  # percentiles that become black and white: single hot pixels darken no picture
GAP = 8  # pixels between pictures, and around them
TEXT, LINE = 12, 16  # pixels, size of the letters and height of a line
# Pillow's own font has English letters only. Matplotlib ships a better one; finding it does not import Matplotlib.
FONT = Path(find_spec("matplotlib").origin).parent / "mpl-data" / "fonts" / "ttf" / "DejaVuSans.ttf"


def displayable(image):
    """Convert an image (H, W, C) of any numbers and channels to RGB (H, W, 3), uint8.

    Numbers of more than 8 bit rarely fill their range, so they are stretched: all but the `SATURATED` darkest and brightest,
    three channels together, other channels each by itself. Two channels are shown in magenta and green, which colour-blind eyes
    can tell apart; of more than three, the first three are red, green and blue.
    """
    together = image.shape[-1] == 3
    image = image[..., :3]
    if image.dtype == bool:
        image = image * np.uint8(255)
    if image.dtype != np.uint8:
        image = np.nan_to_num(image, posinf=0, neginf=0)
        low, high = np.percentile(image, SATURATED, axis=None if together else (0, 1)).astype(np.float64)
        image = (image - low) / np.where(high > low, high - low, 1)
        image = np.rint(255 * np.clip(image, 0, 1)).astype(np.uint8)
    return image[..., [0, 1, 0]] if image.shape[-1] == 2 else np.broadcast_to(image, (*image.shape[:2], 3))


def fitted(picture, width):
    """Resize a picture (H, W, ...), uint8, to `width`: repeat pixels to enlarge it, average them to shrink it."""
    if picture.shape[1] == width:
        return picture
    height = max(1, round(picture.shape[0] * width / picture.shape[1]))
    resampling = Image.Resampling.NEAREST if picture.shape[1] < width else Image.Resampling.BOX
    return np.asarray(Image.fromarray(picture).resize((width, height), resampling))


def sheet(pictures, captions, columns, width, legend=None, nothing=""):
    """Draw pictures in rows, each below its caption.

    Parameters
    ----------
    pictures : sequence of ndarray, shape (H, W, 3), uint8
    captions : sequence of str
        One for each picture, of one or more lines. A line that is too long loses its middle.
    columns : int
        Pictures in a row.
    width : int
        Width of each picture in pixels.
    legend : dict of str to str, optional
        Names of colours ("#2f7fb8"), drawn at the lower right.
    nothing : str
        Text of a sheet without pictures.

    Returns
    -------
    bytes
        A PNG, transparent around the pictures. The same input gives the same bytes.
    """
    font = ImageFont.truetype(FONT, TEXT, layout_engine=ImageFont.Layout.BASIC)  # the same with and without Raqm
    pictures = [Image.fromarray(np.ascontiguousarray(fitted(picture, width))) for picture in pictures]
    if not pictures:
        pictures, captions, width = [Image.new("RGBA", (1, 1))], [nothing], round(font.getlength(nothing)) + 1
    columns = min(columns, len(pictures))
    caption = LINE * max(len(text.splitlines()) for text in captions)
    cell = caption + max(picture.height for picture in pictures) + GAP
    lines = -(-len(pictures) // columns)
    size = GAP + columns * (width + GAP), GAP + lines * cell + (LINE + GAP if legend else 0)
    page = Image.new("RGBA", size, (*getrgb(INK), 0))  # transparent ink, not black: letters are blended into what is below them
    draw = ImageDraw.Draw(page)
    for number, (picture, text) in enumerate(zip(pictures, captions, strict=True)):
        left, top = GAP + number % columns * (width + GAP), GAP + number // columns * cell
        for line, words in enumerate(text.splitlines()):
            draw.text((left, top + line * LINE), _shortened(words, font, width), INK, font)
        page.paste(picture, (left, top + caption))
    right, top = size[0] - GAP, size[1] - GAP - LINE
    for name, colour in reversed((legend or {}).items()):
        right -= round(font.getlength(name))
        draw.text((right, top), name, INK, font)
        right -= LINE
        draw.rectangle((right, top + 2, right + TEXT - 2, top + TEXT), colour)
        right -= GAP
    buffer = io.BytesIO()
    page.save(buffer, "PNG", compress_level=3)  # 6 takes twice as long and saves nothing
    return buffer.getvalue()


def _shortened(words, font, width):
    text, kept = words, len(words) // 2
    while font.getlength(text) > width and kept >= 0:
        text = f"{words[:kept]}…{words[len(words) - kept :]}"
        kept -= 1
    return text
