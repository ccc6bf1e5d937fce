import hashlib

import pytest

from pipeline.errors import UserError
from pipeline.sources.fetch import Remote, fetch

CONTENT = bytes(range(256)) * 40
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
    return sorted(path.name for path in cache.iterdir()) if cache.exists() else []


def test_downloads_once_for_all(get, server, cache):
    assert get(CONTENT).path.read_bytes() == CONTENT
    assert get(404).sha256 == SHA256
    assert server.asked == ["/file.bin"]
    assert _kept(cache) == ["file.bin"]


def test_damaged_file_in_the_cache_is_downloaded_again(get, cache):
    get(CONTENT).path.write_bytes(b"damaged")
    assert get().path.read_bytes() == CONTENT


def test_missing_file_is_not_tried_again(get, server, cache):
    with pytest.raises(UserError, match=r"/file\.bin: expected a file, received 404 Not Found.*mirror"):
        get(404)
    assert len(server.asked) == 1
    assert _kept(cache) == []


@pytest.mark.parametrize(
    "bad",
    [500, 503, 429, ("cut", CONTENT), ("cut silently", CONTENT), ("stall", CONTENT)],
    ids=lambda bad: str(bad) if isinstance(bad, int) else bad[0],
)
def test_passing_trouble_is_tried_again(get, server, cache, bad):
    assert get(bad, CONTENT).path.read_bytes() == CONTENT
    assert len(server.asked) == 2


@pytest.mark.parametrize(
    "bad", [500, ("cut", CONTENT), ("stall", CONTENT)], ids=lambda bad: str(bad) if isinstance(bad, int) else bad[0]
)
def test_lasting_trouble_is_told_after_the_last_attempt(get, server, cache, bad):
    with pytest.raises(UserError, match=r"/file\.bin: expected a"):
        get(bad, waits=(0,))
    assert len(server.asked) == 2
    assert _kept(cache) == []


def test_nobody_listens(cache):
    with pytest.raises(UserError, match="expected a whole file"):
        fetch(Remote("a", "http://127.0.0.1:1/a"), waits=())


def test_wrong_bytes_are_named_and_not_kept(get, server, cache):
    with pytest.raises(UserError) as caught:
        get(WRONG)
    assert all(text in str(caught.value) for text in (SHA256, hashlib.sha256(WRONG).hexdigest(), server.url("/file.bin")))
    assert len(server.asked) == 1
    assert _kept(cache) == []


def test_wrong_size_is_told_even_where_no_checksum_is_known(get, cache):
    with pytest.raises(UserError, match=f"expected {SIZE} bytes, received {SIZE + 1}"):
        get(CONTENT + b"x", sha256=None)
    assert _kept(cache) == []


def test_unpublished_checksum_is_recorded_and_held_to(get, cache):
    assert get(CONTENT, sha256=None).sha256 == SHA256
    (cache / "file.bin").unlink()
    with pytest.raises(UserError, match=r"as at the first download \(delete .*file\.bin\.sha256 to accept"):
        get(WRONG, sha256=None)
    assert _kept(cache) == ["file.bin.sha256"]
    (cache / "file.bin.sha256").unlink()
    assert get(WRONG, sha256=None).path.read_bytes() == WRONG


def test_mirrors(get, server, cache, tmp_path):
    server.routes["/mirror"] = [CONTENT]
    get(404, url=server.url("/mirror")).path.unlink()
    (tmp_path / "my file").write_bytes(CONTENT)
    assert get(404, url=(tmp_path / "my file").as_uri()).path.read_bytes() == CONTENT
    assert server.asked == ["/mirror"]


@pytest.mark.parametrize(
    ("url", "message"), [("file:///no/such/file", "received nothing at"), ("ftp://a/b", "https://"), ("plain", "https://")]
)
def test_impossible_mirrors(get, cache, url, message):
    with pytest.raises(UserError, match=message):
        get(CONTENT, url=url)
    assert _kept(cache) == []


def test_cache_that_cannot_be_made(get, cache):
    cache.write_text("a file where the folder should be")
    with pytest.raises(UserError, match="writable folder"):
        get(CONTENT)
