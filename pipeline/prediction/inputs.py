"""Which images a user means: files, folders, patterns, volumes, each with a name of its own."""

import glob
from dataclasses import dataclass
from pathlib import Path

from pipeline.images.io import SUFFIXES
from pipeline.prediction.record import results_in

ZARR = ".zarr"


@dataclass(frozen=True)
class Input:
    """One image or volume.

    Parameters
    ----------
    path : pathlib.Path
    name : str
        What its results are named after; no two of a run have the same.
    """

    path: Path
    name: str

    @property
    def is_volume(self):
        return is_volume(self.path)


def is_volume(path):
    """Whether a path is an OME-Zarr folder: by its name, or by what lies in it."""
    path = Path(path)
    marks = (path / mark for mark in ("zarr.json", ".zattrs", ".zgroup"))
    return path.suffix == ZARR or any(mark.exists() for mark in marks)


def gather(arguments):
    """Find the images that a user names.

    Parameters
    ----------
    arguments : sequence of str or path-like
        Files, folders (all images directly in them), patterns (``**`` goes into folders), OME-Zarr folders. Results of
        this program are found by their own names only.

    Returns
    -------
    inputs : list of Input
        In the given order, folders and patterns sorted; none twice.
    missing : list of str
        One line for each argument under which nothing was found.
    """
    paths, missing = [], []
    for argument in arguments:
        found = _found(argument)
        paths += found
        if not found:
            missing.append(f"{argument}: expected an image, a folder or a pattern of images, received {_instead(Path(argument))}")
    unique = list(dict.fromkeys(paths))
    return [Input(path, name) for path, name in zip(unique, names(unique), strict=True)], missing


def names(paths):
    """Name each path by its stem; where that says too little, by more of the path; by a number if all else is equal.

    >>> names([Path("a/x.png"), Path("a/y.tif")])
    ['x', 'y']
    >>> names([Path("a/x.png"), Path("b/x.png"), Path("b/x.tif")])
    ['a_x', 'b_x_png', 'b_x_tif']
    """
    forms = [
        lambda path: _safe(_stem(path)),
        lambda path: _safe("_".join([*path.parts[-2:-1], _stem(path)])),
        lambda path: _safe("_".join([*path.parts[-2:-1], path.name.replace(".", "_")])),
        lambda path: _safe("_".join([*(p for p in path.parts[:-1] if p not in ("/", "..")), path.name.replace(".", "_")])),
    ]
    chosen = {path: "" for path in paths}
    open_paths = list(paths)
    taken = set()  # folded: many file systems hold A and a for the same
    for form in forms:
        counts = {}
        for path in open_paths:
            counts.setdefault(form(path).casefold(), []).append(path)
        for folded, alike in counts.items():
            if len(alike) == 1 and folded not in taken:
                chosen[alike[0]] = form(alike[0])
                taken.add(folded)
        open_paths = [path for path in open_paths if not chosen[path]]
    for number, path in enumerate(open_paths, start=1):
        chosen[path] = f"{forms[-1](path)}_{number}"
    return [chosen[path] for path in paths]


def _found(argument):
    path = Path(argument)
    if path.is_file() or (path.exists() and is_volume(path)):
        return [path]
    if path.is_dir():
        return _images(path.iterdir())
    if any(sign in str(argument) for sign in "*?["):
        return _images(Path(p) for p in glob.glob(str(argument), recursive=True))
    return []


def _instead(path):
    if not path.is_dir():
        return "nothing like it"
    return f"a folder without any directly in it; {str(path / '**' / '*')!r} looks into its folders as well"


def _images(paths):
    images = [path for path in paths if path.suffix.lower() in SUFFIXES or is_volume(path)]
    results = {folder: results_in(folder) for folder in {path.parent for path in images}}
    return sorted(path for path in images if path.name not in results[path.parent])


def _safe(name):
    """A name for files that neither hides them nor leads out of their folder, and that any encoding can write."""
    plain = "".join(sign if sign.isprintable() else "_" for sign in name).lstrip(".")
    return plain or "image"


def _stem(path):
    stem = path.stem
    return stem.removesuffix(".ome") if path.suffix.lower() in (".tif", ".tiff", ZARR) else stem
