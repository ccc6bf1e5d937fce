"""All results of one image or volume, written band by band."""

from functools import partial

import numpy as np
import pandas as pd

from pipeline.atomic import write_table
from pipeline.images.intensity import evenly
from pipeline.images.io import bits_as_grey, is_ome_zarr
from pipeline.images.sections import context_of
from pipeline.inference.decision import of_class
from pipeline.prediction.expectations import model_reader, unlike_training
from pipeline.prediction.objects.label import row_bands
from pipeline.prediction.objects.measure import COLUMNS
from pipeline.prediction.writers import temporary, write_tiff, write_volume
from pipeline.tasks.segmentation.prediction.objects import number_and_measure, write_solids
from pipeline.tasks.segmentation.prediction.overlay import write_overlay
from pipeline.tasks.segmentation.prediction.pages import predict_pages

COMPARED = 16  # pages of a volume that are held against the training images; to read all would take long


def write_results(model, stack, files, folder, job):
    """Segment an image or a volume into `files`, paths by kind; return a row of the table over all images for each page.

    Intermediate arrays go into `folder`.
    """
    choices, volume, shape = job.choices, is_ome_zarr(stack.path), (stack.pages, *stack.shape)
    read = model_reader(stack, model.card, choices.intensity_range)
    size = choices.pixel_size_nm or stack.pixel_size_nm
    for doubt in _doubts(model, stack, read, size, choices):
        job.warn(stack.path, doubt)
    if volume:  # the other axes, and without a choice of the user all, keep the units of their source
        write = partial(write_volume, source=stack.path, pixel_size_nm=choices.pixel_size_nm)
    else:
        write = partial(write_tiff, shape=shape, pixel_size_nm=size, sections=stack.sections)
    disagreement = temporary(folder / "disagreement", shape, np.float32) if "disagreement" in files else None
    finished = volume and choices.median == 1  # the volume that the network fills is the result
    single = files["probability"] if finished else folder / ("single.ome.zarr" if volume else "single")
    pages = predict_pages(model, stack, read, job, single, disagreement)
    if not finished:
        _write_probability(files["probability"], pages, write)
    _write_masks(files["mask"], pages, write)
    labels = temporary(folder / "labels", shape, np.int32)
    rows, most = _write_objects(files["objects"], pages, labels, folder, model.card["classes"], choices, size)
    if "solids" in files:
        most = max(most, write_solids(files, labels, stack, size, choices.split))
    if "disagreement" in files:
        write(files["disagreement"], _bands(disagreement, stack), np.float32)
    write(files["labels"], _bands(labels, stack), np.uint16 if most < 2**16 else np.uint32)
    write_overlay(files["overlay"], labels, pages, read)
    return rows


def _doubts(model, stack, read, pixel_size_nm, choices):
    """Say what makes the results of an image or a volume doubtful, or a choice useless."""
    if stack.left_out:
        yield stack.left_out
    for page in evenly(stack.pages, COMPARED) if is_ome_zarr(stack.path) else range(stack.pages):
        yield from unlike_training(read, page, stack, model.card, pixel_size_nm)
    if stack.sections == 1:
        for option, chosen in (("--median", choices.median > 1), ("--solids", choices.solids)):
            if chosen:
                yield f"holds no sections of one volume, so {option} has no effect"
        if context_of(model.card):
            yield "the model looks at neighbouring sections, and sees this one alone; save them as a stack"


def _write_probability(path, pages, write):
    stack, classes = pages.stack, pages.classes
    if is_ome_zarr(stack.path):
        write(path, map(pages.probability, range(stack.pages)), np.float32, classes=classes)
    else:
        planes = (
            (of_class(band, number) for band in pages.probability(page))
            for page in range(stack.pages)
            for number in range(classes)
        )
        write(path, planes, np.float32, shape=(stack.pages * classes, *stack.shape), channels=classes)


def _write_masks(path, pages, write):
    foreground = 1 if pages.classes > 1 else 255
    write(path, ((mask * np.uint8(foreground) for mask in pages.masks(page)) for page in range(pages.stack.pages)), np.uint8)


def _write_objects(path, pages, labels, folder, names, choices, pixel_size_nm):
    """Fill `labels`, write the table of objects; return a row for each page and class, and the most objects of a page."""
    stack, several, rows, most = pages.stack, pages.classes > 1, [], 0
    scratch = temporary(folder / "labels_of_class", labels.shape, np.int32) if several else None
    stored = lambda page, start, stop: bits_as_grey(stack.read(page, start, stop))  # noqa: E731
    write_table(path, pd.DataFrame(columns=["page", *(["class"] if several else []), *COLUMNS]))
    for page in range(stack.pages):
        count = 0
        for name, table in number_and_measure(
            partial(pages.masks, page), labels, scratch, page, names, choices, stored, pixel_size_nm
        ):
            table.insert(0, "page", page + 1)
            write_table(path, table, append=True)
            area = int(table["area_px"].sum())
            area_um2 = area * (pixel_size_nm[0] / 1000) * (pixel_size_nm[1] / 1000) if pixel_size_nm else None
            areas = {"area_px": area, "area_fraction": area / (stack.shape[0] * stack.shape[1]), "area_um2": area_um2}
            rows.append({"page": page + 1} | ({"class": name} if several else {}) | {"count": len(table)} | areas)
            count += len(table)
        most = max(most, count)
    return rows, most


def _bands(array, stack):
    """The pages of an array (pages, H, W), band by band."""
    return ((array[page, start:stop] for start, stop in row_bands(stack.shape[0])) for page in range(stack.pages))
