"""The first hour with one's own images, as docs/your-data.md tells it, and what a user reads at each step."""

import json
import shlex
import sys

import pytest
from PIL import Image

from tests.pipeline import own_images
from tests.pipeline.project import Project

TINY = ["train.epochs=2", "train.batch_size=4", "unet.filters=4", "unet.depth=2", "augment.copies=0"]


@pytest.fixture(scope="module")
def hour(project, tmp_path_factory):
    """A clone that has run once, and a folder of images beside it with an awkward name."""
    folder = tmp_path_factory.mktemp("hour")
    project.run("cp", "-r", str(project.root), str(folder / "project"))
    return Project(folder / "project"), write_images(folder / "my nuclei [2]")


def write_images(folder):
    """In folders and files as other tools name them."""
    own_images.write(folder, 16, (64, 80), channels=1)
    (folder / "images").rename(folder / "Images")
    (folder / "masks").rename(folder / "labels")
    for file in (folder / "labels").iterdir():
        file.rename(file.with_stem(f"{file.stem}_mask"))
    return folder


def test_the_first_hour(hour):
    project, images = hour
    python = lambda *command, **how: project.run(sys.executable, "-m", *command, **how)  # noqa: E731

    # A plan, which changes params.yaml and nothing else.
    told = python("pipeline.plan", str(images), "--write", "nuclei").stdout
    assert "16 images of 64 × 80 (rows × columns), grey of uint8" in told
    assert "added datasets.nuclei, and nuclei to unet.datasets" in told
    assert "of training on" in told
    assert project.run("git", "diff", "--name-only").stdout.split() == ["params.yaml"]

    # The command that it prints, made tiny.
    (command,) = [line for line in told.splitlines() if line.startswith("Next: ")]
    _, *dvc = shlex.split(command.removeprefix("Next: "))
    told = project.dvc(*dvc, *(part for setting in TINY for part in ("-S", setting))).stdout
    assert "16 images from folder" in told
    assert "U-Net on nuclei" in told
    scores = json.loads((project.root / "reports/nuclei/metrics/unet.json").read_text())
    assert 0 <= scores["iou"] <= 1

    # The report has it beside the others.
    project.dvc("repro", "--single-item", "report")
    assert "### nuclei" in (project.root / "reports/summary.md").read_text()
    assert "nuclei" in (project.root / "reports/index.html").read_text()

    # The model predicts.
    (image, *_) = sorted((images / "Images").glob("*.png"))
    python("pipeline.predict", "models/nuclei/unet.keras", str(image), "--out", "predicted")
    assert Image.open(project.root / f"predicted/{image.stem}_mask.tif").size == (80, 64)
