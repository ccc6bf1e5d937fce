"""The user's own images, in the layout that they are usually kept in.

::

    segmentation                        classification
        images/a.png   masks/a.png          <class>/*.png
    or, for train, val and test,        or, for train, val and test,
        train/images/  train/masks/         train/<class>/*.png

PNG, JPEG or TIFF, 8 or 16 bit, grey or RGB, with or without alpha; each page of a TIFF becomes an image of its own. Every
problem with every file is reported at once, and then nothing is made.
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
from pipeline.datasets.sources.listing import entries
from pipeline.errors import UserError
from pipeline.images.io import SUFFIXES, TIFF, read_pages, to_mask

SPLITS = ("train", "val", "test")
SHOWN = 30  # problems; about as many lines as a terminal shows
ORIENTATION = 0x0112  # EXIF tag; 1 is upright
LAYOUT = {
    "segmentation": "images/ and masks/ with files of the same stem, optionally under train/, val/ and test/",
    "classification": "one folder of images per class, optionally under train/, val/ and test/",
}


@dataclass(frozen=True)
class ImageFile:
    """One image file and what its place in the folder says about it."""

    path: Path
    split: str
    label: str = ""
    mask: Path | None = None


def make(writer, name, dataset, seed):
    """Add the user's images in natural order, with the split of their folders, if any."""
    root, key, problems = Path(dataset.path), f"datasets.{name}", []
    segmentation = dataset.task == "segmentation"
    parts = _parts(root, dataset.task, key, problems)
    files = list(_pairs(parts, problems) if segmentation else _labelled(root, parts, problems))
    formats, foreground = _add_all(writer, files, dataset.folder, key, problems)
    if segmentation and formats and not foreground and not problems:  # else foreground may lie in the masks that were refused
        problems.append(f"{root}: no mask has any foreground; correct the masks, {key}.folder.mask_threshold or .mask_labels")
    labels = list(dict.fromkeys(file.label for file in files))
    if not segmentation and dataset.classes is not None and not problems and set(dataset.classes) != set(labels):
        problems.append(f"{key}.classes: expected the folders' names {', '.join(labels)}, received {', '.join(dataset.classes)}")
    if problems:
        more = [f"... and {len(problems) - SHOWN} more of {len(problems)}"] if len(problems) > SHOWN else []
        raise UserError("\n".join(problems[:SHOWN] + more))
    if dataset.folder.group:
        _warn_of_shared_groups(files, dataset.folder.group)
    classes = ("background", name) if segmentation else tuple(dataset.classes or labels)
    channels = next(iter(formats))[0]
    return DatasetInfo(name, dataset.source, dataset.task, classes, channels, dataset.folder.pixel_size_nm)


def _parts(root, task, key, problems):
    """Return the folder of each split, or the root itself under an empty name."""
    wanted = f"{key}.path must name a folder with {LAYOUT[task]}"
    if not root.is_dir():
        raise UserError(f"{root}: no such folder; {wanted}")
    names = [path.name for path in entries(root) if path.is_dir()]
    if not names:
        loose = len(entries(root))
        raise UserError(f"{root}: {f'{loose} files but no folders' if loose else 'empty folder'}; {wanted}")
    if not set(names) & set(SPLITS):
        if task == "segmentation" and not {"images", "masks"} <= set(names):
            raise UserError(f"{root}: found only {', '.join(names)}; {wanted}")
        return {"": root}
    problems += [f"{root / name}: only train/, val/ and test/ may stand here" for name in names if name not in SPLITS]
    if "train" not in names:
        problems.append(f"{root}: train/ is missing beside {', '.join(names)}")
    return {split: root / split for split in SPLITS if split in names}


def _pairs(parts, problems):
    """Match images and masks by stem."""
    for split, part in parts.items():
        images, masks = (_by_stem(part / name, problems) for name in ("images", "masks"))
        if not images:
            problems.append(f"{part / 'images'}: no images")
        for stem in dict.fromkeys([*images, *masks]):
            if stem not in masks:
                problems.append(f"{images[stem]}: no mask {part / 'masks' / stem}.*")
            elif stem not in images:
                problems.append(f"{masks[stem]}: no image {part / 'images' / stem}.*")
            else:
                yield ImageFile(images[stem], split, mask=masks[stem])


def _labelled(root, parts, problems):
    """Take each folder's name for the class of its images."""
    images = defaultdict(list)
    for split, part in parts.items():
        for path in entries(part):
            if path.is_dir():
                images[path.name, split] = list(_by_stem(path, problems).values())
            elif path.suffix.lower() in SUFFIXES:
                problems.append(f"{path}: move it into the folder of its class")
    labels = list(dict.fromkeys(label for label, _ in images))
    if len(labels) < 2:
        problems.append(f"{root}: expected at least two classes, received {', '.join(labels) or 'none'}")
    for split, part in parts.items():
        for label in labels:
            if not images[label, split]:
                problems.append(f"{part / label}: no images of this class")
            yield from (ImageFile(path, split, label) for path in images[label, split])


def _by_stem(folder, problems):
    """List the images of a folder in natural order, by stem."""
    if not folder.is_dir():
        problems.append(f"{folder}: no such folder")
        return {}
    found = {}
    for path in entries(folder):
        if path.suffix.lower() not in SUFFIXES or not path.is_file():
            problems.append(f"{path}: not a file that ends in {', '.join(SUFFIXES)}")
        elif path.stem in found:
            problems.append(f"{path}: {found[path.stem].name} has the same stem; remove one of them")
        else:
            found[path.stem] = path
    return found


def _add_all(writer, files, settings, key, problems):
    """Add every sound file; return the paths of each format (channels, bits), and whether any mask has foreground."""
    formats, foreground = defaultdict(list), False
    for file in tqdm(files, desc="images", unit="file", disable=None, leave=False):
        try:
            pages = [page.astype(np.uint8) * 255 if page.dtype == bool else page for page in read_pages(file.path)]
            for page_format in {(page.shape[-1], 8 * page.dtype.itemsize) for page in pages}:
                formats[page_format].append(file.path)
            masks = _masks(file, pages, settings) if file.mask else [None] * len(pages)
            foreground = foreground or any(mask is not None and mask.any() for mask in masks)
            if settings.group and not _group(file, settings.group):
                raise UserError(f"{file.path}: {key}.folder.group {settings.group!r} does not match {file.path.stem!r}")
            _add(writer, file, pages, masks, settings.group and _group(file, settings.group))
        except UserError as error:
            problems += str(error).splitlines()
    usual = max(formats, key=lambda key: len(formats[key]), default=None)
    for page_format in [key for key in formats if key != usual]:
        expected, received = (f"{'grey' if channels == 1 else 'RGB'} of {bits} bit" for channels, bits in (usual, page_format))
        problems += [f"{path}: expected {expected} as most of the images, received {received}" for path in formats[page_format]]
    return formats, foreground


def _masks(file, pages, settings):
    masks = read_pages(file.mask)
    if len(masks) != len(pages):
        raise UserError(f"{file.mask}: expected {len(pages)} pages as in {file.path}, received {len(masks)}")
    for page, mask in zip(pages, masks, strict=True):
        if page.shape[:2] != mask.shape[:2]:
            expected, received = (" × ".join(map(str, array.shape[:2])) for array in (page, mask))
            raise UserError(f"{file.mask}: expected {expected} pixels (rows × columns) as in {file.path}, received {received}")
    return [to_mask(mask, file.mask, settings.mask_threshold, settings.mask_labels) for mask in masks]


def _group(file, pattern):
    match = re.search(pattern, file.path.stem)
    return match and match[1]


def _add(writer, file, pages, masks, group):
    name = "_".join(filter(None, (file.split, file.label, file.path.stem)))
    # Groups of the same name in two splits or classes are different groups: folders number their groups independently.
    group = "/".join(filter(None, (file.split, file.label, group))) if group else name
    if len(pages) == 1:
        writer.add(name, file.path if _is_standard(file.path) else pages[0], masks[0], file.label, group, file.split)
        return
    for number, (page, mask) in enumerate(zip(pages, masks, strict=True)):
        writer.add(f"{name}_{number:03d}", page, mask, file.label, group, file.split)


def _is_standard(path):
    """Whether a file can be copied byte for byte: an upright 8-bit grey or RGB PNG or JPEG."""
    if path.suffix.lower() in TIFF:
        return False
    with Image.open(path) as image:
        return image.format in ("PNG", "JPEG") and image.mode in ("L", "RGB") and image.getexif().get(ORIENTATION, 1) == 1


def _warn_of_shared_groups(files, pattern):
    splits = Counter((label, group) for _, label, group in {(file.split, file.label, _group(file, pattern)) for file in files})
    shared = sum(count > 1 for count in splits.values())
    if shared:
        note = "if the name means the same there (the same patient, say), the split of your folders leaks"
        print(f"note: {shared} groups occur in more than one of train/, val/ and test/; {note}", file=sys.stderr)
