"""Segment an image or a volume, and write mask, probability, labels, measurements and overlay."""

from dataclasses import dataclass

import numpy as np
from skimage.segmentation import find_boundaries
from tqdm import tqdm

from pipeline.images.io import write_png
from pipeline.prediction import checks, volume
from pipeline.prediction.inputs import is_volume
from pipeline.prediction.objects.label import label_rows
from pipeline.prediction.objects.units import COLUMNS, table_row, totals
from pipeline.prediction.record import write_table
from pipeline.prediction.writers import Raw, Tiff, Zarr

BAND = 512  # rows in memory at a time
PIXELS, TABLE, PICTURE = ("mask", "probability", "labels"), "_objects.csv", "_overlay.png"  # what is written of an image
OVERLAY = 4096  # pixels on the longer side of an overlay, at most: more than a screen shows, less than a viewer refuses
OUTLINE = (213, 94, 0)  # vermilion of the Okabe–Ito palette, told apart by everyone


@dataclass(frozen=True)
class Choices:
    """What a user chooses of a segmentation.

    Parameters
    ----------
    threshold : float
        Probability at or above which a pixel is foreground.
    median : int
        Sections, odd, over which the probability's median is taken; 1: each for itself.
    split : bool
        Separate objects that touch.
    smallest : int
        Objects of fewer pixels are left out of labels and tables.
    grey_range : tuple of float, or None
        Grey values that become 0 and 1.
    pixel_size_nm : tuple of float, or None
        Instead of what the file tells.
    """

    threshold: float
    median: int = 1
    split: bool = False
    smallest: int = 1
    grey_range: tuple | None = None
    pixel_size_nm: tuple | None = None


def file_names(path, name):
    """What the files of an image's results are called."""
    return [f"{name}_{kind}{_suffix(path)}" for kind in PIXELS] + [f"{name}{TABLE}", f"{name}{PICTURE}"]


def _suffix(path):
    return ".ome.zarr" if is_volume(path) else ".tif"


def segment(model, stack, name, folder, settings, choices, cluster, tell):
    """Segment all pages of an image or a volume.

    Parameters
    ----------
    model : pipeline.inference.model.TrainedModel
    stack : pipeline.prediction.stack.Stack
    name : str
        Of the image; the files are named after it.
    folder : pathlib.Path
        For the files; a volume that was interrupted there goes on.
    settings : pipeline.params.Inference
    choices : Choices
    cluster : pipeline.prediction.volume.Cluster
        Who computes the blocks of a volume.
    tell : callable
        Takes a file and a line about it.

    Returns
    -------
    files : list of pathlib.Path
    rows : list of dict
        One a page: image, page, objects and their area.
    """
    read = checks.prepared(stack, model.card, choices.grey_range)
    size = choices.pixel_size_nm or stack.pixel_size_nm
    for doubt in [*stack.doubts, *checks.doubts(model.card, read(0, 0, min(stack.shape[0], 4 * BAND)), size)]:
        tell(stack.path, f"{stack.path}: {doubt}")
    large, suffix = is_volume(stack.path), _suffix(stack.path)
    writer = (lambda *what: Zarr(*what, size, stack.path)) if large else (lambda *what: Tiff(*what, size))
    files = {kind: folder / f"{name}_{kind}{suffix}" for kind in PIXELS}
    form = stack.pages, stack.shape
    as_predicted = large and choices.median == 1  # the volume of probabilities is the result: no need to write it twice
    if large:
        target = files["probability"] if as_predicted else folder / "single_sections.ome.zarr"
        raw = volume.probabilities(model, stack, target, size, settings, choices.grey_range, cluster)
    else:
        raw = _probabilities(model, stack, read, folder, settings)
    planes = Planes(raw, stack.pages, stack.shape, choices)
    if not as_predicted:
        writer(files["probability"], *form, np.float32).write(planes.bands(page) for page in range(stack.pages))
    writer(files["mask"], *form, np.uint8).write(planes.masks(page) for page in range(stack.pages))
    labels, rows = Raw(folder / "labels.raw", stack.shape, np.int32), []
    as_stored = checks.prepared(stack, model.card, None)  # measured are the file's own grey values

    def objects(append):
        for page in range(stack.pages):
            count = area = 0
            for measured in _label(planes, as_stored, page, append, choices):
                count, area = count + 1, area + measured.area
                yield {"page": page + 1} | table_row(measured, size)
            rows.append({"image": name, "page": page + 1} | totals(count, area, stack.shape, size))

    files["objects"] = folder / f"{name}{TABLE}"
    with labels.filled() as append:
        write_table(files["objects"], objects(append), ["page", *COLUMNS])
    kind = np.uint16 if max((row["count"] for row in rows), default=0) < 2**16 else np.uint32
    writer(files["labels"], *form, kind).write(_bands(labels.read, page, stack.shape[0]) for page in range(stack.pages))
    overlay = folder / f"{name}{PICTURE}"
    _overlay(overlay, planes, read, stack)
    for temporary in folder.glob("*.raw"):
        temporary.unlink()
    return [*files.values(), overlay], rows


class Planes:
    """The final probabilities of all pages, read by bands.

    Parameters
    ----------
    raw : object
        ``raw.read(page, start, stop)`` → probabilities as the network gave them.
    pages : int
    shape : tuple of int
    choices : Choices
    """

    def __init__(self, raw, pages, shape, choices):
        self.raw, self.pages, self.shape = raw, pages, shape
        self.reach, self.threshold = choices.median // 2, choices.threshold

    def read(self, page, start, stop):
        if not self.reach:
            return self.raw.read(page, start, stop)
        # At the ends the window is cut, not mirrored: no section counts twice.
        around = range(max(0, page - self.reach), min(self.pages, page + self.reach + 1))
        return np.median([self.raw.read(p, start, stop) for p in around], axis=0).astype(np.float32)

    def bands(self, page):
        return _bands(self.read, page, self.shape[0])

    def masks(self, page):
        return ((band >= self.threshold) * np.uint8(255) for band in self.bands(page))


def _probabilities(model, stack, read, folder, settings):
    """Predict all pages of an image into one file of plain numbers."""
    raw = Raw(folder / "probability.raw", stack.shape, np.float32)
    bar = tqdm(total=stack.pages * stack.shape[0], desc=stack.path.name, unit="row", leave=False, disable=None)
    with bar, raw.filled() as append:
        for page in range(stack.pages):
            if model.card["resize"] is None:
                rows = model.segment_rows(lambda start, stop, page=page: read(page, start, stop), stack.shape, settings)
                for _, band in rows:
                    append(band)
                    bar.update(len(band))
            else:
                append(model.segment(read(page, 0, stack.shape[0]), settings))
                bar.update(stack.shape[0])
    return raw


def _label(planes, read, page, append, choices):
    """Number the objects of a page, append its labels to a file, and yield the measurements."""
    bands = (
        (planes.read(page, start, stop) >= choices.threshold, read(page, start, stop)) for start, stop in _cuts(planes.shape[0])
    )
    for labels, found in label_rows(bands, choices.split, choices.smallest):
        append(labels)
        yield from found


def _overlay(path, planes, read, stack):
    """Draw the outlines of the middle page's foreground on the image, made small enough to look at."""
    page, step = stack.pages // 2, -(-max(stack.shape) // OVERLAY)
    masks, images = [], []
    for start, stop in _cuts(stack.shape[0], BAND * step):
        masks.append((planes.read(page, start, stop) >= planes.threshold)[::step, ::step])
        images.append(read(page, start, stop)[::step, ::step])
    mask, image = np.concatenate(masks), np.concatenate(images)
    if image.dtype != np.uint8:
        low, high = np.percentile(image, (0.1, 99.9))
        image = (np.clip((image - low) / max(high - low, 1), 0, 1) * 255).astype(np.uint8)
    picture = np.broadcast_to(image, (*mask.shape, 3)).copy()
    picture[find_boundaries(mask)] = OUTLINE
    write_png(path, picture)


def _cuts(rows, height=BAND):
    return ((start, min(start + height, rows)) for start in range(0, rows, height))


def _bands(read, page, rows):
    return (read(page, start, stop) for start, stop in _cuts(rows))
