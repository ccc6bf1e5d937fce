"""What is written whole or not at all."""

import pytest

from pipeline.atomic import whole


def make(path, text):
    """A file, or a folder with a file in it."""
    with whole(path) as part:
        target = part
        if not path.suffix:
            part.mkdir()
            target = part / "inside.txt"
        target.write_text(text)


def content(path):
    return (path if path.suffix else path / "inside.txt").read_text()


@pytest.mark.parametrize("name", ["deep/a.txt", "deep/folder"])
def test_it_appears_whole_and_replaces_what_was_there(tmp_path, name):
    for text in ("first", "second"):
        make(tmp_path / name, text)
        assert content(tmp_path / name) == text
    assert [path.name for path in (tmp_path / "deep").iterdir()] == [(tmp_path / name).name]


@pytest.mark.parametrize("name", ["a.txt", "folder"])
def test_an_interruption_leaves_what_was_there(tmp_path, name):
    make(tmp_path / name, "first")
    with pytest.raises(KeyboardInterrupt), whole(tmp_path / name) as part:
        part.write_text("half")
        raise KeyboardInterrupt
    assert content(tmp_path / name) == "first"
    assert [path.name for path in tmp_path.iterdir()] == [name]


def test_a_block_that_writes_nothing_is_an_error_and_keeps_the_former_folder(tmp_path):
    make(tmp_path / "folder", "first")
    with pytest.raises(FileNotFoundError), whole(tmp_path / "folder"):
        pass
    assert content(tmp_path / "folder") == "first"
