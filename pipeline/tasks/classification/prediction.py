"""Classify images: a table of probabilities, and sheets to look at."""

from collections import deque
from itertools import islice

import numpy as np
from PIL import Image, ImageDraw, ImageFont, ImageOps

from pipeline.images.sheet import FONT
from pipeline.prediction import checks
from pipeline.prediction.record import SHEET
from pipeline.prediction.stack import opened

THUMBNAIL = 128  # pixels
LABEL = 28  # pixels of text under a thumbnail: two lines
COLUMNS, ROWS = 8, 12  # of a sheet


def classify(model, images, attempt, grey_range, tell):
    """Predict the classes of all pages of many images, a batch at a time, however many images it takes to fill one.

    Parameters
    ----------
    model : pipeline.inference.model.TrainedModel
    images : iterable of pipeline.prediction.inputs.Input
    attempt : callable
        Of an image's path → a context that takes the errors which are of that image alone.
    grey_range : tuple of float, or None
    tell : callable
        Takes a file and a line about it.

    Yields
    ------
    image : pipeline.prediction.inputs.Input
        One of whose pages none failed.
    rows : list of dict
        One a page: image, page, predicted, and the probability of each class.
    """
    read_ahead = deque()  # of each page that was given to the network: image, number of the page, number of pages

    def pages():
        for image in images:
            with attempt(image.path), opened(image.path) as stack:
                for number, page in enumerate(_pages(stack, model.card, grey_range, tell), start=1):
                    read_ahead.append((image, number, stack.pages))
                    yield page

    classes, rows = model.card["classes"], []
    for probability in model.classify_each(pages()):
        image, number, count = read_ahead.popleft()
        row = {"image": image.name, "page": number, "predicted": classes[int(probability.argmax())]}
        rows = [] if number == 1 else rows  # those of an image whose later pages failed are dropped
        rows.append(row | dict(zip(classes, map(float, probability), strict=True)))
        if number == count:
            yield image, rows


def _pages(stack, card, grey_range, tell):
    """Read the pages of an image one by one; say what is doubtful about them."""
    read = checks.prepared(stack, card, grey_range)
    for doubt in stack.doubts:
        tell(stack.path, f"{stack.path}: {doubt}")
    for page in range(stack.pages):
        image = read(page, 0, stack.shape[0])
        for doubt in checks.doubts(card, image, stack.pixel_size_nm):
            tell(stack.path, f"{stack.path}: {doubt}")
        yield image


def thumbnail(stack):
    """The first page of an image, as a small Pillow image."""
    step = max(1, min(stack.shape) // (2 * THUMBNAIL))
    pixels = stack.read(0, 0, stack.shape[0])[::step, ::step]
    if pixels.dtype != np.uint8:
        pixels = (pixels / max(int(pixels.max()), 1) * 255).astype(np.uint8)
    image = Image.fromarray(np.ascontiguousarray(np.broadcast_to(pixels, (*pixels.shape[:2], 3))))
    return ImageOps.contain(image, (THUMBNAIL, THUMBNAIL))  # small tiles are enlarged: they are there to be looked at


def sheets(pictures, out):
    """Draw contact sheets: each image with its name, its class and the class's probability, as they were given.

    Parameters
    ----------
    pictures : iterable of (PIL.Image.Image, dict)
        A `thumbnail` with its row, as `classify` yields it. Those of two sheets are in memory.
    out : pathlib.Path
        Folder for ``contact_sheet.png``, or ``contact_sheet_1.png``, ... if one does not hold all.
    """
    for earlier in out.glob(f"{SHEET}*.png"):
        earlier.unlink()
    pictures = iter(pictures)
    waiting, number = list(islice(pictures, COLUMNS * ROWS)), 0
    while waiting:
        some, waiting, number = waiting, list(islice(pictures, COLUMNS * ROWS)), number + 1
        alone = number == 1 and not waiting
        name = f"{SHEET}.png" if alone else f"{SHEET}_{number}.png"
        _sheet(some).save(out / name, compress_level=1)  # as `pipeline.images.io.write_png`


def _sheet(pictures):
    font = ImageFont.truetype(FONT, 10)
    columns, lines = min(COLUMNS, len(pictures)), -(-len(pictures) // COLUMNS)
    sheet = Image.new("RGB", (columns * (THUMBNAIL + 8), lines * (THUMBNAIL + LABEL + 8)), "white")
    draw = ImageDraw.Draw(sheet)
    for index, (picture, row) in enumerate(pictures):
        x, y = index % COLUMNS * (THUMBNAIL + 8) + 4, index // COLUMNS * (THUMBNAIL + LABEL + 8) + 4
        sheet.paste(picture, (x + (THUMBNAIL - picture.width) // 2, y + (THUMBNAIL - picture.height) // 2))
        draw.text((x, y + THUMBNAIL + 2), _short(row["image"]), "black", font)
        draw.text((x, y + THUMBNAIL + 14), f"{_short(row['predicted'], 15)} {row[row['predicted']]:.2f}", "black", font)
    return sheet


def _short(text, most=21):
    return text if len(text) <= most else text[: most - 1] + "…"
