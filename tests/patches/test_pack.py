"""Packing: the same bytes whatever the number of threads, in memory that does not grow with the data."""

import json
import re
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pandas as pd
import pytest
from PIL import ExifTags, Image

from pipeline import params, paths
from pipeline.datasets.download import download
from pipeline.datasets.layout import read_table
from pipeline.images.io import read_image
from pipeline.patches.pack import pack
from pipeline.patches.rows import Rows
from pipeline.patches.split import assign_splits


def test_rows_written_in_any_order_are_what_numpy_saves(tmp_path):
    values = np.random.default_rng(0).random((50, 3, 4)).astype(np.float32)
    rows = Rows.create(tmp_path / "rows.npy", 50, (3, 4), np.float32)
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda row: rows.write(row, values[row]), reversed(range(50))))
    np.save(tmp_path / "whole.npy", values)
    assert (tmp_path / "rows.npy").read_bytes() == (tmp_path / "whole.npy").read_bytes()


def test_a_row_of_another_shape_is_refused(tmp_path):
    rows = Rows.create(tmp_path / "rows.npy", 2, (3, 4), bool)
    with pytest.raises(ValueError, match=r"expected a row of shape \(3, 4\), received \(4, 3\)"):
        rows.write(0, np.zeros((4, 3), bool))


@pytest.mark.parametrize("name", ["polyps", "tissue"])
def test_the_bytes_do_not_depend_on_the_threads(tmp_path, monkeypatch, name):
    settings = params.load()
    monkeypatch.chdir(tmp_path)
    download(name, settings)
    own, raw = settings.dataset(name), paths.raw(name)
    table = assign_splits(read_table(raw / "images.csv"), own.split.method, own.split.val, own.split.test, 0, 1, 1)
    table = table.iloc[::4]
    for threads in (1, 4):
        pack(raw, tmp_path / str(threads), table, own, settings.augment, 1, threads)
    files = sorted(path.relative_to(tmp_path / "1") for path in (tmp_path / "1").rglob("*") if path.is_file())
    assert len(files) == 7
    for file in files:
        assert (tmp_path / "1" / file).read_bytes() == (tmp_path / "4" / file).read_bytes(), file


def test_images_smaller_than_a_patch_are_told(tmp_path, monkeypatch, capsys):
    settings = params.load()
    monkeypatch.chdir(tmp_path)
    download("polyps", settings)
    own, raw = settings.dataset("polyps"), paths.raw("polyps")
    table = read_table(raw / "images.csv").iloc[:3].assign(split=["train", "train", "val"])
    shape = read_image(raw / table["image"].iloc[0]).shape
    for rows, told in ((shape[0], ""), (shape[0] + 1, "train: 2 of 2 images are smaller than a patch of")):
        patches = own.patches.model_copy(update={"resize": None, "size": (rows, shape[1])})
        pack(raw, tmp_path / "packed", table, own.model_copy(update={"patches": patches}), settings.augment, 1)
        said = capsys.readouterr().out
        assert said.startswith(told) and bool(said) == bool(told)


def test_memory_does_not_grow_with_the_patches(tmp_path):
    """More is written than the peak may be: 4,352 patches of 256 × 256 pixels with their masks are 0.57 GB."""
    (tmp_path / "work").mkdir()
    command = [sys.executable, "-m", "tests.images.many", "--here", str(tmp_path / "work"), "5120"]
    said = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    written, peak = re.search(r"([\d.]+) GB", said), re.search(r"([\d.]+) GiB", said)
    assert float(written[1]) > 0.53
    assert float(peak[1]) < 0.5


def test_patches_of_a_photograph_that_is_stored_on_its_side(tmp_path, monkeypatch):
    """A camera's JPEG keeps the turn beside the pixels; sources such as kvasir-seg keep the file."""
    settings = params.load()
    monkeypatch.chdir(tmp_path)
    upright = np.random.default_rng(0).integers(0, 256, (96, 64, 3), np.uint8)
    for folder in ("images", "masks"):
        (tmp_path / "raw" / folder).mkdir(parents=True)
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = 6
    Image.fromarray(np.rot90(upright).copy()).save(tmp_path / "raw/images/a.jpg", exif=exif, quality=100)
    Image.fromarray(upright[..., 0] > 128).save(tmp_path / "raw/masks/a.png")
    info = {"name": "polyps", "source": "kvasir-seg", "task": "segmentation", "classes": ["background", "polyp"], "channels": 3}
    info |= {"pixel_size_nm": None, "phantom": False, "licence": "", "citation": ""}
    (tmp_path / "raw/dataset.json").write_text(json.dumps(info))
    record = {"name": "a", "image": "images/a.jpg", "mask": "masks/a.png", "group": "a", "label": "", "split": "train"}
    own = settings.dataset("polyps")
    patches = own.patches.model_copy(update={"resize": None, "size": (96, 64), "stride": (96, 64)})
    own = own.model_copy(update={"patches": patches})
    augment = settings.augment.model_copy(update={"copies": 0})
    pack(tmp_path / "raw", tmp_path / "packed", pd.DataFrame([record, record | {"split": "val"}]), own, augment, 1)
    packed = np.load(tmp_path / "packed/train/images.npy")
    np.testing.assert_array_equal(packed, read_image(tmp_path / "raw/images/a.jpg")[None])
