"""Classify images: a table of probabilities, and sheets to look at."""

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from pipeline.prediction import checks
from pipeline.prediction.record import SHEET
from pipeline.reporting.sheet import FONT

THUMBNAIL = 128  # pixels
LABEL = 28  # pixels of text under a thumbnail: two lines
COLUMNS, ROWS = 8, 12  # of a sheet


def classify(model, stack, name, grey_range, tell):
    """Predict the classes of all pages of an image.

    Parameters
    ----------
    model : pipeline.inference.model.TrainedModel
    stack : pipeline.prediction.stack.Stack
    name : str
    grey_range : tuple of float, or None
    tell : callable
        Takes a line for the user.

    Returns
    -------
    list of dict
        One a page: image, page, predicted, and the probability of each class.
    """
    read = checks.prepared(stack, model.card, grey_range)

    def images():
        for doubt in stack.doubts:
            tell(f"{stack.path}: {doubt}")
        for page in range(stack.pages):
            image = read(page, 0, stack.shape[0])
            for doubt in checks.doubts(model.card, image, stack.pixel_size_nm):
                tell(f"{stack.path}: {doubt}")
            yield image

    classes, rows = model.card["classes"], []
    for page, probability in enumerate(model.classify(images()), start=1):
        row = {"image": name, "page": page, "predicted": classes[int(probability.argmax())]}
        rows.append(row | dict(zip(classes, map(float, probability), strict=True)))
    return rows


def thumbnail(stack):
    """The first page of an image, as a small Pillow image."""
    step = max(1, min(stack.shape) // (2 * THUMBNAIL))
    pixels = stack.read(0, 0, stack.shape[0])[::step, ::step]
    if pixels.dtype != np.uint8:
        pixels = (pixels / max(int(pixels.max()), 1) * 255).astype(np.uint8)
    image = Image.fromarray(np.ascontiguousarray(np.broadcast_to(pixels, (*pixels.shape[:2], 3))))
    image.thumbnail((THUMBNAIL, THUMBNAIL))
    return image


def sheets(thumbnails, rows, out):
    """Draw contact sheets: each image with its name, its class and the class's probability, as they were given.

    Parameters
    ----------
    thumbnails : sequence of PIL.Image.Image
    rows : sequence of dict
        As `classify` returns them, one for each thumbnail.
    out : pathlib.Path
        Folder for ``contact_sheet.png``, or ``contact_sheet_1.png``, ... if one does not hold all.
    """
    most = COLUMNS * ROWS
    count = -(-len(rows) // most)
    for earlier in out.glob(f"{SHEET}*.png"):
        earlier.unlink()
    font = ImageFont.truetype(FONT, 10)
    for number in range(count):
        some = list(zip(thumbnails, rows, strict=True))[number * most : (number + 1) * most]
        columns, lines = min(COLUMNS, len(some)), -(-len(some) // COLUMNS)
        sheet = Image.new("RGB", (columns * (THUMBNAIL + 8), lines * (THUMBNAIL + LABEL + 8)), "white")
        draw = ImageDraw.Draw(sheet)
        for index, (picture, row) in enumerate(some):
            x, y = index % COLUMNS * (THUMBNAIL + 8) + 4, index // COLUMNS * (THUMBNAIL + LABEL + 8) + 4
            sheet.paste(picture, (x + (THUMBNAIL - picture.width) // 2, y + (THUMBNAIL - picture.height) // 2))
            draw.text((x, y + THUMBNAIL + 2), _short(row["image"]), "black", font)
            draw.text((x, y + THUMBNAIL + 14), f"{_short(row['predicted'], 15)} {row[row['predicted']]:.2f}", "black", font)
        sheet.save(out / (f"{SHEET}.png" if count == 1 else f"{SHEET}_{number + 1}.png"))


def _short(text, most=21):
    return text if len(text) <= most else text[: most - 1] + "…"
