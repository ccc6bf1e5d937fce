"""What the values of masks mean, guessed from the masks themselves, and what they then show."""

from collections import Counter
from types import SimpleNamespace
from typing import NamedTuple

import numpy as np
import tifffile
from PIL import Image
from scipy import ndimage
from tqdm import tqdm

from pipeline.errors import UserError
from pipeline.images.io import IGNORED, PILLOW, is_tiff, is_volume
from pipeline.images.masks import MaskRule, are_two_classes, is_jpeg, mask_values
from pipeline.patches.units import shares
from pipeline.scoring.objects import label

NEAR = 1 / 16  # of the greatest value: what a lossy file makes of black and white
MOSTLY = 0.95  # of the pixels are near black or white in a mask of two classes
FEW = 32  # values at most, if they are classes
COUNTED = 200  # values of a file whose pieces are counted
OBJECTS = 8  # more values than this, each in one piece, are hardly classes
SINGLE = 0.9  # share of the values of a label image that are in one piece
FILLED = 0.5  # share of the numbers up to the greatest that a label image uses; a crop of one uses fewer, but goes beyond `BYTE`
BYTE = 255
GREY = 16  # the greatest value is at least this if there is noise
SMALLEST = 3  # pixels; objects that span less are specks


def look_at_masks(paths, name, map_in_order):
    """Decide how to read the mask files at `paths`, read them so, and measure them. `name` is that of the foreground."""
    progress = dict(total=len(paths), unit="file", disable=None)
    found = list(tqdm(map_in_order(_values, paths), "values of masks", **progress))
    broken = [values for values in found if isinstance(values, str)]
    if broken:
        raise UserError("\n".join(broken))
    settings, classes = meaning(found, name)
    values = {key: value for key, (value, _) in settings.items()}
    rule = MaskRule(
        threshold=values.get("mask_threshold"),
        labels=tuple(values.get("mask_labels", ())),
        classes=tuple((value,) for value, _ in classes.values()),
        instances="instances" in values,
        ignore=tuple(values.get("ignore", ())),
    )
    files = list(tqdm(map_in_order(_pages, paths, [rule] * len(paths)), "objects of masks", **progress))
    seen = [page for pages in files for page in pages]
    with_objects = [page for page in seen if len(page.extents)]
    extents = np.concatenate([page.extents for page in seen])
    of_class = [np.percentile(extents[extents[:, 0] == one, 1], (50, 90)).tolist() for one in np.unique(extents[:, 0])]
    pixels = sum(page.counts for page in seen)
    share = {number: float(pixels[number] / pixels[:IGNORED].sum()) for number in range(1, max(2, len(classes)))}
    kept, either = sum(page.halved for page in seen)[:, list(share)]
    foreground = [1 - page.counts[0] / page.counts[:IGNORED].sum() for page in seen if page.counts[:IGNORED].any()]
    return SimpleNamespace(
        settings=settings,
        classes=classes,
        share=share,  # of the pixels, by class number, without the background
        empty=sum(part == 0 for part in foreground),
        full=sum(part == 1 for part in foreground),
        # Longer side of an object in pixels, in the class of the largest: median and 90th percentile.
        extent=tuple(max(of_class, key=lambda both: both[1])) if of_class else None,
        # Median over the images of the longer side of the largest object, in parts of the image's shorter side.
        largest=_median([page.extents[:, 1].max() / min(page.shape) for page in with_objects]),
        # Dice of a mask reduced to half its sides and enlarged again: the least of the classes.
        halved=float(np.min(2 * kept[either > 0] / either[either > 0], initial=1.0)),
        objects=_median([len(page.extents) for page in with_objects]),  # in an image that has any
        content=np.array([pages[-1].content for pages in files]),  # (N, 64): of the last page of each file
        shapes=[[page.shape for page in pages] for pages in files],  # rows and columns of each page of each file
    )


def _median(numbers):
    return float(np.median(numbers)) if numbers else 0.0


def meaning(files, name):
    """Guess what the values of mask files mean (see `_values`). `name` is that of the foreground.

    Returns keys of ``datasets.<name>.folder`` with a value and a reason each; and the name of each class, the background first,
    with its value and a reason, empty for background and foreground.
    """
    union, total = Counter(), Counter()
    for file in files:
        union.update(file.found.tolist())
        total.update(dict(zip(file.found.tolist(), file.counts.tolist(), strict=True)))
    plain = not any(file.palette for file in files)
    if plain and all(are_two_classes(file.found, file.jpeg) for file in files):
        return {}, {}
    greatest, pixels = max(union), sum(total.values())
    if 0 in union and _numbered(files, greatest):
        reason = "each value marks one object in one piece, and images have different numbers of objects"
        return {"instances": (True, f"{reason}; if they are classes, write classes instead")}, {}
    ends = sum(count for value, count in total.items() if min(abs(value), abs(greatest - value)) <= NEAR * greatest) / pixels
    usual = [value for value, times in union.items() if 0 < value < greatest and 2 * times > len(files)]
    noisy = len(union) > 2 and ends >= MOSTLY and greatest >= GREY and (len(union) > FEW or not usual)
    if noisy or any(file.jpeg for file in files):
        reason = f"the masks hold {len(union)} grey levels, and {100 * ends:.3g} % of their pixels are near 0 or {greatest}"
        return {"mask_threshold": (greatest // 2, reason)}, {}
    if len(union) <= FEW:
        return _classes(sorted(union), total, pixels, name)
    return {"mask_threshold": (greatest // 2, f"{len(union)} grey levels, half of the greatest: check whether this is right")}, {}


def _numbered(files, greatest):
    """Whether values above 0 number objects: each in one piece, without gaps, and a different count in each file."""
    pieces, numbers = np.concatenate([file.pieces for file in files]), [np.count_nonzero(file.found > 0) for file in files]
    filled = np.median([number / max(file.found.max(), 1) for number, file in zip(numbers, files, strict=True)])
    compact = len(pieces) and (pieces == 1).mean() >= SINGLE and (filled >= FILLED or greatest > BYTE)
    return bool(compact and max(numbers) > 1 and (len(set(numbers)) > 1 or max(numbers) > OBJECTS))


def _classes(values, total, pixels, name):
    if len(values) == 1:
        return {}, {}  # reading them says that this is no background and foreground
    settings = {}
    rest = values[:-1]
    if len(values) > 3 and values[-1] == IGNORED and rest == list(range(len(rest))):
        settings["ignore"] = ([IGNORED], "255 beside small numbers commonly marks pixels to leave out; else make it a class")
        values = rest
    if len(values) == 2 and values[0] == 0:
        return settings | {"mask_labels": ([values[1]], f"masks hold 0 and {values[1]}")}, {}
    common = max(values, key=total.get)
    background = 0 if 0 in values and 2 * total[common] <= pixels else common
    named = {"background": background}
    named |= {name if len(values) == 2 else f"value_{value}": value for value in values if value != background}
    return settings, {key: (value, f"{100 * total[value] / pixels:.3g} % of the pixels") for key, value in named.items()}


def _values(path):
    """Look at the values of one file, in a process of its own; return what is wrong with it as text.

    Else return which values there are, how many pixels of each, and in how many pieces the first ones but 0 are.
    """
    try:
        pages, palette = mask_values(path, exact=False), _has_palette(path)
        palette = palette and not all(are_two_classes(np.unique(page), jpeg=False) for page in pages)
        if palette:  # of colours; black and white say what they are, whatever their numbers
            pages = mask_values(path, indexed=True)
    except UserError as error:
        return str(error)
    found, counts = np.unique(np.concatenate([page.ravel() for page in pages]), return_counts=True)
    pieces = _pieces(pages[len(pages) // 2]) if found[0] >= 0 else np.zeros(0)
    return SimpleNamespace(found=found, counts=counts, pieces=pieces, palette=palette, jpeg=is_jpeg(path))


def _has_palette(path):
    if is_volume(path):
        return False
    if is_tiff(path):
        with tifffile.TiffFile(path) as file:
            return file.pages.first.photometric.name == "PALETTE"
    with Image.open(path, formats=PILLOW) as image:
        return image.mode == "P"


def _pieces(page):
    """Number of pieces of each of the first values above 0."""
    numbers = _numbered_anew(page)
    boxes = ndimage.find_objects(numbers, max_label=COUNTED)
    return np.array([label(numbers[box] == number).max() for number, box in enumerate(boxes, 1) if box is not None])


def _numbered_anew(labels):
    """Number values above 0 from 1 on, without gaps: `scipy.ndimage.find_objects` takes memory for every number."""
    found, numbers = np.unique(labels, return_inverse=True)
    return numbers.reshape(labels.shape) + (found[0] > 0)


class _Page(NamedTuple):
    """What one page of a mask shows."""

    counts: np.ndarray  # (256,): pixels of each class
    extents: np.ndarray  # (n, 2): class and longer side of each object
    shape: tuple  # rows and columns
    content: np.ndarray  # (64,): see `shares`
    halved: np.ndarray  # (2, 255): see `_halved`, of each class


def _pages(path, rule):
    """Look at one file, in a process of its own: a `_Page` for each of its pages."""
    pages = []
    for mask in rule.read(path):
        classes, extents, halved = mask.classes.astype(np.uint8), [], np.zeros((2, IGNORED), np.int64)
        counts = np.bincount(classes.ravel(), minlength=IGNORED + 1)
        if mask.instances is not None:
            labelled = {1: _numbered_anew(mask.instances)}
        else:
            labelled = {number: label(classes == number) for number in np.flatnonzero(counts) if 0 < number < IGNORED}
        for number, labels in labelled.items():
            sides = [max(side.stop - side.start for side in box) for box in ndimage.find_objects(labels) if box]
            extents += [(number, side) for side in sides if side >= SMALLEST]
            halved[:, number] = _halved(classes == number)
        foreground = (classes > 0) & (classes < IGNORED)
        pages.append(_Page(counts, np.array(extents).reshape(-1, 2), classes.shape, shares(foreground), halved))
    return pages


def _halved(mask):
    """Reduce a mask (H, W) to half its sides, and enlarge it again; count the pixels that it keeps, and those of both masks.

    `pipeline.images.resize.resize_mask` does the same, with a 64-bit number for each pixel: masks of slides may be too large.

    >>> _halved(np.array([[1, 1, 0, 0], [1, 0, 0, 1]], bool))
    (3, 8)
    """
    rows, columns = (side // 2 for side in mask.shape)
    even = mask[: 2 * rows, : 2 * columns]
    again = (even.reshape(rows, 2, columns, 2).sum(axis=(1, 3)) >= 2).repeat(2, axis=0).repeat(2, axis=1)
    return int((even & again).sum()), int(even.sum() + again.sum())
