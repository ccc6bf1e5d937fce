import hashlib
import shutil
from concurrent.futures import ThreadPoolExecutor

import pytest

from pipeline.datasets.sources.fetch import Remote, fetch
from pipeline.errors import UserError

CONTENT = bytes(range(256)) * 4000  # a megabyte: about sixteen of the pieces that are written at a time
PIECE = 2**16
SHA256 = hashlib.sha256(CONTENT).hexdigest()
SIZE = len(CONTENT)
WRONG = b"x" * SIZE


@pytest.fixture
def get(server, cache):
    def get(*behaviours, sha256=SHA256, size=SIZE, url=None, waits=(0, 0)):
        if behaviours:
            server.routes["/file.bin"] = list(behaviours)
        remote = Remote("file.bin", server.url("/file.bin"), sha256, size)
        return fetch(remote, url, timeout=0.3, waits=waits)

    return get


def _kept(cache):
    """Files of the cache, but for the lock, which has no content."""
    return sorted(path.name for path in cache.iterdir() if path.suffix != ".lock") if cache.exists() else []


def test_downloads_once_for_all(get, server, cache):
    assert get(CONTENT).read_bytes() == CONTENT
    assert get(404).read_bytes() == CONTENT
    assert server.asked == ["/file.bin"]
    assert _kept(cache) == ["file.bin"]


def test_damaged_file_in_the_cache_is_downloaded_again(get, cache):
    get(CONTENT).write_bytes(b"damaged")
    assert get().read_bytes() == CONTENT


def test_missing_file_is_not_tried_again(get, server, cache):
    with pytest.raises(UserError, match=r"/file\.bin: cannot download it .*404.*mirror"):
        get(404)
    assert len(server.asked) == 1
    assert _kept(cache) == []


@pytest.mark.parametrize(
    "bad",
    [500, 503, 429, ("cut", CONTENT), ("cut silently", CONTENT), ("stall", CONTENT)],
    ids=lambda bad: str(bad) if isinstance(bad, int) else bad[0],
)
def test_passing_trouble_is_tried_again(get, server, cache, bad):
    assert get(bad, CONTENT).read_bytes() == CONTENT
    assert len(server.asked) == 2


@pytest.mark.parametrize(
    "bad", [500, ("cut", CONTENT), ("stall", CONTENT)], ids=lambda bad: str(bad) if isinstance(bad, int) else bad[0]
)
def test_lasting_trouble_is_an_error_after_the_last_attempt(get, server, cache, bad):
    with pytest.raises(UserError, match=r"/file\.bin: cannot download it"):
        get(bad, waits=(0,))
    assert len(server.asked) == 2
    assert "file.bin" not in _kept(cache)


@pytest.mark.parametrize("tenth", range(10))
@pytest.mark.parametrize("resumable", [True, False], ids=["resumable", "from the start"])
def test_a_download_cut_at_every_tenth_goes_on(get, server, cache, tenth, resumable):
    cut = SIZE * tenth // 10
    good = ("resumable", (CONTENT, '"1"', SIZE)) if resumable else CONTENT
    with pytest.raises(UserError, match="cannot download it"):
        get(("resumable", (CONTENT, '"1"', cut)), waits=())
    assert get(good).read_bytes() == CONTENT
    kept = cut // PIECE * PIECE
    assert server.ranges == [None, f"bytes={kept}-" if kept else None]
    assert _kept(cache) == ["file.bin"]


def test_a_new_version_is_not_joined_to_the_old_one(get, server, cache):
    with pytest.raises(UserError, match="cannot download it"):
        get(("resumable", (WRONG, '"old"', PIECE)), waits=())
    assert get(("resumable", (CONTENT, '"new"', SIZE))).read_bytes() == CONTENT
    assert server.ranges == [None, f"bytes={PIECE}-"]


def test_parts_that_do_not_fit_are_not_accepted(get, server, cache):
    """A server that gives two contents the same version: the checksum tells, and the download begins again."""
    with pytest.raises(UserError, match="cannot download it"):
        get(("resumable", (WRONG, '"1"', PIECE)), waits=())
    assert get(("resumable", (CONTENT, '"1"', SIZE))).read_bytes() == CONTENT
    assert server.ranges == [None, f"bytes={PIECE}-", None]


def test_a_part_that_is_already_whole_is_taken(get, server, cache):
    with pytest.raises(UserError, match="cannot download it"):
        get(("resumable", (CONTENT, '"1"', SIZE - 1)), waits=())
    (cache / ".file.bin.part").write_bytes(CONTENT)
    assert get(("resumable", (CONTENT, '"1"', SIZE))).read_bytes() == CONTENT


def test_two_at_once_download_once(server, cache):
    server.routes["/file.bin"] = [("slow", CONTENT)]
    remote = Remote("file.bin", server.url("/file.bin"), SHA256, SIZE)
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda _: fetch(remote), range(4)))
    assert [one.read_bytes() == CONTENT for one in found] == [True] * 4
    assert server.asked == ["/file.bin"]


def test_a_full_disk_is_an_error_before_the_download(get, cache, monkeypatch):
    usage = shutil.disk_usage("/")
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage._replace(free=SIZE - 1))
    with pytest.raises(UserError, match=f"needs {SIZE} bytes of free space"):
        get(CONTENT)
    assert "file.bin" not in _kept(cache)


def test_nobody_listens(cache):
    with pytest.raises(UserError, match="cannot download it"):
        fetch(Remote("a", "http://127.0.0.1:1/a"), waits=())


def test_wrong_bytes_are_named_and_not_kept(get, server, cache):
    with pytest.raises(UserError) as caught:
        get(WRONG)
    assert all(text in str(caught.value) for text in (SHA256, hashlib.sha256(WRONG).hexdigest(), server.url("/file.bin")))
    assert len(server.asked) == 1
    assert _kept(cache) == []


def test_a_wrong_size_is_an_error_even_without_a_checksum(get, cache):
    with pytest.raises(UserError, match=f"expected {SIZE} bytes, received {SIZE + 1}"):
        get(CONTENT + b"x", sha256=None)
    assert _kept(cache) == []


def test_an_unpublished_checksum_is_recorded_and_kept(get, server, cache):
    get(CONTENT, sha256=None).unlink()
    remote = Remote("file.bin", server.url("/file.bin"))
    assert remote.provenance()["sha256"] == {"file.bin": SHA256}
    assert (cache / "file.bin.sha256").read_text() == f"{SHA256}  file.bin\n"
    with pytest.raises(UserError, match=r"changed since the first download: delete .*file\.bin\.sha256 to accept it"):
        get(WRONG, sha256=None)
    assert _kept(cache) == ["file.bin.sha256"]
    (cache / "file.bin.sha256").unlink()
    assert get(WRONG, sha256=None).read_bytes() == WRONG


def test_mirrors(get, server, cache, tmp_path):
    server.routes["/mirror"] = [CONTENT]
    get(404, url=server.url("/mirror")).unlink()
    (tmp_path / "my file").write_bytes(CONTENT)
    assert get(404, url=(tmp_path / "my file").as_uri()).read_bytes() == CONTENT
    assert server.asked == ["/mirror"]


@pytest.mark.parametrize(
    ("url", "message"), [("file:///no/such/file", "No such file"), ("ftp://a/b", "ftp.*https://"), ("plain", "plain.*https://")]
)
def test_impossible_mirrors(get, cache, url, message):
    with pytest.raises(UserError, match=message):
        get(CONTENT, url=url)
    assert _kept(cache) == []


def test_cache_that_cannot_be_made(get, cache):
    cache.write_text("a file where the folder should be")
    with pytest.raises(UserError, match=r"cannot download it to .*file\.bin"):
        get(CONTENT)
