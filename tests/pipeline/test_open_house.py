"""A data set and a network are added by editing params.yaml, and a network's own file, alone."""

import json
import shutil

import numpy as np
import pytest
import tifffile
from PIL import Image
from ruamel.yaml import YAML

from pipeline import predict
from tests.pipeline import own_images
from tests.pipeline.project import Project

TOY = '''"""One convolution."""

import keras

from pipeline.networks.common import blocks
from pipeline.networks.common.settings import NetworkSettings as Settings

TITLE, CITATION, TASK = "Toy", "nobody, 2000", "segmentation"


def build(*, channels, mean, variance):
    inputs, x = blocks.image_input(channels, mean, variance)
    return keras.Model(inputs, blocks.logits(blocks.convolution(x, 4, "none")))
'''


def edit(project, change):
    """Change params.yaml as an editor would: comments and the form of everything else stay."""
    yaml, file = YAML(), project.root / "params.yaml"
    yaml.width = 1000
    values = yaml.load(file.read_text())
    change(values)
    with open(file, "w") as stream:
        yaml.dump(values, stream)


@pytest.fixture(scope="module")
def own(project, tmp_path_factory):
    """A copy of the project that has run, so that only what is new has to run."""
    root = tmp_path_factory.mktemp("open") / "project"
    project.run("cp", "-r", str(project.root), str(root))
    return Project(root)


def stages_that_ran(output):
    """All but those that list the networks of each data set, and `weights`, which looks at every new params.yaml."""
    names = [line.split("'")[1] for line in output.splitlines() if line.startswith("Running stage ")]
    return [name for name in names if name != "weights" and not name.startswith("networks@")]


def test_a_data_set_of_any_name_is_a_block_and_a_word(own):
    own_images.write(own.root / "data/own/nuclei", 12, (48, 48), channels=1, discs=3, radius=6)

    def add_nuclei(values):
        block = YAML().load(YAML_BLOCK)
        values["datasets"]["nuclei"] = block
        values["unet"]["datasets"].append("nuclei")

    edit(own, add_nuclei)
    assert own.run("git", "diff", "--name-only").stdout.split() == ["params.yaml"]
    ran = stages_that_ran(own.dvc("repro", "train-unet@nuclei").stdout)
    assert ran == ["download@nuclei", "patchify@nuclei", "train-unet@nuclei"]
    card = json.loads((own.root / "models/nuclei/unet.json").read_text())
    assert card["classes"] == ["background", "nuclei"]
    own.commit("nuclei")


YAML_BLOCK = """
task: segmentation
intensity: auto
source: folder
path: data/own/nuclei
url:
classes:
folder:
split:
  method: groups
  val: 0.25
  test: 0.4
patches:
  resize:
  size: [48, 48]
  stride: [48, 48]
"""


def test_a_network_is_a_file_a_block_and_a_pair(own):
    (own.root / "pipeline/networks/toy.py").write_text(TOY)

    def add_toy(values):
        values["toy"] = {}
        values["pairs"] = {"nuclei-toy": {"dataset": "nuclei", "network": "toy"}}

    edit(own, add_toy)
    status = own.run("git", "status", "--porcelain").stdout.splitlines()
    assert status == [" M params.yaml", "?? pipeline/networks/toy.py"]
    ran = stages_that_ran(own.dvc("repro", "evaluate@nuclei", "report").stdout)
    assert ran == ["train@nuclei-toy", "evaluate@nuclei", "report"]  # neither name retrains or evaluates anything else
    shown = own.dvc("metrics", "show").stdout
    assert "reports/nuclei/metrics/unet.json" in shown and "reports/nuclei/metrics/toy.json" in shown
    compared = json.loads((own.root / "reports/nuclei/details/comparison.json").read_text())
    assert {compared["best"], *compared["differences"]} == {"unet", "toy"}
    page = (own.root / "reports/index.html").read_text()
    assert "Toy" in page and "U-Net" in page and "nuclei" in page
    assert "nuclei" in (own.root / "reports/summary.md").read_text()
    assert "nuclei" in (own.root / "reports/plots/learning_curves.csv").read_text()
    own.commit("toy")


def test_networks_are_scored_on_another_data_set_by_a_line(own, tmp_path):
    own_images.write(own.root / "data/own/cells", 12, (80, 80), channels=1, discs=3, radius=6, seed=1)
    for kind in ("images", "masks"):  # an image that took part in the training, or its test
        shutil.copy(own.root / f"data/own/nuclei/{kind}/0.png", own.root / f"data/own/cells/{kind}/copy.png")

    def add_transfer(values):
        values["datasets"]["cells"] = YAML().load(YAML_BLOCK.replace("nuclei", "cells"))
        values["transfers"] = {"nuclei-on-cells": {"model": "nuclei", "images": "cells"}}

    edit(own, add_transfer)
    ran = stages_that_ran(own.dvc("repro", "report").stdout)
    assert set(ran) == {"download@cells", "patchify@cells", "evaluate@cells", "transfer@nuclei-on-cells", "report"}
    assert ran[-1] == "report" and "Running" not in own.dvc("repro", "report").stdout

    shown, summary = own.dvc("metrics", "show", "--json").stdout, (own.root / "reports/summary.md").read_text()
    result = json.loads((own.root / "reports/results/transfers/nuclei-on-cells.json").read_text())
    assert result["count"] == 13 and result["shared"] == 1 and "13, 1 also in nuclei" in summary
    images = sorted((own.root / "data/own/cells/images").iterdir())
    for network in ("unet", "toy"):
        file = f"reports/transfers/nuclei-on-cells/{network}.json"
        headline = json.loads((own.root / file).read_text())
        assert file in shown
        assert headline.keys() == json.loads((own.root / f"reports/nuclei/metrics/{network}.json").read_text()).keys()
        predict.main([str(own.root / f"models/nuclei/{network}.keras"), *map(str, images), "--out", str(tmp_path / network)])
        tp = fp = fn = 0
        for image in images:
            found = tifffile.imread(tmp_path / network / f"{image.stem}_mask.tif") > 0
            there = np.asarray(Image.open(image.parents[1] / "masks" / image.name)) > 0
            tp, fp, fn = tp + (found & there).sum(), fp + (found & ~there).sum(), fn + (~found & there).sum()
        assert headline["dice"] == pytest.approx(2 * tp / (2 * tp + fp + fn), abs=1e-4)
        assert headline["iou"] == pytest.approx(tp / (tp + fp + fn), abs=1e-4)
        score, (low, high) = (result["networks"][network][key] for key in ("score", "interval"))
        assert low < score < high and score == pytest.approx(headline["dice"], abs=1e-4)
    own.commit("cells")


def test_a_list_of_data_sets_and_a_data_set_are_settings_of_an_experiment(own):
    block = (
        "{task: segmentation, source: folder, path: data/own/nuclei, url: null, classes: null, intensity: auto, folder: null, "
        "split: {method: groups, val: 0.25, test: 0.4}, patches: {size: [48, 48], stride: [48, 48]}}"
    )
    settings = ["-S", "unet.datasets=[mitochondria]", "-S", f"+datasets.discs={block}"]
    shown = own.dvc("exp", "run", *settings, "patchify@discs", "evaluate@discs", "evaluate@polyps").stdout
    assert set(stages_that_ran(shown)) == {"download@discs", "patchify@discs", "evaluate@discs", "evaluate@polyps"}
    assert "no network is trained on discs" in shown
    assert not (own.root / "reports/polyps/metrics/unet.json").exists()
    assert (own.root / "reports/polyps/metrics/attn_resunet.json").exists()
