"""Classify images, and write a table of probabilities and contact sheets."""

from collections import deque
from contextlib import suppress
from itertools import islice
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps

from pipeline.errors import UserError
from pipeline.images.sheet import displayable, sheet
from pipeline.images.stack import opened
from pipeline.inference.decision import mean_and_spread
from pipeline.prediction.expectations import model_reader, unlike_training
from pipeline.prediction.results_folder import SHEETS, matching

OVERALL = ("predictions.csv", SHEETS)  # results over all images
THUMBNAIL = 128  # pixels
COLUMNS, ROWS = 8, 12  # of a sheet


def without_effect(card):
    """Options of the command line that mean nothing to a classifier."""
    of_pixels = ("threshold", "split", "smallest", "median", "solids", "pixel_size")
    return (*of_pixels, "tile", "overlap", "workers", "memory", "scheduler")


def card_lines(card):
    return {"finds": ", ".join(card["classes"]), "threshold": "none, the likeliest class"}


def fit_to_memory(model, settings):
    """Return the settings as they are: their batch size is for windows."""
    return settings


def predict_array(model, image, seen, choices, settings):
    """Classify an image (H, W, C) in memory, of which the model sees `seen`: dict of class to probability."""
    return dict(zip(model.card["classes"], map(float, model.classify([seen], settings.flips)[0]), strict=True))


def predict_images(model, images, results, job):
    """Classify images, and draw contact sheets of all images in the folder; `job` is a `pipeline.prediction.run.Job`."""
    for image, rows in _classify(model, images, results, job):
        with job.attempt(image.path):
            results.finish(image, [], rows)
    with job.attempt(results.out / "contact_sheet.png"):
        write_sheets(_thumbnails(results.images), results.out)


def _classify(model, images, results, job):
    """Yield images with a row for each of their pages. Pages of different images fill a batch together."""
    read_ahead = deque()  # of each page that was given to the network: image, number of the page, number of pages

    def pages():
        for image in images:
            with job.attempt(image.path):
                results.claim(image)
                with opened(image.path) as stack:
                    yield from pages_of(image, stack)

    def pages_of(image, stack):
        read = model_reader(stack, model.card, job.choices.intensity_range)
        if stack.left_out:
            job.warn(stack.path, stack.left_out)
        for number in range(stack.pages):
            for doubt in unlike_training(read, number, stack, model.card, stack.pixel_size_nm):
                job.warn(stack.path, doubt)
            page = read(number, 0, stack.shape[0])
            read_ahead.append((image, number + 1, stack.pages))
            yield page

    classes, rows = model.card["classes"], []
    for members in model.classify_members(pages(), job.settings.flips):
        probability, spread = mean_and_spread(members)
        image, number, count = read_ahead.popleft()
        row = {"image": image.name, "page": number, "predicted": classes[int(probability.argmax())]}
        rows = [] if number == 1 else rows  # rows of an image whose later pages failed are dropped
        rows.append(row | dict(zip(classes, map(float, probability), strict=True)))
        if spread is not None:
            rows[-1]["disagreement"] = float(spread[probability.argmax()])
        if number == count:
            yield image, rows


def _thumbnails(finished):
    """The first page of each finished image that can still be read, as a small square picture, with its row."""
    for name in sorted(finished):
        with suppress(UserError, OSError), opened(Path(finished[name]["source"]["path"])) as stack:
            step = max(1, min(stack.shape) // (2 * THUMBNAIL))
            pixels = stack.read(0, 0, stack.shape[0])[::step, ::step]
            picture = Image.fromarray(np.ascontiguousarray(displayable(pixels))).convert("RGBA")
            square = ImageOps.pad(picture, (THUMBNAIL, THUMBNAIL), color=(0, 0, 0, 0))  # small tiles are enlarged
            yield np.asarray(square), finished[name]["rows"][0]


def write_sheets(pictures, out):
    """Draw each image with its name, its class and that class's probability on ``contact_sheet.png`` in the folder `out`.

    If one sheet does not hold all, they are ``contact_sheet_1.png``, ... `pictures` are pairs of a thumbnail and its row of the
    table; those of two sheets are in memory at a time.
    """
    for earlier in matching(out, SHEETS):
        earlier.unlink()
    pictures = iter(pictures)
    following, number = list(islice(pictures, COLUMNS * ROWS)), 0
    while following:
        current, following, number = following, list(islice(pictures, COLUMNS * ROWS)), number + 1
        name = "contact_sheet.png" if number == 1 and not following else f"contact_sheet_{number}.png"
        captions = [f"{row['image']}\n{row['predicted']} {row[row['predicted']]:.2f}" for _, row in current]
        (out / name).write_bytes(sheet([picture for picture, _ in current], captions, COLUMNS, THUMBNAIL))
