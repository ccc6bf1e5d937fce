"""Objects of label images, from the folder to the card and the score: how predicted ones are separated is chosen and kept."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import tifffile
import yaml
from PIL import Image

from pipeline import paths
from pipeline.images.io import write_instances
from pipeline.inference.model import load_trained
from pipeline.predict import describe, predict
from pipeline.predict import main as predict_main
from pipeline.stages import download, evaluate, patchify, train
from pipeline.tasks.segmentation.separation import choose_objects, numbered
from pipeline.tasks.segmentation.threshold import choose_threshold
from tests.builder import bright


def pair(angle=0.0, distance=18, radius=10, shape=(48, 48)):
    """A label image of two discs that touch."""
    rows, columns = np.indices(shape)
    step = np.array([np.sin(angle), np.cos(angle)]) * distance / 2
    middle = (np.array(shape) - 1) / 2
    one, other = (np.hypot(rows - r, columns - c) for r, c in (middle - step, middle + step))
    return np.where(np.minimum(one, other) < radius, np.where(one < other, 3, 8), 0).astype(np.uint16)


def blobs_with_holes():
    """A label image of two separate squares, each with two holes between its halves, which narrow bridges connect."""
    square = np.ones((32, 40), np.uint16)
    square[2:15, 18:22] = square[17:30, 18:22] = 0
    return np.hstack([np.pad(square, 3), np.pad(2 * square, 3)])


def test_touching_discs_choose_the_watershed():
    discs = [pair(angle) for angle in (0, 0.5, 1, 2)]
    assert chosen((labels, labels > 0) for labels in discs) == ("watershed", 1)


def test_separate_blobs_with_holes_choose_components():
    labels = blobs_with_holes()
    assert numbered(labels > 0, split=True).max() == 4  # the watershed would cut them
    assert chosen([(labels, labels > 0)]) == ("components", 1)


@pytest.mark.parametrize("images", [[], [(np.zeros((4, 4), int), np.zeros((4, 4), bool))], [(pair(distance=0), pair() > 0)]])
def test_components_are_chosen_if_nothing_speaks_for_the_watershed(images):
    assert chosen(images) == ("components", 1)


def test_a_mask_does_not_say_which_of_its_objects_touch():
    discs = [pair(angle) > 0 for angle in (0, 1)]
    assert chosen((mask, mask) for mask in discs) == ("components", 1)


def speckled(*areas):
    """A mask of a square of 16 pixels, and the same with specks of some areas."""
    mask = np.zeros((12, 12), bool)
    mask[:4, :4] = True
    found = mask.copy()
    for number, area in enumerate(areas):
        found[6 + 2 * number, :area] = True
    return mask, found


def test_specks_do_not_count():
    assert chosen([speckled(1, 3)]) == ("components", 4)
    assert chosen([speckled(1, 2), speckled(2, 1)]) == ("components", 4)  # the smallest power of two above


def test_small_objects_that_are_right_count():
    mask = np.zeros((12, 12), bool)
    mask[0, :3] = mask[11, :3] = True
    assert chosen([(mask, mask)]) == ("components", 1)


def chosen(images):
    """What is chosen for some (reference, mask), each a unit of its own."""
    found = choose_objects((f"unit {number}", *image) for number, image in enumerate(images))
    return found["separation"], found["smallest"]


@pytest.mark.parametrize(
    ("instances", "resize", "expected"),
    [(True, None, "watershed"), (True, [24, 24], "watershed"), (False, None, "components")],
)
def test_training_chooses_on_validation(tmp_path, monkeypatch, instances, resize, expected):
    """The same masks with and without the numbers of their objects."""
    monkeypatch.chdir(tmp_path)
    raw, rows = paths.raw("cells"), []
    raw.mkdir(parents=True)
    for number, split in enumerate(("val", "val", "train")):
        labels = pair(number)
        Image.fromarray(np.where(labels, 220, 30).astype(np.uint8)).save(raw / f"{number}.png")
        Image.fromarray(labels > 0).save(raw / f"{number}_mask.png")
        write_instances(raw / f"{number}.tif", labels)
        files = {"image": f"{number}.png", "mask": f"{number}_mask.png", "instances": f"{number}.tif" if instances else ""}
        rows.append({"name": number, "group": number, **files, "split": split, "unit": number})
    paths.patches("cells").mkdir(parents=True)
    pd.DataFrame(rows).to_csv(paths.patches("cells") / "split.csv", index=False)
    found, _ = choose_threshold(bright(), "cells", {"resize": resize, "intensity_range": [[0, 255]]})
    assert (found["separation"], found["smallest"]) == (expected, 1)


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A folder of label images, downloaded, cut, and trained on for a moment; the card's choice is then the watershed."""
    root = tmp_path_factory.mktemp("cells")
    params = yaml.safe_load(Path("params.yaml").read_text())
    block = params["datasets"]["mitochondria"] | {"source": "folder", "path": "own"}
    block |= {"split": {"method": "random", "val": 0.25, "test": 0.25}, "patches": {"size": [48, 48], "stride": [48, 48]}}
    block["folder"] = {"instances": True}
    params["datasets"] = {"cells": block}
    params["augment"]["copies"] = 0
    params["train"] |= {"epochs": 1, "batch_size": 2, "precision": "float32"}
    params["unet"] |= {"filters": 2, "depth": 1, "datasets": ["cells"]}
    params["attn_resunet"]["datasets"] = params["vgg16"]["datasets"] = []
    (root / "params.yaml").write_text(yaml.safe_dump(params))
    rng = np.random.default_rng(0)
    for folder in ("images", "masks"):
        (root / "own" / folder).mkdir(parents=True)
    for number in range(8):
        labels = pair(number)
        image = np.where(labels, 200, 40) + rng.integers(0, 9, labels.shape)
        Image.fromarray(image.astype(np.uint8)).save(root / f"own/images/{number}.png")
        tifffile.imwrite(root / f"own/masks/{number}.tif", labels)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(root)
        for stage, arguments in ((download, ["cells"]), (patchify, ["cells"]), (train, ["cells", "unet"])):
            stage.main(*arguments)
    return root


def test_a_folder_of_label_images_is_scored_by_the_choice_on_its_card(trained, monkeypatch):
    monkeypatch.chdir(trained)
    model = paths.model("cells", "unet")
    card = json.loads(model.with_suffix(".json").read_text())
    assert card["separation"] in ("components", "watershed")
    paths.trained_networks("cells").write_text('["unet"]')
    bright().save(model)  # exact predictions, whatever the moment of training gave
    for separation, found in (("watershed", [4, 4]), ("components", [4, 2])):
        changed = {"separation": separation, "smallest": 1, "threshold": 0.5, "threshold_flips": 0.5}
        model.with_suffix(".json").write_text(json.dumps(card | changed))
        evaluate.main("cells")
        detail = json.loads((paths.details("cells", "unet") / "detail.json").read_text())
        assert [detail["objects"][name] for name in ("reference", "predicted")] == found
        pq = json.loads(paths.metrics("cells", "unet").read_text())["pq"]
        assert pq > 0.95 if separation == "watershed" else pq < 0.4
        image = np.where(pair(0), 200, 40).astype(np.uint8)
        for choice, count in ((None, found[1] // 2), (True, 2), (False, 1)):
            assert predict(load_trained(model), image, split=choice).labels.max() == count
        assert ("separated by a watershed" in describe(model, load_trained(model))) == (separation == "watershed")
    for number, (options, count) in enumerate((([], 1), (["--split"], 2), (["--no-split"], 1))):
        predict_main([str(model), "own/images/0.png", "--out", f"out{number}", *options])
        assert tifffile.imread(f"out{number}/0_labels.tif").max() == count
