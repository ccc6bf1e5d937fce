"""The whole of patchify on a small folder of images, and its pictures."""

import io
import json

import numpy as np
import pandas as pd
import pytest
from PIL import Image
from PIL.ImageColor import getrgb

from pipeline import params, paths
from pipeline.datasets.layout import DatasetInfo, DatasetWriter
from pipeline.errors import UserError
from pipeline.images.colours import class_colour
from pipeline.patches.packed import load_card, load_packed
from pipeline.patches.patchify import leakage_sheet, patchify, preview

ORANGE = (0xE6, 0x9F, 0x00)
CELLS = {
    "task": "segmentation",
    "source": "folder",
    "path": "cells",
    "split": {"method": "blocks", "val": 0.25, "test": 0.25},
    "patches": {"size": [16, 16], "stride": [16, 16]},
}


@pytest.fixture
def cells(tmp_path, monkeypatch):
    """Eight images of noise in two patches each, four for training; returns the params."""
    settings = params.load()
    monkeypatch.chdir(tmp_path)
    rng = np.random.default_rng(0)
    with DatasetWriter(paths.raw("cells")) as writer:
        for number in range(8):
            image = rng.integers(0, 256, (16, 32, 1), np.uint8)
            writer.add(f"c{number}", image, mask=image[..., 0] > 128)
        writer.finish(DatasetInfo("cells", "folder", "segmentation", ("background", "cell"), 1))
    augment = settings.augment.model_copy(update={"copies": 1})
    return settings.model_copy(update={"datasets": {"cells": params.Dataset(**CELLS)}, "augment": augment})


def test_every_output_exists_even_if_no_near_duplicate_does(cells, capsys):
    patchify("cells", cells)
    train = load_packed(paths.patches("cells"), "train")
    assert train.images.shape == (16, 16, 16, 1) and train.targets.shape == (16, 16, 16)
    assert load_packed(paths.patches("cells"), "val").images.shape == (4, 16, 16, 1)
    card = load_card(paths.patches("cells"))
    assert (card["task"], card["resize"], card["patch_size"]) == ("segmentation", None, [16, 16])
    assert (card["split_method"], card["unit"]["name"]) == ("blocks", "image")
    split = pd.read_csv(paths.patches("cells") / "split.csv")
    assert split["split"].tolist() == ["train"] * 4 + ["val"] * 2 + ["test"] * 2
    assert split["unit"].tolist()[3:6] == ["train block 4", "val block 1", "val block 2"]
    manifest = pd.read_csv(paths.patches("cells") / "manifest.csv")
    assert manifest.loc[:4, ["name", "left", "copy"]].values.tolist() == [
        ["c0", 0, 0], ["c0", 0, 1], ["c0", 16, 0], ["c0", 16, 1], ["c1", 0, 0],
    ]  # fmt: skip
    assert json.loads(paths.audit("cells").read_text())["pairs"] == 4 * 2 + 4 * 2 + 2 * 2
    assert pd.read_csv(paths.leakage("cells", "csv")).empty
    for picture in (paths.preview("cells"), paths.leakage("cells", "png")):
        assert Image.open(picture).format == "PNG"
    assert capsys.readouterr().out.splitlines() == [
        "data/patches/cells: 16 train, 4 val patches",
        "data/patches/cells: 4 train, 2 val, 2 test images",
        "data/patches/cells: 0 of 20 pairs of images on different sides are near-duplicates",
        "data/patches/cells: 2 independent units in test (image)",
    ]


def test_the_same_seed_gives_the_same_bytes(cells):
    outputs = []
    for _ in range(2):
        patchify("cells", cells)
        files = [path for folder in ("data/patches", "reports") for path in sorted(paths.Path(folder).rglob("*"))]
        outputs.append({path: path.read_bytes() for path in files if path.is_file()})
    assert outputs[0] == outputs[1] and len(outputs[0]) == 11


@pytest.mark.parametrize("targets", [np.zeros((1, 20, 30), bool), np.ones((1, 20, 30), bool), np.array([3])])
def test_preview_of_a_single_patch(targets):
    assert Image.open(io.BytesIO(preview(np.zeros((1, 20, 30, 1), np.uint8), targets, list("abcd")))).format == "PNG"


@pytest.mark.parametrize("row", range(200, 208))
def test_preview_outlines_the_thinnest_object_of_a_large_patch(row):
    mask = np.zeros((1, 512, 512), bool)
    mask[:, row] = True
    shown = np.asarray(Image.open(io.BytesIO(preview(np.zeros((1, 512, 512, 1), np.uint8), mask, ["background", "cell"]))))
    assert (shown[..., :3] == ORANGE).all(axis=-1).any()


def test_preview_names_the_colour_of_each_class():
    mask = np.zeros((1, 32, 32), np.uint8)
    mask[:, 8:20, 8:20] = 2
    drawn = [preview(np.zeros((1, 32, 32, 1), np.uint8), mask, ["background", "cell", name]) for name in ("nucleus", "border")]
    assert drawn[0] != drawn[1]
    shown = np.asarray(Image.open(io.BytesIO(drawn[0])))[..., :3]
    assert all((shown == getrgb(class_colour(number))).all(axis=-1).any() for number in (1, 2))


def test_the_leakage_sheet_shows_both_images_of_a_pair():
    images = {"a": np.full((8, 8, 1), 50, np.uint8), "b": np.full((8, 8, 1), 200, np.uint8)}
    pairs = pd.DataFrame([["a", "train", "b", "test", 0.9, "none", False]])
    pairs.columns = ["name_a", "side_a", "name_b", "side_b", "correlation", "symmetry", "identical"]
    page = np.asarray(Image.open(io.BytesIO(leakage_sheet(pairs, images.get))))
    for grey in (50, 200):
        assert (page == (grey, grey, grey, 255)).all(axis=-1).sum() == 180 * 180


def test_identical_images_are_listed_before_they_are_refused(cells):
    """DVC keeps what a stage wrote before it failed."""
    images = [paths.raw("cells") / f"images/c{number}.png" for number in (0, 7)]
    images[1].write_bytes(images[0].read_bytes())
    with pytest.raises(UserError, match=r"c0 \(train\) and c7 \(test\) are identical"):
        patchify("cells", cells)
    assert pd.read_csv(paths.leakage("cells", "csv"))[["name_a", "name_b"]].values.tolist() == [["c0", "c7"]]
    assert Image.open(paths.leakage("cells", "png")).format == "PNG"
    assert not paths.patches("cells").exists()
