"""Write a file or a folder completely or not at all: an interruption leaves the former one.

Also the form of all JSON files and tables, and checksums.
"""

import hashlib
import json
import os
import shutil
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def whole(path):
    """Yield a hidden path beside `path`; what the ``with`` block leaves there replaces `path` when the block ends.

    If the block raises, the hidden file or folder is removed and `path` stays as it was.

    Parameters
    ----------
    path : path-like
        A file or a folder. Missing parent folders are made.

    Yields
    ------
    pathlib.Path
        Does not exist yet. Its suffix is that of `path`.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    part, former = path.with_name(f".part-{path.name}"), path.with_name(f".part-former-{path.name}")
    for leftover in (part, former):
        _remove(leftover)
    try:
        yield part
        if path.is_dir() and not path.is_symlink():
            path.rename(former)  # a folder with something in it cannot be replaced in one step
        try:
            os.replace(part, path)
        except OSError:
            if former.exists():
                former.rename(path)
            raise
    finally:
        _remove(part)
        _remove(former)


def write_json(path, values):
    """Write values as JSON, in a folder that need not exist yet. Raises a ValueError for NaN, which is no JSON."""
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(values, indent=2, allow_nan=False) + "\n", encoding="utf-8")


def read_json(path):
    return json.loads(Path(path).read_text(encoding="utf-8"))


def write_table(path, table, append=False):
    """Write a data frame as CSV, floats with six digits, an undefined value as an empty cell; appended rows get no header."""
    table.to_csv(path, mode="a" if append else "w", header=not append, index=False, float_format="%.6g", lineterminator="\n")


def digest(path, kind="sha256"):
    """Checksum of a file, in hexadecimal digits."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, lambda: hashlib.new(kind, usedforsecurity=False)).hexdigest()


def _remove(path):
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)
