"""Look at a user's folder of images: what the rules of `pipeline.planning.rules` need to know of it."""

from collections import Counter, defaultdict
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from tqdm import tqdm

from pipeline.datasets.sources.folder import described_format, unlike_its_image, unlike_most
from pipeline.datasets.sources.folder_files import LAYOUT, PARTS, find_labelled, find_pairs, find_parts, refuse
from pipeline.datasets.sources.folder_groups import find_groups
from pipeline.datasets.sources.listing import entries
from pipeline.errors import UserError
from pipeline.images.intensity import robust_range, sample
from pipeline.images.io import bits_as_grey
from pipeline.images.stack import opened
from pipeline.parallel import on_all_cores
from pipeline.patches.fingerprints import FINGERPRINT, describe
from pipeline.planning.likeness import Likeness, compare
from pipeline.planning.masks import Masks, look_at_masks

MOST, RUN = 1000, 20  # files that are looked at, in runs of neighbours: a minute on two cores
PARALLEL = 50  # files from which several processes are faster, although they take a second to start


@dataclass(frozen=True)
class Seen:
    """What a folder holds."""

    root: Path
    task: str
    images: dict  # their number by the split that the folders state, "" if none
    files: int
    cut: int  # files from which training and what the folders do not state are cut: of classes, of the smallest one
    looked_at: int
    pages: int  # the most that a file has
    shape: tuple  # rows and columns, median of the images
    one_shape: bool
    channels: int
    colour: bool
    kind: str  # such as "RGB of uint8"
    pixel_sizes: tuple  # in nm, or None: what the files state, each once
    narrow: float  # median share of the common range of intensities that one image spans
    masks: Masks | None  # None for classification
    classes: dict  # images of each class, empty for segmentation
    grouped: int  # number of groups that ``groups.csv`` states among the files that are cut, 0 without one
    likeness: Likeness


def look(root):
    """Look at the images and masks in the folder `root`: `Seen`. Raises a `UserError` with all that is wrong with its files."""
    root, problems = Path(root), []
    task = _task(root)
    parts = find_parts(root, (task,), "FOLDER", problems)
    segmentation = task == "segmentation"
    files = list(find_pairs(root, parts, "FOLDER", problems) if segmentation else find_labelled(root, parts, problems))
    groups, _ = find_groups(files, root, parts, None, "FOLDER", problems)
    if not files:
        refuse(problems)
    places = in_runs(len(files))
    some = [files[place] for place in places]
    with on_all_cores(worthwhile=len(some) > PARALLEL) as map_in_order:
        looks = list(tqdm(map_in_order(_look, [file.path for file in some]), "images", len(some), unit="file", disable=None))
        formats, masks = defaultdict(list), None
        for file, look in zip(some, looks, strict=True):
            if isinstance(look, str):
                problems.append(look)
            else:
                formats[look.format].append(file.path)
        problems += unlike_most(formats)
        try:
            masks = look_at_masks([file.mask for file in some], root.name, map_in_order) if segmentation else None
        except UserError as error:
            problems += str(error).splitlines()
    refuse(problems)
    if segmentation:
        fits = (
            unlike_its_image(file, look.pages, look.shape, shapes)
            for file, look, shapes in zip(some, looks, masks.shapes, strict=True)
        )
        refuse([problem for problem in fits if problem])
    ((channels, colour, kind),) = formats
    fingerprints = np.array([look.fingerprint for look in looks], FINGERPRINT)
    shapes, pool = {look.shape for look in looks}, [file for file in files if file.split in ("", "train")]
    return Seen(
        root=root,
        task=task,
        images=_pages(files, some, looks, "split"),
        files=len(files),
        cut=min(Counter(file.label for file in pool).values(), default=0),
        looked_at=len(some),
        pages=max(look.pages for look in looks),
        shape=tuple(int(side) for side in np.median([look.shape for look in looks], axis=0)),
        one_shape=len(shapes) == 1,
        channels=channels,
        colour=colour,
        kind=described_format((channels, colour, kind)),
        pixel_sizes=tuple(dict.fromkeys(look.pixel_size_nm for look in looks)),
        narrow=_narrow(looks),
        masks=masks,
        classes={} if segmentation else _pages(files, some, looks, "label"),
        grouped=len({groups[file.path] for file in pool if file.path in groups}),
        likeness=compare(some, places, fingerprints, [groups.get(file.path, "") for file in some], masks),
    )


def _pages(files, some, looks, key):
    """Number of pages of the files that share a `key`, by its value; `some` were looked at, and tell how many the others have."""
    counted, known = Counter(getattr(file, key) for file in files), defaultdict(list)
    for file, look in zip(some, looks, strict=True):
        known[getattr(file, key)].append(look.pages)
    mean = np.mean([look.pages for look in looks])
    return {value: round(count * (np.mean(known[value]) if known[value] else mean)) for value, count in counted.items()}


def in_runs(count, most=MOST, run=RUN):
    """Positions of at most `most` of `count` files, in runs of neighbours that are evenly spaced.

    >>> in_runs(10, most=4, run=2)
    [0, 1, 8, 9]
    """
    if count <= most:
        return list(range(count))
    starts = np.linspace(0, count - run, most // run).round().astype(int)
    return sorted({int(start) + step for start in starts for step in range(run)})


def _task(root):
    """A folder with images or masks, by one of their names, is for segmentation; any other has a folder for each class."""
    if not root.is_dir():
        raise UserError(f"{root}: no such folder")
    parts = find_parts(root, LAYOUT, "FOLDER", [])
    names = {path.name.casefold() for part in parts.values() for path in entries(part) if path.is_dir()}
    return "segmentation" if names & {*PARTS["images"], *PARTS["masks"]} else "classification"


@dataclass(frozen=True)
class _Look:
    """One image file."""

    pages: int
    shape: tuple
    format: tuple
    pixel_size_nm: tuple | None
    range: tuple
    fingerprint: tuple


def _look(path):
    """Look at one file, in a process of its own: a `_Look`, or what is wrong with it as text."""
    try:
        with opened(path) as stack:
            page = bits_as_grey(stack.read(stack.pages // 2, 0, stack.shape[0]))
            size = stack.pixel_size_nm and (*filter(None, [stack.depth_nm]), *stack.pixel_size_nm)
            size = size and tuple(float(f"{length:.6g}") for length in size)  # 200 nm, not 200.00000000000003
        low, high = np.transpose(robust_range([sample(page)], stack.colour))
        form = stack.channels, stack.colour, page.dtype.name
        return _Look(stack.pages, tuple(stack.shape), form, size, (low.min(), high.max()), describe(page))
    except UserError as error:
        return str(error)


def _narrow(looks):
    low, high = np.transpose([look.range for look in looks])
    return float(np.median(high - low) / max(high.max() - low.min(), 1e-9))
