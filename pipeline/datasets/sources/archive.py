"""Unpack a downloaded archive without trusting it. (`zipfile` itself keeps every path inside the folder.)"""

import stat
import zipfile
import zlib
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from pipeline.errors import UserError

MAX_BYTES = 16 * 2**30  # six times the largest source: kvasir-v2 has 2.5 GB of JPEG, which zip hardly shrinks
PLAIN = (0, stat.S_IFREG, stat.S_IFDIR)  # 0: zipped on a system whose files have no mode
METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)  # others unpack whole blocks in memory, however large


@contextmanager
def unpacked(path, max_bytes=MAX_BYTES):
    """Unpack a zip archive into a temporary folder beside it, and remove the folder when the ``with`` block ends."""
    with TemporaryDirectory(prefix="unpack-", dir=path.parent) as folder:
        try:
            with zipfile.ZipFile(path) as archive:
                size = sum(entry.file_size for entry in archive.infolist())  # unpacking stops at each stated size
                if size > max_bytes:
                    raise UserError(f"{path}: expected at most {max_bytes} bytes when unpacked, received {size}")
                for entry in archive.infolist():
                    plain = stat.S_IFMT(entry.external_attr >> 16) in PLAIN
                    if not plain or entry.compress_type not in METHODS:
                        raise UserError(f"{path}: {entry.filename!r} is a link, a device, or compressed by an unusual method")
                archive.extractall(folder)
        except (zipfile.BadZipFile, zlib.error, EOFError, RuntimeError) as error:  # RuntimeError: encrypted
            raise UserError(f"{path}: not a readable zip archive: {error}") from error
        yield Path(folder)


def inside(folder, relative):
    """Return a folder of an unpacked archive; raise `UserError` if the archive does not have it."""
    if not (folder / relative).is_dir():
        found = ", ".join(sorted(entry.name for entry in folder.iterdir())[:10]) or "nothing"
        raise UserError(f"the archive has no folder {relative}; it holds {found}")
    return folder / relative
