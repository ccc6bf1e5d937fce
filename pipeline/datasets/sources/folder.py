"""The user's own images, in the layout that they are usually kept in.

::

    segmentation                        classification
        images/a.png   masks/a.png          <class>/*.png
    or, for train, val and test,        or, for train, val and test,
        train/images/  train/masks/         train/<class>/*.png

PNG, JPEG or TIFF, 8 or 16 bit, grey or RGB, with or without alpha; each page of a TIFF is an image of its own. Everything
that does not fit is reported at once, file by file, and then nothing is made.
"""

import re
import sys
from collections import Counter, defaultdict
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image
from tqdm import tqdm

from pipeline.datasets.layout import DatasetInfo
from pipeline.datasets.sources.findings import Findings
from pipeline.datasets.sources.listing import entries
from pipeline.errors import UserError
from pipeline.images.io import SUFFIXES, TIFF, read_pages, to_mask
from pipeline.patches.split import ROLES

FOREGROUND = {"mitochondria": "mitochondria", "polyps": "polyp"}  # what the masks of a segmentation dataset show
ORIENTATION = 0x0112  # EXIF tag; 1 is upright


@dataclass(frozen=True)
class Item:
    """One image file and what its place in the folder says about it."""

    path: Path
    split: str
    label: str = ""
    mask: Path | None = None


def make(writer, dataset, path, settings):
    """Add the user's images in natural order, with the split of their folders, if any.

    Parameters
    ----------
    writer : pipeline.datasets.layout.DatasetWriter
    dataset : {"mitochondria", "polyps", "tissue"}
    path : path-like
    settings : pipeline.params.ReadImages or pipeline.params.ReadMasks

    Returns
    -------
    pipeline.datasets.layout.DatasetInfo

    Raises
    ------
    UserError
        One line per finding: a missing partner, another size, an empty or damaged file, unexpected mask values,
        a class without images, a name that `group` does not match, grey among RGB images.
    """
    findings = Findings()
    root = Path(path)
    segmentation = dataset in FOREGROUND
    parts = _parts(root, segmentation, findings)
    items = _pairs(parts, findings) if segmentation else _classes(root, parts, findings)
    kinds, foreground = _add_all(writer, items, settings, findings)
    _same_kind(kinds, findings)
    if segmentation and kinds and not foreground and not findings:  # else it may lie in masks that were refused
        findings.add(f"{root}: expected foreground in some mask, received none; mend the masks, mask_threshold or mask_labels")
    findings.report()
    _warn_of_shared_groups(items, settings.group)
    labels = dict.fromkeys(item.label for item in items)
    return DatasetInfo(
        name=dataset,
        source="folder",
        task="segmentation" if segmentation else "classification",
        classes=("background", FOREGROUND[dataset]) if segmentation else tuple(labels),
        channels=next(iter(kinds))[0],
        pixel_size_nm=settings.pixel_size_nm,
    )


def _parts(root, segmentation, findings):
    """Return the folder of each split, or the root itself under an empty name."""
    wanted = "images/ and masks/ with files of the same stem" if segmentation else "one folder of images per class"
    wanted += ", perhaps under train/, val/ and test/"
    if not root.is_dir():
        raise UserError(f"{root}: expected a folder with {wanted}, received no folder")
    names = [path.name for path in entries(root) if path.is_dir()]
    if not names:
        loose = len(entries(root))
        raise UserError(f"{root}: expected {wanted}, received {f'{loose} files' if loose else 'an empty folder'}")
    if not set(names) & set(ROLES):
        if segmentation and not {"images", "masks"} <= set(names):
            raise UserError(f"{root}: expected {wanted}, received {', '.join(names)}")
        return {"": root}
    for name in names:
        if name not in ROLES:
            findings.add(f"{root / name}: expected only train/, val/ and test/ beside each other")
    if "train" not in names:
        findings.add(f"{root}: expected train/ beside {', '.join(names)}")
    return {role: root / role for role in ROLES if role in names}


def _pairs(parts, findings):
    """Match images and masks by stem."""
    items = []
    for split, part in parts.items():
        images, masks = (_by_stem(part / name, findings) for name in ("images", "masks"))
        if not images:
            findings.add(f"{part / 'images'}: expected images, received none")
        for stem, path in images.items():
            if stem in masks:
                items.append(Item(path, split, mask=masks[stem]))
            else:
                findings.add(f"{path}: expected a mask {part / 'masks' / stem}.*, received none")
        for stem, path in masks.items():
            if stem not in images:
                findings.add(f"{path}: expected an image {part / 'images' / stem}.*, received none")
    return items


def _classes(root, parts, findings):
    """Take each folder's name for the class of its images."""
    images = defaultdict(list)
    for split, part in parts.items():
        for path in entries(part):
            if path.is_dir():
                images[path.name, split] = list(_by_stem(path, findings).values())
            elif path.suffix.lower() in SUFFIXES:
                findings.add(f"{path}: expected images inside the folder of their class")
    labels = list(dict.fromkeys(label for label, _ in images))
    if len(labels) < 2:
        findings.add(f"{root}: expected at least two classes, received {', '.join(labels) or 'none'}")
    for label in labels:
        for split, part in parts.items():
            if not images[label, split]:
                findings.add(f"{part / label}: expected at least one image of this class, received none")
    return [Item(path, split, label) for split in parts for label in labels for path in images[label, split]]


def _by_stem(folder, findings):
    """List the images of a folder in natural order, by stem."""
    if not folder.is_dir():
        findings.add(f"{folder}: expected a folder, received none")
        return {}
    found = {}
    for path in entries(folder):
        if path.suffix.lower() not in SUFFIXES or not path.is_file():
            findings.add(f"{path}: expected a file that ends in {', '.join(SUFFIXES)}")
        elif path.stem in found:
            findings.add(f"{path}: expected one file of each stem, received {found[path.stem].name} too")
        else:
            found[path.stem] = path
    return found


def _add_all(writer, items, settings, findings):
    """Add every item that is sound; return the paths of each kind of image (channels, bits), and if any mask has foreground."""
    kinds, foreground = defaultdict(list), False
    for item in tqdm(items, desc="images", unit="file", disable=None, leave=False):
        with findings.collecting():
            pages = [page.astype(np.uint8) * 255 if page.dtype == bool else page for page in read_pages(item.path)]
            for kind in {(page.shape[-1], 8 * page.dtype.itemsize) for page in pages}:
                kinds[kind].append(item.path)
            masks = _masks(item, pages, settings) if item.mask else [None] * len(pages)
            foreground = foreground or any(mask is not None and mask.any() for mask in masks)
            _add(writer, item, pages, masks, _group(item, settings.group))
    return kinds, foreground


def _masks(item, pages, settings):
    masks = read_pages(item.mask)
    if len(masks) != len(pages):
        raise UserError(f"{item.mask}: expected {len(pages)} pages as in {item.path}, received {len(masks)}")
    for page, mask in zip(pages, masks, strict=True):
        if page.shape[:2] != mask.shape[:2]:
            sizes = [" × ".join(map(str, array.shape[:2])) for array in (page, mask)]
            raise UserError(f"{item.mask}: expected {sizes[0]} pixels (rows × columns) as in {item.path}, received {sizes[1]}")
    return [to_mask(mask, item.mask, settings.mask_threshold, settings.mask_labels) for mask in masks]


def _add(writer, item, pages, masks, group):
    name = "_".join(part for part in (item.split, item.label, item.path.stem) if part)
    if len(pages) == 1:
        image = item.path if _is_standard(item.path) else pages[0]
        writer.add(name, image, masks[0], item.label, group, item.split)
        return
    for number, (page, mask) in enumerate(zip(pages, masks, strict=True)):
        writer.add(f"{name}_{number:03d}", page, mask, item.label, group or name, item.split)


def _is_standard(path):
    """Whether a file can be copied byte for byte: an upright 8-bit grey or RGB PNG or JPEG."""
    if path.suffix.lower() in TIFF:
        return False
    with Image.open(path) as image:
        upright = image.getexif().get(ORIENTATION, 1) == 1
        return image.format in ("PNG", "JPEG") and image.mode in ("L", "RGB") and upright


def _group(item, pattern):
    """Name the independent unit, apart for each split and class: folders number their units independently."""
    if pattern is None:
        return None
    return "/".join(part for part in (item.split, item.label, _unit(item, pattern)) if part)


def _unit(item, pattern):
    match = re.search(pattern, item.path.stem)
    if not match or not match[1]:
        raise UserError(f"{item.path}: expected a name that group {pattern!r} matches, received {item.path.stem!r}")
    return match[1]


def _warn_of_shared_groups(items, pattern):
    if pattern is None or not items[0].split:
        return
    units = {(item.split, item.label, _unit(item, pattern)) for item in items}
    splits = Counter((label, unit) for _, label, unit in units)
    shared = sum(count > 1 for count in splits.values())
    if shared:
        print(
            f"note: {shared} names found by group stand in more than one of train/, val/ and test/; "
            "if they mean the same unit there, the split of the folders leaks",
            file=sys.stderr,
        )


def _same_kind(kinds, findings):
    """Find the images whose channels or depth differ from the most frequent ones."""
    if len(kinds) < 2:
        return
    usual = max(kinds, key=lambda kind: len(kinds[kind]))
    for kind, paths in kinds.items():
        for path in paths if kind != usual else ():
            findings.add(f"{path}: expected {_words(usual)} as most of the images, received {_words(kind)}")


def _words(kind):
    channels, bits = kind
    return f"{'grey' if channels == 1 else 'RGB'} of {bits} bit"
