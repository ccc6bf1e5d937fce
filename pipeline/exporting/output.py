"""An output that appears whole or not at all, and replaces nothing by accident."""

import os
import shutil
import tempfile
from contextlib import contextmanager
from pathlib import Path

from pipeline.errors import UserError

CARD = "card.json"  # in every exported folder; a folder without it is not an export, and never replaced


def check(path, suffix, overwrite):
    """Check the place of an output before any work is done.

    Parameters
    ----------
    path : path-like
    suffix : str or None
        What a file's name must end in; None: a folder.
    overwrite : bool

    Raises
    ------
    UserError
        If the name ends otherwise, or something is there that may not be replaced.
    """
    path = Path(path)
    if suffix and path.suffix != suffix:
        raise UserError(f"{path}: expected a name that ends in {suffix}, received {path.name}; rename --out")
    if not os.path.lexists(path):
        return
    if not overwrite:
        raise UserError(f"{path}: expected a new name, received one that exists; choose another or give --overwrite")
    if not (path.is_file() if suffix else (path / CARD).is_file()):
        kind = "file" if suffix else f"folder with a {CARD}"
        raise UserError(
            f"{path}: expected an earlier export (a {kind}) to replace, received something else; choose another --out"
        )


@contextmanager
def whole(path):
    """Yield a path in a hidden folder beside `path`; what stands there in the end is moved to `path`.

    The folder is the writer's own, for intermediate files too. After an error nothing is left behind, and what was at
    `path` before is still there.

    Raises
    ------
    UserError
        If the place cannot be written to.
    """
    path = Path(path)
    made = [folder for folder in path.parents if not folder.exists()]  # innermost first
    hidden = None
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        hidden = Path(tempfile.mkdtemp(prefix=f".{path.name}.", dir=path.parent))
        yield hidden / path.name
        if path.is_dir():
            path.rename(hidden / "replaced")  # a folder with something in it cannot be replaced in one step
        os.replace(hidden / path.name, path)
    except BaseException as error:
        if hidden is not None and (hidden / "replaced").exists():
            (hidden / "replaced").rename(path)
        _remove(hidden, made)
        if isinstance(error, OSError):
            raise UserError(
                f"{path}: expected a place to write to, received: {error.strerror or error}; mend it or change --out"
            ) from error
        raise
    _remove(hidden, [])


def _remove(hidden, made):
    if hidden is not None:
        shutil.rmtree(hidden, ignore_errors=True)
    for folder in made:
        if folder.is_dir() and not any(folder.iterdir()):
            folder.rmdir()
