"""What ``dvc.lock`` says of finished stages, held against ``params.yaml`` as it is now."""

from pathlib import Path
from types import SimpleNamespace

import pytest

from pipeline.atomic import digest
from pipeline.reporting.freshness import outdated, outdated_transfer

RESULTS = {"dataset": "nuclei", "files": {}, "networks": ["unet"]}
PARAMS = {"seed": 1, "train": {"lr": 1e-5, "epochs": 4}, "inference": {"flips": False}, "unet": {"filters": 16}}
PARAMS |= {"datasets": {"nuclei": {"path": "a", "split": {"val": 0.2}}, "cells": {"path": "b"}}}
READ = {
    "download@nuclei": ("datasets.nuclei.path",),
    "patchify@nuclei": ("seed", "datasets.nuclei.split"),
    "train-unet@nuclei": ("seed", "train", "unet.filters"),
    "evaluate@nuclei": ("inference",),
    "download@cells": ("datasets.cells.path",),
    "transfer@nuclei-on-cells": ("inference",),
    "train-unet@cells": ("train",),
}
OUTS = {"train-unet@nuclei": ["models/nuclei/unet.keras"], "train-unet@cells": ["models/cells/unet.keras"]}
TRANSFER = SimpleNamespace(model="nuclei", images="cells")


def value(key, values):
    for part in key.split("."):
        values = values[part]
    return values


@pytest.fixture
def lock():
    """Of stages that all ran with `PARAMS`."""
    stages = {}
    for stage, keys in READ.items():
        outs = [{"path": path} for path in OUTS.get(stage, [])]
        stages[stage] = {"params": {"params.yaml": {key: value(key, PARAMS) for key in keys}}, "outs": outs}
    return {"stages": stages}


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({}, []),
        ({"train": {"lr": "1e-5", "epochs": 4}}, []),  # the same number, as `dvc exp run -S` writes it
        ({"train": {"lr": 1e-4, "epochs": 4}}, ["train.lr was 1e-05 and is 0.0001"]),
        (
            {"unet": {"filters": 8}, "inference": {"flips": True}},
            ["unet.filters was 16 and is 8", "inference.flips was False and is True"],
        ),
        ({"datasets": PARAMS["datasets"] | {"cells": {"path": "c"}}}, []),
    ],
)
def test_settings_of_every_stage_behind_a_result(lock, changes, told):
    assert outdated("nuclei", RESULTS, ["unet"], PARAMS | changes, lock) == told


def test_networks_that_came_or_went(lock):
    assert outdated("nuclei", RESULTS, ["toy"], PARAMS, lock) == ["toy not evaluated yet", "unet no longer trained on it"]


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({}, []),
        ({"datasets": PARAMS["datasets"] | {"cells": {"path": "c"}}}, ["datasets.cells.path was b and is c"]),
        ({"unet": {"filters": 8}}, ["unet.filters was 16 and is 8"]),
    ],
)
def test_settings_behind_a_transfer(lock, changes, told):
    assert outdated_transfer("nuclei-on-cells", TRANSFER, ["unet"], PARAMS | changes, lock) == told


def test_a_new_split_of_the_images_of_a_transfer(lock, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    split, key = Path("data/patches/cells/split.csv"), "nuclei-on-cells"
    split.parent.mkdir(parents=True)
    split.write_text("name,split\na,test\n")
    lock["stages"][f"transfer@{key}"]["deps"] = [{"path": str(split), "md5": digest(split, "md5")}]
    assert outdated_transfer(key, TRANSFER, ["unet"], PARAMS, lock) == []
    split.write_text("name,split\na,train\n")
    assert outdated_transfer(key, TRANSFER, ["unet"], PARAMS, lock) == [f"{split} has changed since"]
