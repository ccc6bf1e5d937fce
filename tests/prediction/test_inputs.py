"""What a user means by a path, and what its results are called."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.images.ome_zarr import is_volume
from pipeline.prediction.inputs import gather, names


def touch(folder, *files):
    for file in files:
        (folder / file).parent.mkdir(parents=True, exist_ok=True)
        (folder / file).write_bytes(b"x")


def test_nothing_is_told(tmp_path):
    inputs, missing = gather([tmp_path / "none.png", tmp_path, f"{tmp_path}/*.tif"])
    assert inputs == []
    assert len(missing) == 3
    assert missing[0].endswith("none.png: there is no such image, folder or pattern of images")
    touch(tmp_path, "deep/a.png")
    (line,) = gather([tmp_path])[1]
    assert line.endswith(f"there is no image directly in this folder; '{tmp_path}/**/*' looks into its folders as well")
    assert len(gather([f"{tmp_path}/**/*"])[0]) == 1


def test_files_folders_patterns_and_volumes(tmp_path):
    touch(tmp_path, "b.png", "._b.png", "a.TIF", "notes.txt", "deep/c.jpg", "deep/deeper/d.png")
    (tmp_path / "v.ome.zarr").mkdir()
    (tmp_path / "w").mkdir()
    touch(tmp_path, "w/zarr.json")
    found = lambda *arguments: [i.path.relative_to(tmp_path).as_posix() for i in gather(arguments)[0]]  # noqa: E731
    assert found(tmp_path) == ["a.TIF", "b.png", "v.ome.zarr", "w"]
    assert found(f"{tmp_path}/**/*.png") == ["b.png", "deep/deeper/d.png"]
    assert found(tmp_path / "b.png", tmp_path) == ["b.png", "a.TIF", "v.ome.zarr", "w"]  # none twice
    volume = gather([tmp_path / "v.ome.zarr"])[0][0]
    assert is_volume(volume.path) and volume.name == "v"


@pytest.mark.parametrize(
    ("paths", "expected"),
    [
        ([], []),
        (["x.png"], ["x"]),
        (["x.ome.tif", "y.ome.zarr"], ["x", "y"]),
        (["a/x.png", "b/x.png"], ["a_x", "b_x"]),
        (["a/x.png", "a/x.tif"], ["a_x_png", "a_x_tif"]),
        (["a/x.tif", "a/x.ome.tif"], ["a_x_tif", "a_x_ome_tif"]),
        (["...png", "..hidden.png", "a\nb.png", "bad\udcff.png"], ["image", "hidden", "a_b", "bad_"]),
        (["x.png", "X.tif"], ["x_png", "X_tif"]),  # the same name on many file systems
        (["r/a/x.png", "s/a/x.png"], ["r_a_x_png", "s_a_x_png"]),
    ],
)
def test_names(paths, expected):
    assert names([Path(p) for p in paths]) == expected


@given(st.lists(st.text("abx_/.", min_size=1, max_size=8).filter(lambda t: Path(t).name.strip(".")), unique=True, max_size=8))
def test_names_never_collide(texts):
    paths = list(dict.fromkeys(Path(text) for text in texts))
    chosen = names(paths)
    assert all(chosen)
    assert len({name.casefold() for name in chosen}) == len(paths)


def test_a_pattern_of_volumes(tmp_path):
    (tmp_path / "v.zarr").mkdir()
    assert [i.path.name for i in gather([f"{tmp_path}/*.zarr"])[0]] == ["v.zarr"]
    assert gather([tmp_path / "w.zarr"])[1]
