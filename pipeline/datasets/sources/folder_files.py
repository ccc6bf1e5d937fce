"""Find the images of a user's folder: names of folders may differ in case or be synonyms, wherever no doubt is left."""

import difflib
import re
import unicodedata
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path

from pipeline.datasets.sources.listing import entries
from pipeline.errors import UserError
from pipeline.images.io import SUFFIXES, is_image, is_ome_zarr
from pipeline.images.io import stem as without_suffix

SHOWN = 30  # problems; about as many lines as a terminal shows
SPLITS = {"train": ("train", "training"), "val": ("val", "valid", "validation"), "test": ("test", "testing")}
CLASS_TOO = ("valid",)  # may also be the name of a class: it means a split only if there is another split
PARTS = {"images": ("images", "image"), "masks": ("masks", "mask", "labels", "label")}
MASK_ENDING = re.compile(r"[ _.-](cp_)?(mask|label)s?$", re.IGNORECASE)  # of the stem of a mask whose image does not have it
TABLE = "groups.csv"
LAYOUT = {"segmentation": "images/ and masks/ with files of the same stem", "classification": "one folder of images per class"}
UNTRACKED = (
    "queued and --temp experiments see only files that git or DVC tracks: give an absolute path, or `dvc add` a folder of a new "
    "name in data/own and commit its .dvc file"
)


@dataclass(frozen=True)
class ImageFile:
    """One image file and what its place in the folder says about it."""

    path: Path
    split: str
    label: str = ""
    mask: Path | None = None

    @property
    def stem(self):
        return stem(self.path)

    @property
    def name(self):
        return "_".join(filter(None, (self.split, self.label, self.stem)))


def refuse(problems):
    """Raise a `UserError` with a line for each of the first problems, if there are any."""
    if problems:
        more = [f"... and {len(problems) - SHOWN} more of {len(problems)}"] if len(problems) > SHOWN else []
        raise UserError("\n".join(problems[:SHOWN] + more))


def composed(text):
    """Normalise letters with accents: they have two forms that look alike, and file systems use both."""
    return unicodedata.normalize("NFC", text)


def stem(path):
    """File name without suffix (see `pipeline.images.io.stem`), with letters in one form."""
    return composed(without_suffix(path))


def find_parts(root, tasks, key, problems):
    """Return the folder of each split, or the root itself under an empty name. `key` is where the user names the root."""
    wanted = _wanted(key, *tasks)
    hint = "" if root.is_absolute() else f"; {UNTRACKED}"
    if not root.is_dir():
        raise UserError(f"{root}: no such folder; {wanted}{hint}")
    names = [path.name for path in entries(root) if path.is_dir()]
    if not names:
        loose = len(entries(root))
        found = f"{loose} files but no folders" if loose else "empty folder"
        raise UserError(f"{root}: {found}; {wanted}{'' if loose else hint}")
    splits = {split: [name for name in names if name.casefold() in known] for split, known in SPLITS.items()}
    if not any(name.casefold() not in CLASS_TOO for found in splits.values() for name in found):
        return {"": root}
    others = [name for name in names if not any(name in found for found in splits.values())]
    for name in others:
        close = difflib.get_close_matches(name.casefold(), sum(SPLITS.values(), ()), n=1)
        meant = next((split for split, known in SPLITS.items() if close and close[0] in known), None)
        problems.append(f"{root / name}: only train/, val/ and test/ may be here{f'; rename it to {meant}' if meant else ''}")
    for split, found in splits.items():
        if len(found) > 1:
            problems.append(f"{root}: {' and '.join(found)} both mean {split}/; keep one of them")
    if not splits["train"]:
        problems.append(f"{root}: train/ is missing beside {', '.join(names)}")
    return {split: root / found[0] for split, found in splits.items() if found}


def _wanted(key, *tasks):
    layout = ", or ".join(LAYOUT[task] for task in tasks)
    return f"{key} must name a folder with {layout}, optionally under train/, val/ and test/"


def find_pairs(root, parts, key, problems):
    """Match images and masks by stem."""
    for split, part in parts.items():
        folders = {name: _folder(part, name, problems) for name in PARTS}
        if None in folders.values():
            _tell_missing(root, part, folders, key, problems)
            continue
        images, masks = (_by_stem(folder, problems) for folder in folders.values())
        if not images:
            problems.append(f"{folders['images']}: no images")
        mask_of = _matched(images, masks, problems)
        for name, path in images.items():
            if name in mask_of:
                yield ImageFile(path, split, mask=mask_of[name])
            else:
                alike = [mask for other, mask in masks.items() if other.casefold() == name.casefold()]
                remedy = f"; rename {alike[0].name} to {name}{alike[0].suffix}" if alike else ""
                problems.append(f"{path}: no mask {folders['masks'] / name}.*{remedy}")
        used = set(mask_of.values())
        known = {name.casefold() for name in images}
        for name, path in masks.items():
            if path not in used and name.casefold() not in known:
                problems.append(f"{path}: no image {folders['images'] / name}.*")


def find_labelled(root, parts, problems):
    """Find the images of each class; a folder's name is that of its class."""
    images = defaultdict(list)
    for split, part in parts.items():
        for path in entries(part):
            if path.is_dir():
                images[composed(path.name), split] += _by_stem(path, problems).values()
            elif is_image(path):
                problems.append(f"{path}: move it into the folder of its class")
    labels = list(dict.fromkeys(label for label, _ in images))
    if len(labels) < 2:
        problems.append(f"{root}: expected at least two classes, received {', '.join(labels) or 'none'}")
    spelled = {label.casefold(): label for label in reversed(labels)}
    for label in labels:
        if spelled[label.casefold()] != label:
            first = spelled[label.casefold()]
            problems.append(f"{root}: the classes {first} and {label} differ only in case; rename one of them")
    for split, part in parts.items():
        for label in labels:
            if not images[label, split]:
                problems.append(f"{part / label}: no images of this class")
            yield from (ImageFile(path, split, label) for path in images[label, split])


def _folder(part, name, problems):
    """Find the folder `name` in a part, in upper or lower case, or a synonym; None if there is none."""
    folders = [path for path in entries(part) if path.is_dir()]
    for known in ((name,), PARTS[name]):
        found = [path for path in folders if path.name.casefold() in known]
        if len(found) > 1:
            both = " and ".join(path.name for path in found)
            problems.append(f"{part}: {both} both mean {name}/; rename the right one to {name}")
        if found:
            return found[0]
    return None


def _tell_missing(root, part, folders, key, problems):
    names = [path.name for path in entries(part) if path.is_dir()]
    missing = [name for name, folder in folders.items() if folder is None]
    others = [name for name in names if part / name not in folders.values()]
    remedy = f"; rename {others[0]} to {missing[0]}" if len(others) == len(missing) == 1 else ""
    if part == root:
        raise UserError(f"{root}: found only {', '.join(names)}{remedy}; {_wanted(key, 'segmentation')}")
    problems += [f"{part / name}: no such folder{remedy}" for name in missing]


def _by_stem(folder, problems):
    """List the images of a folder in natural order, by stem."""
    found = {}
    for path in entries(folder):
        if path.name.casefold() == TABLE:
            problems.append(f"{path}: move it one folder up")
        elif path.is_dir() and not is_ome_zarr(path):
            problems.append(f"{path}: a folder among the images; move its files, or move train/, val/ and test/ to the top")
        elif not is_image(path):
            problems.append(f"{path}: not a file that ends in {', '.join(SUFFIXES)}; save it as one, or move it away")
        elif stem(path) in found:
            problems.append(f"{path}: {found[stem(path)].name} has the same stem; remove one of them")
        else:
            found[stem(path)] = path
    return found


def _matched(images, masks, problems):
    """The mask of each image: the file with the same stem, or else with the stem and an ending such as _mask."""
    ended = defaultdict(list)
    for name, path in masks.items():
        if name not in images:
            ended[MASK_ENDING.sub("", name)].append(path)
    matched = {}
    for name in images:
        candidates = [masks[name]] if name in masks else ended.get(name, [])
        if candidates:
            matched[name] = candidates[0]
        problems += [f"{path}: {candidates[0].name} is a mask of the same image; remove one of them" for path in candidates[1:]]
    return matched
