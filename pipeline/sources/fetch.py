"""Download one file, verify it, and keep it for all experiments."""

import shutil
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlparse
from urllib.request import url2pathname

import pooch
import requests

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

    The bytes go to a temporary file that takes its name only when it is whole and verified.

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
        With the address, what was expected and what was received. Nothing of the failed download is kept.
    """
    url = url or remote.url
    folder = paths.downloads()
    record = folder / f"{remote.name}.sha256"
    expected = remote.sha256 or _recorded(record)

    def download(url, part, _pooch):
        print(f"downloading {url}", file=sys.stderr)
        _copy(url, part, timeout)
        _verify(url, Path(part), remote, expected, record)

    pooch.get_logger().setLevel("WARNING")  # its advice on checksums is for programmers
    for wait in (*waits, None):
        try:
            path = Path(pooch.retrieve(url, expected, remote.name, folder, downloader=download))
            break
        except requests.RequestException as error:
            if wait is None or not _passing(error):
                raise UserError(f"{_finding(url, error)}; {_remedy(remote)}") from error
            print(f"{_finding(url, error)}; trying again in {wait:g} s", file=sys.stderr)
            time.sleep(wait)
        except OSError as error:
            raise UserError(f"{folder}: expected room for {remote.name} in a writable folder, received: {error}") from error
    sha256 = expected or pooch.file_hash(str(path))
    if remote.sha256 is None:
        record.write_text(f"{sha256}  {remote.name}\n")
    return Fetched(path, sha256)


def _copy(url, part, timeout):
    scheme = urlparse(url).scheme
    if scheme == "file":
        source = Path(url2pathname(urlparse(url).path))
        if not source.is_file():
            raise UserError(f"{url}: expected a file, received nothing at {source}")
        shutil.copyfile(source, part)
    elif scheme in ("http", "https"):
        # A bar is for people; in a log it would be hundreds of lines.
        pooch.HTTPDownloader(progressbar=sys.stderr.isatty(), timeout=timeout, chunk_size=2**16)(url, part, None)
    else:
        raise UserError(f"{url}: expected an address that begins with https://, http:// or file://")


def _verify(url, part, remote, expected, record):
    size = part.stat().st_size
    if remote.size is not None and size < remote.size and not url.startswith("file:"):
        raise requests.ConnectionError(f"{size} of {remote.size} bytes")  # cut short where the server stated no length
    if remote.size not in (None, size):
        raise UserError(f"{url}: expected {remote.size} bytes, received {size}; nothing was kept")
    received = pooch.file_hash(str(part))
    if expected not in (None, received):
        origin = "" if remote.sha256 else f" as at the first download (delete {record} to accept the change)"
        raise UserError(f"{url}: expected sha256 {expected}{origin}, received {received}; nothing was kept")


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
