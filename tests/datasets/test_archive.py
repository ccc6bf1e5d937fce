import stat
import zipfile

import pytest

from pipeline.datasets.sources.archive import inside, unpacked
from pipeline.errors import UserError


def _unpack(path, **limits):
    with unpacked(path, **limits) as folder:
        return sorted(str(file.relative_to(folder)) for file in folder.rglob("*") if file.is_file())


@pytest.fixture
def archive(tmp_path, zipped):
    def write(files):
        path = tmp_path / "archive.zip"
        path.write_bytes(zipped(files))
        return path

    return write


def test_empty_archive(archive):
    assert _unpack(archive({})) == []


def test_unpacks_for_the_duration_of_the_block(archive, tmp_path):
    with unpacked(archive({"a/b.txt": b"content", "c.txt": b""})) as folder:
        assert (folder / "a/b.txt").read_bytes() == b"content"
        assert inside(folder, "a") == folder / "a"
        with pytest.raises(UserError, match=r"no folder x; it holds a, c\.txt"):
            inside(folder, "x")
    assert [path.name for path in tmp_path.iterdir()] == ["archive.zip"]


@pytest.mark.parametrize("name", ["../evil", "a/../../evil", "/evil"])
def test_nothing_is_written_outside_the_folder(archive, tmp_path, name):
    (file,) = _unpack(archive({name: b"evil"}))
    assert file in ("evil", "a/evil")
    assert [path.name for path in tmp_path.iterdir()] == ["archive.zip"]


def test_links_are_refused(archive):
    link = zipfile.ZipInfo("link")
    link.external_attr = (stat.S_IFLNK | 0o777) << 16
    with pytest.raises(UserError, match="'link' is a link"):
        _unpack(archive({link: b"/etc/passwd"}))


def test_absurd_sizes_are_refused(archive):
    bomb = archive({"zeros": bytes(1_000_001)})
    assert bomb.stat().st_size < 10_000
    with pytest.raises(UserError, match="at most 1000000 bytes when unpacked, received 1000001"):
        _unpack(bomb, max_bytes=1_000_000)


def test_an_understated_size_does_not_let_more_out(archive):
    path = archive({"zeros": bytes(1_000_001)})
    honest, lie = (1_000_001).to_bytes(4, "little"), (10).to_bytes(4, "little")
    path.write_bytes(path.read_bytes().replace(honest, lie))
    with pytest.raises(UserError, match="not a readable zip archive"):
        _unpack(path, max_bytes=1_000_000)


def test_unusual_compression_is_refused(tmp_path):
    with zipfile.ZipFile(tmp_path / "a.zip", "w", zipfile.ZIP_LZMA) as archive:
        archive.writestr("a", b"a")
    with pytest.raises(UserError, match="unusual method"):
        _unpack(tmp_path / "a.zip")


def test_damaged_archives_are_refused(archive, tmp_path):
    path = archive({"a": bytes(range(256)) * 9})
    content = bytearray(path.read_bytes())
    content[40:60] = bytes(20)
    for damaged in (b"", b"no zip", bytes(content), path.read_bytes()[:-30]):
        (tmp_path / "damaged.zip").write_bytes(damaged)
        with pytest.raises(UserError, match=r"damaged\.zip: not a readable zip archive"):
            _unpack(tmp_path / "damaged.zip")
