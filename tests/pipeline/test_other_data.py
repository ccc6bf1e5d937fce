"""A report of whatever is there: own images under the name of a phantom, results that are elsewhere, changed settings."""

import json
import re
import shutil
import sys

import pytest

from tests.pipeline import own_images

OWN = ["datasets.polyps.source=folder", "attn_resunet.datasets=[mitochondria]"]


@pytest.fixture(scope="module")
def own(project, tmp_path_factory):
    """The project after an experiment on twenty images of the user's, under the name `polyps`."""
    folder = tmp_path_factory.mktemp("own")
    own_images.write(folder)
    settings = [argument for setting in [*OWN, f"datasets.polyps.path={folder}"] for argument in ("-S", setting)]
    said = project.dvc("exp", "run", *settings, "evaluate@polyps").stdout
    assert "`dvc repro --single-item report` puts them into reports/index.html" in said
    yield project
    project.run(sys.executable, "-m", "pipeline.undo")
    assert project.run("git", "status", "--porcelain").stdout == ""
    assert "up to date" in project.dvc("status").stdout


def test_metrics_of_other_images_are_recognised(own):
    changed = json.loads(own.dvc("metrics", "diff", "--json").stdout)["reports/polyps/metrics/unet.json"]
    assert changed["data"]["old"] != changed["data"]["new"]
    shown = own.dvc("metrics", "show").stdout
    assert changed["data"]["new"] in shown


def test_the_report_shows_what_is_there_and_marks_the_rest(own):
    shutil.rmtree(own.root / "reports/tissue/details")  # as in a fresh clone: in DVC's cache elsewhere, not in git
    own.dvc("repro", "--single-item", "report")
    page, summary = (own.root / "reports/index.html").read_text(), (own.root / "reports/summary.md").read_text()
    for text in (page, summary):
        assert "4 test images" in text  # own ones; the phantom has more
        assert "or `dvc repro evaluate@tissue` brings them" in re.sub("</?code>", "`", text)
        assert "Out of date" not in text

    params = own.root / "params.yaml"
    mine = params.read_text()
    params.write_text(mine.replace("source: folder", "source: phantom-polyps"))
    own.dvc("repro", "--single-item", "report")
    page, summary = (own.root / "reports/index.html").read_text(), (own.root / "reports/summary.md").read_text()
    for text in (page, summary):
        assert "datasets.polyps.source was folder and is phantom-polyps" in text
    params.write_text(mine)


def test_a_report_that_fails_leaves_the_last_page(own):
    before = [(own.root / path).read_bytes() for path in ("reports/index.html", "reports/summary.md")]
    broken = own.root / "reports/results/mitochondria.json"
    broken.write_text("{")
    assert own.dvc("repro", "--single-item", "report", check=False).returncode
    assert [(own.root / path).read_bytes() for path in ("reports/index.html", "reports/summary.md")] == before
    own.run("git", "checkout", "--", "reports/results/mitochondria.json")
