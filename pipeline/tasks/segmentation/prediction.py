"""Segment images and volumes, and write masks, probabilities, labels, measurements and overlays."""

from dataclasses import dataclass
from functools import partial

import numpy as np
import pandas as pd
import psutil
from skimage.segmentation import find_boundaries
from tqdm import tqdm

from pipeline.images.io import write_png
from pipeline.images.ome_zarr import is_volume
from pipeline.images.sheet import displayable
from pipeline.images.stack import opened
from pipeline.prediction.expectations import differences, model_reader, some_rows
from pipeline.prediction.objects.label import label_page, row_bands
from pipeline.prediction.objects.measure import COLUMNS, measure_page
from pipeline.prediction.results_folder import write_table
from pipeline.prediction.volume import predict_volume
from pipeline.prediction.writers import fill, read_rows, temporary, write_tiff, write_volume

OVERALL = ("images.csv",)  # results over all images
WITHOUT_EFFECT = ()  # options of the command line
OVERLAY = 4096  # pixels on the longer side of an overlay, at most: more than a screen shows, less than a viewer refuses
OUTLINE = (213, 94, 0)  # vermilion of the Okabe-Ito palette, which colour-blind eyes can tell apart, too
# Bytes that a window needs per pixel and filter of the first level: peak memory with 4 windows of 1024 × 1024 less that with
# 2, of the default networks with TensorFlow on a CPU, is 24 and 26.
WINDOW_BYTES = 30
FREE_SHARE = 0.5  # of the free memory, for windows; the rest is for the image, its results, and other programs


@dataclass(frozen=True)
class Prediction:
    """Segmentation of one image."""

    probability: np.ndarray  # shape (H, W), float32 in [0, 1]
    mask: np.ndarray  # shape (H, W), bool
    labels: np.ndarray  # shape (H, W), int32: 0 is background; objects count from 1
    objects: pd.DataFrame  # one row per object, with the columns of <name>_objects.csv


def card_lines(card):
    """What `--describe` says of a segmentation model."""
    return {
        "finds": f"{card['classes'][1]} (every pixel)",
        "threshold": f"{card['threshold']:.3f}, of the best Dice on validation",
    }


def predict_array(model, image, choices, settings):
    """Segment an image (H, W, C) in memory: a `Prediction`."""
    probability = model.segment(model.scaled(image), settings)
    mask = probability >= choices.threshold
    labels = np.zeros((1, *mask.shape), np.int32)
    objects = label_page([mask], labels, 0, choices.split, choices.smallest)
    table = measure_page(objects, labels, 0, lambda page, start, stop: image[start:stop], choices.pixel_size_nm)
    return Prediction(probability, mask, labels[0], table)


def predict_images(model, images, results, settings, choices, cluster, attempt, warn):
    """Segment images one after the other.

    ``attempt(path)`` is a context that remembers why something failed for a file; ``warn(path, message)`` passes on a message.
    """
    for image in images:
        with attempt(image.path), opened(image.path) as stack:
            suffix = ".ome.zarr" if is_volume(image.path) else ".tif"
            files = {kind: f"{image.name}_{kind}{suffix}" for kind in ("mask", "probability", "labels")}
            files |= {"objects": f"{image.name}_objects.csv", "overlay": f"{image.name}_overlay.png"}
            folder = results.workspace(image, files.values())
            files = {kind: folder / name for kind, name in files.items()}
            rows = _segment(model, stack, files, folder, settings, choices, cluster, warn)
            results.finish(image, list(files.values()), [{"image": image.name} | row for row in rows])


def fit_to_memory(model, settings):
    """Reduce the batch size, to no less than 1, to the windows that fit into memory."""
    import keras

    filters = next(layer.filters for layer in model.network.layers if isinstance(layer, keras.layers.Conv2D))
    fitting = int(FREE_SHARE * free_memory() / (WINDOW_BYTES * filters * settings.tile[0] * settings.tile[1]))
    return settings.model_copy(update={"batch_size": max(1, min(settings.batch_size, fitting))})


def free_memory():
    """Free bytes on the device that computes."""
    import keras

    if keras.backend.backend() == "jax":
        import jax

        stats = jax.devices()[0].memory_stats()  # None on a CPU
        if stats:
            return stats["bytes_limit"] - stats["bytes_in_use"]
    return psutil.virtual_memory().available


def _segment(model, stack, files, folder, settings, choices, cluster, warn):
    """Write all results of an image or a volume; return a row of the table over all images for each page."""
    read = model_reader(stack, model.card, choices.intensity_range)
    size, shape = choices.pixel_size_nm or stack.pixel_size_nm, (stack.pages, *stack.shape)
    for message in [stack.left_out, *differences(model.card, some_rows(read, 0, stack.shape), size)]:
        if message:
            warn(stack.path, f"{stack.path}: {message}")
    volume, pages = is_volume(stack.path), range(stack.pages)
    if choices.median > 1 and stack.sections == 1 < stack.pages:
        warn(stack.path, f"{stack.path}: its pages are no sections of one volume, so --median has no effect")
    write = partial(write_tiff, shape=shape, pixel_size_nm=size)
    if volume:  # the other axes, and without a choice of the user all, keep the units of their source
        write = partial(write_volume, source=stack.path, pixel_size_nm=choices.pixel_size_nm)
    finished = volume and choices.median == 1  # the volume that the network filled is the result
    if volume:
        target = files["probability"] if finished else folder / "single_sections.ome.zarr"
        single = predict_volume(model, stack, target, choices.pixel_size_nm, settings, choices.intensity_range, cluster)
    else:
        single = _predict_pages(model, stack, read, folder / "probability", settings)
    bands = partial(_median_bands, single, choices.median // 2, stack)
    masks = lambda page: (band >= choices.threshold for band in bands(page))  # noqa: E731
    if not finished:
        write(files["probability"], map(bands, pages), np.float32)
    write(files["mask"], ((mask * np.uint8(255) for mask in masks(page)) for page in pages), np.uint8)
    labels, rows = temporary(folder / "labels", shape, np.int32), []
    write_table(files["objects"], pd.DataFrame(columns=["page", *COLUMNS]))
    for page in pages:
        found = label_page(masks(page), labels, page, choices.split, choices.smallest)
        table = measure_page(found, labels, page, stack.read, size)
        table.insert(0, "page", page + 1)
        write_table(files["objects"], table, append=True)
        rows.append({"page": page + 1, "count": len(found)} | _total_area(int(found["area"].sum()), stack.shape, size))
    kind = np.uint16 if max(row["count"] for row in rows) < 2**16 else np.uint32
    parts = row_bands(stack.shape[0])
    write(files["labels"], ((labels[page, start:stop] for start, stop in parts) for page in pages), kind)
    _write_overlay(files["overlay"], masks(stack.pages // 2), read, stack)
    return rows


def _predict_pages(model, stack, read, path, settings):
    """Predict all pages of an image into a temporary array."""
    single = temporary(path, (stack.pages, *stack.shape), np.float32)
    with tqdm(total=stack.pages * stack.shape[0], desc=stack.path.name, unit="row", leave=False, disable=None) as bar:

        def predicted(page):
            if model.card["resize"] is not None:
                yield model.segment(read(page, 0, stack.shape[0]), settings)
                return
            for _, band in model.segment_rows(lambda start, stop: read(page, start, stop), stack.shape, settings):
                yield band
                bar.update(len(band))

        for page in range(stack.pages):
            fill(single, page, predicted(page))
    return single


def _median_bands(single, reach, stack, page):
    """Bands of the median probability over the sections of one time point up to `reach` away."""
    first = page - page % stack.sections
    # At the ends the window is cut, not mirrored: no section counts twice.
    around = range(max(first, page - reach), min(first + stack.sections, page + reach + 1))
    for start, stop in row_bands(stack.shape[0]):
        if reach:
            yield np.median([read_rows(single, section, start, stop) for section in around], axis=0).astype(np.float32)
        else:
            yield read_rows(single, page, start, stop)


def _total_area(area, shape, pixel_size_nm):
    area_um2 = area * (pixel_size_nm[0] / 1000) * (pixel_size_nm[1] / 1000) if pixel_size_nm else None
    return {"area_px": area, "area_fraction": area / (shape[0] * shape[1]), "area_um2": area_um2}


def _write_overlay(path, masks, read, stack):
    """Draw the outlines of the middle page's foreground on the image, at most `OVERLAY` pixels a side."""
    page, step = stack.pages // 2, -(-max(stack.shape) // OVERLAY)
    mask, image = [], []
    for (start, stop), band in zip(row_bands(stack.shape[0]), masks, strict=True):
        chosen = slice(-start % step, None, step), slice(None, None, step)
        mask.append(band[chosen])
        image.append(read(page, start, stop)[chosen])
    mask, image = np.concatenate(mask), np.concatenate(image)
    picture = displayable(np.rint(image * 255).astype(np.uint8)).copy()
    picture[find_boundaries(mask)] = OUTLINE
    write_png(path, picture)
