"""Download one file, verify it, and keep it for all experiments.

Pooch would be shorter, but it cannot continue a download of gigabytes that was cut.
"""

import os
import shutil
import sys
import time
from contextlib import contextmanager
from dataclasses import dataclass
from urllib.parse import urlparse
from urllib.request import url2pathname

import filelock
import requests
from tqdm import tqdm

from pipeline import paths
from pipeline.atomic import digest
from pipeline.errors import UserError

TIMEOUT = 30.0  # seconds without a single byte after which a connection counts as lost
WAITS = (1.0, 4.0, 16.0)  # seconds before each further attempt; a server that restarts is back within these
BUSY = (408, 425, 429)  # statuses below 500 that ask to come back later
LOST = (requests.ConnectionError, requests.Timeout, requests.exceptions.ChunkedEncodingError)


@dataclass(frozen=True)
class Remote:
    """A file on the network: its name in the cache, its official address, and its checksums and size in bytes if published."""

    name: str
    url: str
    sha256: str | None = None
    size: int | None = None
    licence: str = ""
    citation: str = ""
    md5: str | None = None
    remedy: str = "set the data set's url in params.yaml to a mirror (https://, http:// or file://)"

    @property
    def recorded(self):
        """The file that holds the checksum of the first download, where none is published."""
        return paths.downloads() / f"{self.name}.sha256"

    def checksum(self):
        """SHA-256 as published or, failing that, of the first download; None before it."""
        return self.sha256 or (self.recorded.read_text().split()[0] if self.recorded.exists() else None)

    def provenance(self):
        """The fields of `DatasetInfo` that say where the file comes from."""
        sha256 = {self.name: self.checksum()}
        return {"licence": self.licence, "citation": self.citation, "url": self.url, "sha256": sha256}


def fetch(remote, url=None, timeout=TIMEOUT, waits=WAITS):
    """Download a file into the cache, unless it is already there and unchanged, and return its path.

    `url` is another address (https://, http:// or file://) of the very same bytes. One process at a time downloads a file;
    others wait for it. After a lost connection, or `timeout` seconds without a byte, the next attempt or the next run
    continues the file where the server allows it; `waits` are the seconds before each attempt after the first. A missing
    file and wrong bytes are not tried again, nor kept.
    """
    url, path = url or remote.url, paths.downloads() / remote.name
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with filelock.FileLock(path.with_name(f".{remote.name}.lock")):
            checksum = remote.checksum()
            # A file that somebody copied into the cache has a published checksum, or is not used.
            if path.exists() and (checksum == digest(path) if checksum else remote.md5 == digest(path, "md5")):
                checksum = checksum or digest(path)
            else:
                checksum = _download(remote, url, path, timeout, waits)
            if remote.sha256 is None:
                remote.recorded.write_text(f"{checksum}  {remote.name}\n")
    except OSError as error:  # of the disk or, as requests' errors are OSErrors too, of the network
        raise UserError(f"{url}: cannot download it to {path}: {error}; if the address is at fault, {remote.remedy}") from error
    return path


@contextmanager
def believed(remotes):
    """Read downloads without a published checksum; if they turn out not to be data, delete them, to fetch them again."""
    try:
        yield
    except UserError:
        for remote in remotes:
            for path in (paths.downloads() / remote.name, remote.recorded):
                path.unlink(missing_ok=True)
        raise


def _download(remote, url, path, timeout, waits):
    print(f"downloading {url}", file=sys.stderr)
    part = path.with_name(f".{path.name}.part")
    for wait in (*waits, None):
        try:
            checksum = _verified(url, part, remote, resumed=_copy(url, part, timeout))
            os.replace(part, path)
            return checksum
        except requests.RequestException as error:
            status = 0 if error.response is None else error.response.status_code
            if wait is None or not (isinstance(error, LOST) or status >= 500 or status in BUSY):
                raise
            print(f"{url}: {error}; trying again in {wait:g} s", file=sys.stderr)
            time.sleep(wait)


def _copy(url, part, timeout):
    """Fill the partial file; return whether the download was continued."""
    version = part.with_name(f"{part.name}.version")  # holds the server's name for the version of the file: an ETag or a date
    if urlparse(url).scheme == "file":
        version.unlink(missing_ok=True)
        shutil.copyfile(url2pathname(urlparse(url).path), part)
        return False
    headers = {"Accept-Encoding": "identity"}  # the file's own bytes: they are counted
    start = part.stat().st_size if part.exists() else 0
    if start and version.exists():
        headers |= {"Range": f"bytes={start}-", "If-Range": version.read_text()}  # another version is sent from the beginning
    with requests.get(url, headers=headers, stream=True, timeout=timeout) as answer:
        if answer.status_code == 416:  # nothing is left to send
            return True
        answer.raise_for_status()
        resumed = answer.status_code == 206 and answer.headers.get("Content-Range", "").startswith(f"bytes {start}-")
        if not resumed:
            start = 0
            part.unlink(missing_ok=True)
            version.unlink(missing_ok=True)
            if name := answer.headers.get("ETag") or answer.headers.get("Last-Modified"):
                version.write_text(name)
        size = int(answer.headers.get("Content-Length", 0))
        if size > shutil.disk_usage(part.parent).free:
            raise UserError(f"{part.parent}: {url} needs {size} bytes of free space")
        # A bar is for people; in a log it would be hundreds of lines.
        bar = tqdm(total=start + size or None, initial=start, unit="B", unit_scale=True, disable=not sys.stderr.isatty())
        with open(part, "ab") as file, bar:
            for chunk in answer.iter_content(2**16):
                file.write(chunk)
                bar.update(len(chunk))
    return resumed


def _verified(url, part, remote, resumed):
    """Return the checksum of a download that has the known size and checksum."""
    size, checksum, known = part.stat().st_size, digest(part), remote.checksum()
    if remote.size and size < remote.size and not url.startswith("file:"):  # the server had not stated the length
        raise requests.ConnectionError(f"received {size} of {remote.size} bytes")
    part.with_name(f"{part.name}.version").unlink(missing_ok=True)
    md5 = digest(part, "md5") if remote.md5 else None
    if remote.size in (None, size) and known in (None, checksum) and remote.md5 == md5:
        return checksum
    part.unlink()
    if resumed:
        raise requests.ConnectionError("the continued download does not match its beginning")
    if remote.size not in (None, size):
        raise UserError(f"{url}: expected {remote.size} bytes, received {size}")
    if remote.md5 != md5:
        raise UserError(f"{url}: expected md5 {remote.md5}, received {md5}")
    hint = "" if remote.sha256 else f"; the file has changed since the first download: delete {remote.recorded} to accept it"
    raise UserError(f"{url}: expected sha256 {known}, received {checksum}{hint}")
