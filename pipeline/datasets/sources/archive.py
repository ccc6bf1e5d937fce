"""Unpack a downloaded archive without trusting it."""

import shutil
import stat
import zipfile
import zlib
from contextlib import contextmanager
from pathlib import Path, PurePosixPath, PureWindowsPath
from tempfile import TemporaryDirectory

from pipeline.errors import UserError

MAX_BYTES = 16 * 2**30  # six times the largest source (kvasir-v2: 2.5 GB of JPEG, which zip hardly shrinks)
MAX_ENTRIES = 100_000  # ten times the files of the largest source
METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)  # all that the sources use; the others inflate in memory, unbounded


@contextmanager
def unpacked(path, max_bytes=MAX_BYTES, max_entries=MAX_ENTRIES):
    """Unpack a zip archive into a temporary folder beside it, for the duration of a ``with`` block.

    Parameters
    ----------
    path : path-like
    max_bytes, max_entries : int
        What the archive may hold, unpacked.

    Yields
    ------
    pathlib.Path

    Raises
    ------
    UserError
        If the archive is damaged, exceeds a limit, or holds a link, an absolute path or a path out of the folder.
    """
    path = Path(path)
    with TemporaryDirectory(prefix="unpack-", dir=path.parent) as folder:
        _unpack(path, folder, max_bytes, max_entries)
        yield Path(folder)


def inside(folder, relative):
    """Return a folder of an unpacked archive.

    Raises
    ------
    UserError
        If it is missing: the archive does not have the layout of its source.
    """
    if not (folder / relative).is_dir():
        received = ", ".join(sorted(entry.name for entry in folder.iterdir())[:10]) or "nothing"
        raise UserError(f"expected {relative}/ in the archive, received {received}")
    return folder / relative


def _unpack(path, folder, max_bytes, max_entries):
    try:
        with zipfile.ZipFile(path) as archive:
            entries = archive.infolist()
            if len(entries) > max_entries:
                raise UserError(f"{path}: expected at most {max_entries} entries, received {len(entries)}")
            total = sum(entry.file_size for entry in entries)  # binding: extraction stops at each stated size
            if total > max_bytes:
                raise UserError(f"{path}: expected at most {max_bytes} bytes unpacked, received {total}")
            free = shutil.disk_usage(folder).free
            if total > free:
                raise UserError(f"{folder}: expected {total} bytes of free space to unpack {path.name}, received {free}")
            for entry in entries:
                _check(entry, path)
            archive.extractall(folder)
    except (zipfile.BadZipFile, zlib.error, EOFError, RuntimeError) as error:  # RuntimeError: encrypted
        raise UserError(f"{path}: expected a zip archive, received: {error}") from error


def _check(entry, path):
    name = entry.filename.replace("\\", "/")
    if PurePosixPath(name).is_absolute() or PureWindowsPath(name).drive or ".." in PurePosixPath(name).parts:
        raise UserError(f"{path}: expected paths inside the archive's folder, received {entry.filename!r}")
    kind = stat.S_IFMT(entry.external_attr >> 16)
    if kind not in (0, stat.S_IFREG, stat.S_IFDIR):  # 0: made where files have no mode
        raise UserError(f"{path}: expected files and folders, received a link or device {entry.filename!r}")
    if entry.compress_type not in METHODS:
        raise UserError(
            f"{path}: expected entries stored or deflated, received method {entry.compress_type} of {entry.filename!r}"
        )
