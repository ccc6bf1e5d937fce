"""Find the images that a user means, and name their results."""

import glob
from collections import Counter
from dataclasses import dataclass
from itertools import count
from pathlib import Path

from pipeline.images.io import is_image, is_ome_zarr, stem
from pipeline.prediction.results_folder import results_in


@dataclass(frozen=True)
class Input:
    """One image or volume; its results are named after the unique `name`."""

    path: Path
    name: str


def gather(arguments):
    """Find the images that a user names.

    Arguments are files, folders (the images directly in them), patterns (``**`` goes into folders) and OME-Zarr folders. Folders
    and patterns leave out hidden files and results of this program. Returns a list of `Input` in the given order, folders and
    patterns sorted, each image once, and a list with one message for each argument without an image.
    """
    paths, missing = [], []
    for argument in arguments:
        found = _find(argument)
        paths += found
        if not found and Path(argument).is_dir():
            nested = str(Path(argument, "**", "*"))
            missing.append(f"{argument}: there is no image directly in this folder; {nested!r} looks into its folders as well")
        elif not found:
            missing.append(f"{argument}: there is no such image, folder or pattern of images")
    unique = {}
    for path in paths:
        unique.setdefault(path.resolve(), path)
    unique = list(unique.values())
    return [Input(path, name) for path, name in zip(unique, names(unique), strict=True)], missing


def names(paths):
    """Name each path by its stem; if two would get the same name, by more of the path, and by a number if nothing else helps.

    >>> names([Path("a/x.png"), Path("a/y.tif")])
    ['x', 'y']
    >>> names([Path("a/x.png"), Path("b/x.png"), Path("b/x.tif")])
    ['a_x', 'b_x_png', 'b_x_tif']
    """
    forms = [
        stem,
        lambda path: "_".join([*path.parts[-2:-1], stem(path)]),
        lambda path: "_".join([*path.parts[-2:-1], path.name.replace(".", "_")]),
        lambda path: "_".join([*(part for part in path.parts[:-1] if part not in ("/", "..")), path.name.replace(".", "_")]),
    ]
    chosen, taken = {}, set()  # many file systems take A and a for the same name
    for form in forms:
        proposed = {path: _safe(form(path)) for path in paths if path not in chosen}
        counts = Counter(name.casefold() for name in proposed.values())
        for path, name in proposed.items():
            if counts[name.casefold()] == 1 and name.casefold() not in taken:
                chosen[path] = name
                taken.add(name.casefold())
    number = count(1)
    return [chosen.get(path) or f"{_safe(forms[-1](path))}_{next(number)}" for path in paths]


def _find(argument):
    path = Path(argument)
    if path.is_file() or (path.exists() and is_ome_zarr(path)):
        return [path]
    if path.is_dir():
        return _images(path.iterdir())
    return _images(map(Path, glob.glob(str(argument), recursive=True)))


def _images(paths):
    shown = (path for path in paths if not path.name.startswith("."))  # macOS writes a ._a.png beside a.png
    images = [path for path in shown if is_image(path)]
    results = {folder: results_in(folder) for folder in {path.parent for path in images}}
    return sorted(path for path in images if path.name not in results[path.parent])


def _safe(name):
    """Make a file name that is not hidden, stays in its folder, and exists in any encoding."""
    return "".join(sign if sign.isprintable() else "_" for sign in name).lstrip(".") or "image"
