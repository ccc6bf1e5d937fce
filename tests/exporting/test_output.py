"""Mistakes with models and places are told in one plain line, and nothing is left behind."""

import pytest

from pipeline.errors import UserError
from pipeline.export import check, export, output


def left(folder):
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*"))


@pytest.mark.parametrize(("model", "told"), [("none.keras", "no such file"), ("unet.keras", "not a model")])
def test_a_model_that_cannot_be_loaded_leaves_nothing_behind(tmp_path, model, told):
    (tmp_path / "unet.keras").write_bytes(b"not a model")
    with pytest.raises(UserError, match=told):
        export(tmp_path / model, "onnx", tmp_path / "out/a.onnx")
    assert left(tmp_path) == ["unet.keras"]


def test_a_wrong_name_is_told():
    with pytest.raises(UserError, match=r"a\.zip: for onnx, the file name must end in \.onnx"):
        check("a.zip", "onnx", overwrite=False)


@pytest.mark.parametrize("name", ["savedmodel", "onnx"])
def test_what_exists_is_kept(tmp_path, name):
    place = tmp_path / "a.onnx"
    place.write_text("old") if name == "onnx" else place.mkdir()
    with pytest.raises(UserError, match="exists; choose another --out"):
        check(place, name, overwrite=False)


def test_a_folder_that_is_no_export_is_never_replaced(tmp_path):
    (tmp_path / "thesis").mkdir()
    with pytest.raises(UserError, match="is not an earlier export"):
        check(tmp_path / "thesis", "savedmodel", overwrite=True)
    (tmp_path / "thesis/card.json").write_text("{}")
    check(tmp_path / "thesis", "savedmodel", overwrite=True)


@pytest.mark.parametrize(("place", "told"), [("file/a.onnx", "File exists"), ("file/deep/a.onnx", "Not a directory")])
def test_a_place_that_cannot_be_written_is_told(tmp_path, place, told):
    (tmp_path / "file").write_text("")
    with (
        pytest.raises(UserError, match=f"cannot be written: {told}"),
        output(tmp_path / place),
    ):
        pytest.fail("nothing can be written there")
    assert left(tmp_path) == ["file"]


def test_a_folder_is_replaced_output(tmp_path):
    place = tmp_path / "saved"
    place.mkdir()
    (place / "old").write_text("")
    with pytest.raises(RuntimeError), output(place) as path:
        path.mkdir()
        raise RuntimeError
    assert left(tmp_path) == ["saved", "saved/old"]
    with output(place) as path:
        path.mkdir()
        (path / "new").write_text("")
    assert left(tmp_path) == ["saved", "saved/new"]


def test_a_full_disk_leaves_nothing_behind(tmp_path):
    with pytest.raises(UserError, match="No space left on device"), output(tmp_path / "deep/er/a.onnx") as path:
        path.write_text("half")
        raise OSError(28, "No space left on device")
    assert left(tmp_path) == ["deep", "deep/er"]
