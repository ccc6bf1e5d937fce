"""Download one file, verify it, and keep it for all experiments."""

import hashlib
import json
import os
import shutil
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlparse
from urllib.request import url2pathname

import filelock
import requests
from tqdm import tqdm

from pipeline import paths
from pipeline.errors import UserError

TIMEOUT = 30.0  # seconds without a single byte after which a connection counts as stalled
WAITS = (1.0, 4.0, 16.0)  # seconds before each further attempt; a server that restarts is back within these
BUSY = (408, 425, 429)  # statuses below 500 that ask to come back later


@dataclass(frozen=True)
class Remote:
    """A file on the network.

    Parameters
    ----------
    name : str
        Its name in the cache.
    url : str
        The official address.
    sha256 : str, optional
        As published, or known from elsewhere. None: recorded at the first download, and held to from then on.
    size : int, optional
        In bytes.
    """

    name: str
    url: str
    sha256: str | None = None
    size: int | None = None


@dataclass(frozen=True)
class Fetched:
    """A verified file in the cache and its checksum."""

    path: Path
    sha256: str


def fetch(remote, url=None, timeout=TIMEOUT, waits=WAITS):
    """Download a file into the cache, unless it is there already and unchanged.

    The bytes go to a hidden file that takes its name only when it is whole and verified. What a lost connection leaves of
    it is continued, by the next attempt or the next run, where the server allows it. One process at a time downloads a
    file; others wait for it.

    Parameters
    ----------
    remote : Remote
    url : str, optional
        A mirror (https://, http:// or file://) that serves the very same bytes.
    timeout : float
        In seconds, of the connection and of each wait for bytes.
    waits : sequence of float
        In seconds, before each attempt after the first. Lost, stalled and cut-short connections and overloaded
        servers are tried again; a missing file or a wrong one is not.

    Returns
    -------
    Fetched

    Raises
    ------
    UserError
        With the address, what was expected and what was received. Wrong bytes are not kept.
    """
    url = url or remote.url
    folder = paths.downloads()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with _alone(folder / f".{remote.name}.lock", remote.name):
            return _fetch(folder, remote, url, timeout, waits)
    except requests.RequestException as error:  # an OSError, too, but none of ours
        raise UserError(f"{_finding(url, error)}; {_remedy(remote)}") from error
    except OSError as error:
        raise UserError(f"{folder}: expected room for {remote.name} in a writable folder, received: {error}") from error


def _alone(path, name):
    lock = filelock.FileLock(path)
    try:
        return lock.acquire(timeout=0)
    except filelock.Timeout:
        print(f"{name}: another process downloads it; waiting", file=sys.stderr)
        return lock.acquire()


def _fetch(folder, remote, url, timeout, waits):
    path, record = folder / remote.name, folder / f"{remote.name}.sha256"
    expected = remote.sha256 or _recorded(record)
    received = _sha256(path) if path.exists() else None
    if received is None or received != expected:
        part = _Partial(folder / f".{remote.name}.part")
        received = _download(part, remote, url, expected, record, timeout, waits)
        os.replace(part.path, path)
        part.remove()
    if remote.sha256 is None:
        record.write_text(f"{received}  {remote.name}\n")
    return Fetched(path, received)


def _download(part, remote, url, expected, record, timeout, waits):
    print(f"downloading {url}", file=sys.stderr)
    for wait in (*waits, None):
        try:
            continued = _copy(url, part, remote, timeout)
            return _verify(url, part, remote, expected, record, continued)
        except requests.RequestException as error:
            if wait is None or not _passing(error):
                raise
            print(f"{_finding(url, error)}; trying again in {wait:g} s", file=sys.stderr)
            time.sleep(wait)


class _Partial:
    """The bytes of a download that is not whole yet, and how the server names their version.

    Parameters
    ----------
    path : pathlib.Path
    """

    def __init__(self, path):
        self.path = path
        self._version = path.with_name(f"{path.name}.json")

    @property
    def size(self):
        return self.path.stat().st_size if self.path.exists() else 0

    def version(self, url):
        """The server's ETag or date of what is there; None if it came from elsewhere, or the server names none."""
        try:
            known = json.loads(self._version.read_text())
            return known["version"] if known["url"] == url else None
        except (OSError, ValueError, KeyError, TypeError):
            return None

    def begin(self, url, version):
        self.remove()
        self._version.write_text(json.dumps({"url": url, "version": version}))

    def remove(self):
        for path in (self.path, self._version):
            path.unlink(missing_ok=True)


def _copy(url, part, remote, timeout):
    """Fill the partial file; return whether it went on from what was there."""
    scheme = urlparse(url).scheme
    if scheme == "file":
        source = Path(url2pathname(urlparse(url).path))
        if not source.is_file():
            raise UserError(f"{url}: expected a file, received nothing at {source}")
        part.remove()
        _check_room(part.path.parent, remote.name, source.stat().st_size)
        shutil.copyfile(source, part.path)
        return False
    if scheme not in ("http", "https"):
        raise UserError(f"{url}: expected an address that begins with https://, http:// or file://")
    headers = {"Accept-Encoding": "identity"}  # the file as it is: its checksum is known, and its bytes can be counted
    start, version = part.size, part.version(url)
    if start and version:
        headers |= {"Range": f"bytes={start}-", "If-Range": version}  # of another version the server sends all
    with requests.get(url, headers=headers, stream=True, timeout=timeout) as answer:
        if answer.status_code == 416:  # nothing is left to send, or what is there is too long: `_verify` tells which
            return True
        answer.raise_for_status()
        continued = answer.status_code == 206 and answer.headers.get("Content-Range", "").startswith(f"bytes {start}-")
        if not continued:
            start = 0
            part.begin(url, answer.headers.get("ETag") or answer.headers.get("Last-Modified"))
        length = int(answer.headers.get("Content-Length") or max(0, (remote.size or 0) - start))
        _check_room(part.path.parent, remote.name, length)
        with (
            open(part.path, "ab") as file,
            # A bar is for people; in a log it would be hundreds of lines.
            tqdm(total=start + length or None, initial=start, unit="B", unit_scale=True, disable=not sys.stderr.isatty()) as bar,
        ):
            for chunk in answer.iter_content(2**16):
                file.write(chunk)
                bar.update(len(chunk))
    return continued


def _check_room(folder, name, size):
    free = shutil.disk_usage(folder).free
    if size > free:
        raise UserError(f"{folder}: expected {size} bytes of free space for {name}, received {free}")


def _verify(url, part, remote, expected, record, continued):
    """Compare size and checksum with what is known; return the checksum."""
    size = part.size
    if remote.size is not None and size < remote.size and not url.startswith("file:"):
        raise requests.ConnectionError(f"{size} of {remote.size} bytes")  # cut short where the server stated no length
    received = _sha256(part.path)
    right = remote.size in (None, size) and expected in (None, received)
    if right:
        return received
    part.remove()
    if continued:  # of two halves that do not belong together: once more, from the beginning
        raise requests.ConnectionError("a part that does not fit the part that was there")
    if remote.size not in (None, size):
        raise UserError(f"{url}: expected {remote.size} bytes, received {size}; nothing was kept")
    origin = "" if remote.sha256 else f" as at the first download (delete {record} to accept the change)"
    raise UserError(f"{url}: expected sha256 {expected}{origin}, received {received}; nothing was kept")


def _sha256(path):
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _recorded(record):
    return record.read_text().split()[0] if record.exists() else None


def _passing(error):
    """Whether another attempt may succeed."""
    if isinstance(error, requests.HTTPError):
        return error.response.status_code >= 500 or error.response.status_code in BUSY
    lost = (requests.ConnectionError, requests.Timeout, requests.exceptions.ChunkedEncodingError)
    return isinstance(error, lost)


def _finding(url, error):
    if isinstance(error, requests.HTTPError):
        return f"{url}: expected a file, received {error.response.status_code} {error.response.reason}"
    return f"{url}: expected a whole file, received: {error}"


def _remedy(remote):
    return f"set the dataset's url in params.yaml to a mirror of {remote.name} (https://, http:// or file://)"
