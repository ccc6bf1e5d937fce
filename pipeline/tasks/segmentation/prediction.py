"""Segment images and volumes, and write masks, probabilities, labels, measurements and overlays."""

from dataclasses import dataclass
from functools import partial

import numpy as np
import pandas as pd
import psutil
from PIL.ImageColor import getrgb
from skimage.segmentation import find_boundaries
from tqdm import tqdm

from pipeline.atomic import write_table
from pipeline.errors import UserError
from pipeline.images.colours import class_colour
from pipeline.images.intensity import evenly
from pipeline.images.io import bits_as_grey, is_ome_zarr, write_png
from pipeline.images.sections import context_of, sections_seen
from pipeline.images.sheet import displayable
from pipeline.images.stack import opened
from pipeline.inference.decision import mean_and_spread, of_class, outputs, predicted
from pipeline.prediction.expectations import model_reader, section_reader, unlike_training
from pipeline.prediction.objects.label import label_page, row_bands
from pipeline.prediction.objects.measure import COLUMNS, measure_page
from pipeline.prediction.objects.solids import join_sections, measure_solids
from pipeline.prediction.ome import channel_axis
from pipeline.prediction.volume import predict_volume
from pipeline.prediction.writers import fill, read_rows, temporary, write_tiff, write_volume
from pipeline.tasks.segmentation.separation import WATERSHED

OVERALL = ("images.csv",)  # results over all images
OVERLAY = 4096  # pixels on the longer side of an overlay, at most: more than a screen shows, less than a viewer refuses
COMPARED = 16  # pages of a volume that are held against the training images; to read all would take long
OUTLINE = getrgb(class_colour(2))  # vermilion
# Bytes that a window needs per pixel and channel of the widest features: peak memory with 4 windows of 1024 × 1024 less that
# with 2, of the default networks with TensorFlow on a CPU, is 12 and 13.
WINDOW_BYTES = 15
FREE_SHARE = 0.5  # of the free memory, for windows; the rest is for the image, its results, and other programs


@dataclass(frozen=True)
class Prediction:
    """Segmentation of one image."""

    probability: np.ndarray  # shape (H, W), or (H, W, K) of several classes, float32 in [0, 1]
    mask: np.ndarray  # shape (H, W), bool, or the numbers of several classes, uint8
    labels: np.ndarray  # shape (H, W), int32: 0 is background; objects count from 1, class after class
    objects: pd.DataFrame  # one row per object, with the columns of <name>_objects.csv
    disagreement: np.ndarray | None = None  # of several models: standard deviation of their probabilities, (H, W), float32


def without_effect(card):
    """Options of the command line that mean nothing to this model."""
    return ("threshold",) if len(card["classes"]) > 2 else ()


def card_lines(card):
    if len(card["classes"]) > 2:
        return {"finds": f"{', '.join(card['classes'])} (every pixel is the most probable one)"}
    objects = ["those that touch are separated by a watershed"] if card.get("separation") == WATERSHED else []
    objects += [f"those of fewer than {card['smallest']} pixels are left out"] if card.get("smallest", 1) > 1 else []
    return {
        "finds": f"{card['classes'][1]} (every pixel)",
        "threshold": f"{card['threshold']:.3f}, {'the mean of those ' * ('members' in card)}chosen on validation",
        **({"objects": ", ".join(objects)} if objects else {}),
    }


def predict_array(model, image, seen, choices, settings):
    """Segment an image (H, W, C) in memory, of which the model sees `seen`: a `Prediction`."""
    if choices.threshold is not None and without_effect(model.card):
        raise UserError("threshold: no effect on a model of several classes, where the most probable one counts; leave it out")
    probability, disagreement = mean_and_spread(model.segment_members(seen, settings))
    mask = predicted(probability, choices.threshold)
    labels, scratch = np.zeros((2, 1, *mask.shape), np.int32)
    read = lambda page, start, stop: image[start:stop]  # noqa: E731
    found = _objects(lambda: [mask], labels, scratch, 0, model.card["classes"], choices, read, choices.pixel_size_nm)
    tables = [table for _, table in found]
    tables = [table for table in tables if len(table)] or tables[:1]  # pandas cannot tell the types of empty ones
    table = pd.concat(tables, ignore_index=True) if len(tables) > 1 else tables[0]
    return Prediction(probability, mask, labels[0], table, disagreement)


def predict_images(model, images, results, job):
    """Segment images one after the other; `job` is a `pipeline.prediction.run.Job`."""
    for image in images:
        with job.attempt(image.path), opened(image.path, kept=sections_seen(model.card)) as stack:
            suffix = ".ome.zarr" if is_ome_zarr(image.path) else ".tif"
            files = {kind: f"{image.name}_{kind}{suffix}" for kind in ("mask", "probability", "labels")}
            if len(model.members) > 1 and not is_ome_zarr(image.path):
                files["disagreement"] = f"{image.name}_disagreement.tif"
            files |= {"objects": f"{image.name}_objects.csv", "overlay": f"{image.name}_overlay.png"}
            files |= {"solids": f"{image.name}_solids.csv"} if job.choices.solids and stack.sections > 1 else {}
            folder = results.workspace(image, files.values())
            files = {kind: folder / name for kind, name in files.items()}
            rows = _segment(model, stack, files, folder, job)
            results.finish(image, list(files.values()), [{"image": image.name} | row for row in rows])


def fit_to_memory(model, settings):
    """Reduce the batch size, to no less than 1, to the windows that fit into memory."""
    from pipeline.inference.features import widest

    fitting = int(FREE_SHARE * free_memory() / (WINDOW_BYTES * widest(model.network) * settings.tile[0] * settings.tile[1]))
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


def _segment(model, stack, files, folder, job):
    """Write all results of an image or a volume; return a row of the table over all images for each page."""
    choices = job.choices
    read = model_reader(stack, model.card, choices.intensity_range)
    size, shape = choices.pixel_size_nm or stack.pixel_size_nm, (stack.pages, *stack.shape)
    names, classes = model.card["classes"], outputs(model.card)
    several = classes > 1
    volume, pages = is_ome_zarr(stack.path), range(stack.pages)
    for doubt in _doubts(model, stack, read, size, choices):
        job.warn(stack.path, doubt)
    finished = volume and choices.median == 1  # the volume that the network filled is the result
    if volume:  # the other axes, and without a choice of the user all, keep the units of their source
        write = partial(write_volume, source=stack.path, pixel_size_nm=choices.pixel_size_nm)
        target = files["probability"] if finished else folder / "single_sections.ome.zarr"
        single = predict_volume(model, stack, target, job)
    else:
        write = partial(write_tiff, shape=shape, pixel_size_nm=size, sections=stack.sections)
        disagreement = temporary(folder / "disagreement", shape, np.float32) if len(model.members) > 1 else None
        sections = section_reader(read, stack, model.card)
        single = _predict_pages(model, stack, sections, folder / "probability", job.settings, disagreement)
    axis = None if classes == 1 else channel_axis(stack.path) if volume else 0
    bands = partial(_median_bands, single, choices.median // 2, stack, axis)
    masks = lambda page: (predicted(band, choices.threshold) for band in bands(page))  # noqa: E731
    if volume and not finished:
        write(files["probability"], map(bands, pages), np.float32, classes=classes)
    elif not finished:
        planes = ((of_class(band, number) for band in bands(page)) for page in pages for number in range(classes))
        write(files["probability"], planes, np.float32, shape=(stack.pages * classes, *stack.shape), channels=classes)
    write(files["mask"], ((mask if several else mask * np.uint8(255) for mask in masks(page)) for page in pages), np.uint8)
    labels, rows, most = temporary(folder / "labels", shape, np.int32), [], 0
    scratch = temporary(folder / "labels_of_class", shape, np.int32) if several else None
    write_table(files["objects"], pd.DataFrame(columns=["page", *(["class"] if several else []), *COLUMNS]))
    stored = lambda page, start, stop: bits_as_grey(stack.read(page, start, stop))  # noqa: E731
    for page in pages:
        count = 0
        for name, table in _objects(partial(masks, page), labels, scratch, page, names, choices, stored, size):
            table.insert(0, "page", page + 1)
            write_table(files["objects"], table, append=True)
            of = {"class": name} if several else {}
            area = int(table["area_px"].sum())
            area_um2 = area * (size[0] / 1000) * (size[1] / 1000) if size else None
            areas = {"area_px": area, "area_fraction": area / (stack.shape[0] * stack.shape[1]), "area_um2": area_um2}
            rows.append({"page": page + 1} | of | {"count": len(table)} | areas)
            count += len(table)
        most = max(most, count)
    if "solids" in files:
        most = max(most, _write_solids(files, labels, stack, size, choices.split))
    kind = np.uint16 if most < 2**16 else np.uint32
    parts = row_bands(stack.shape[0])
    if "disagreement" in files:
        write(files["disagreement"], ((disagreement[page, start:stop] for start, stop in parts) for page in pages), np.float32)
    write(files["labels"], ((labels[page, start:stop] for start, stop in parts) for page in pages), kind)
    _write_overlay(files["overlay"], labels, masks, read, stack)
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


def _predict_pages(model, stack, read, path, settings, disagreement):
    """Predict all pages into a temporary array, ([K,] pages, H, W); the disagreement of several members fills `disagreement`."""
    classes = outputs(model.card)
    single = temporary(path, (*([classes] if classes > 1 else []), stack.pages, *stack.shape), np.float32)
    with tqdm(total=stack.pages * stack.shape[0], desc=stack.path.name, unit="row", leave=False, disable=None) as bar:

        def rows_of(page):
            for start, bands in model.segment_rows_members(lambda start, stop: read(page, start, stop), stack.shape, settings):
                band, spread = mean_and_spread(bands)
                if disagreement is not None:
                    disagreement[page, start : start + len(spread)] = spread
                yield band
                bar.update(len(band))

        for page in range(stack.pages):
            fill(single, page, rows_of(page), classes=0 if classes > 1 else None)
    return single


def _median_bands(single, reach, stack, axis, page):
    """Bands of the median probability over the sections of one time point up to `reach` away."""
    first = page - page % stack.sections
    # At the ends the window is cut, not mirrored: no section counts twice.
    around = range(max(first, page - reach), min(first + stack.sections, page + reach + 1))
    for start, stop in row_bands(stack.shape[0]):
        if reach:
            yield np.median([read_rows(single, near, start, stop, axis) for near in around], axis=0).astype(np.float32)
        else:
            yield read_rows(single, page, start, stop, axis)


def _objects(masks, labels, scratch, page, names, choices, read, size):
    """Number and measure the objects of a page, class after class: yield (name, table) of each foreground class.

    ``masks()`` gives the bands of the page, `scratch` is an array like `labels`, which only several classes need.
    """
    offset = 0
    for number, name in enumerate(names[1:], 1):
        several = len(names) > 2
        of_one = (mask == number for mask in masks()) if several else masks()
        target = scratch if several else labels
        found = label_page(of_one, target, page, choices.split, choices.smallest)
        table = measure_page(found, target, page, read, size)
        if several:
            for start, stop in row_bands(labels.shape[1]):
                rows = scratch[page, start:stop]
                labels[page, start:stop] = np.where(rows > 0, rows + offset, labels[page, start:stop])
            table["label"] += offset
            table.insert(0, "class", name)
            offset += len(found)
        yield name, table


def _write_solids(files, labels, stack, pixel_size_nm, split):
    """Give objects the same number in all sections, also in their table, and write their volumes; return how many there are."""
    profiles = pd.read_csv(files["objects"], dtype={"class": str}, keep_default_na=False)  # a class may be called NA
    profiles["label"] = join_sections(labels, profiles, stack.sections, split)
    write_table(files["objects"], profiles)
    known = pixel_size_nm is not None and stack.depth_nm is not None
    voxel_um3 = float(np.prod([*pixel_size_nm, stack.depth_nm]) * 1e-9) if known else None
    solids = measure_solids(profiles, stack.sections, voxel_um3)
    write_table(files["solids"], solids)
    return len(solids)


def _write_overlay(path, labels, masks, read, stack):
    """Draw the outlines of the middle page's objects on the image, at most `OVERLAY` pixels a side."""
    page, step = stack.pages // 2, -(-max(stack.shape) // OVERLAY)
    mask, image = [], []
    for (start, stop), band in zip(row_bands(stack.shape[0]), masks(page), strict=True):
        chosen = slice(-start % step, None, step), slice(None, None, step)
        mask.append(band[chosen])
        image.append(read(page, start, stop)[chosen])
    mask, image = np.concatenate(mask), np.concatenate(image)
    objects = labels[page, ::step, ::step]
    picture = displayable(np.rint(image * 255).astype(np.uint8)).copy()
    for number in np.unique(mask[mask > 0]):
        outline = find_boundaries(np.where(mask == number, objects, 0))
        picture[outline] = OUTLINE if mask.dtype == bool else getrgb(class_colour(number))
    write_png(path, picture)
