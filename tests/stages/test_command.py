"""Stages by hand: a wrong name on the command line, or a stage too early, is one plain line; --help helps."""

import os
import runpy
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.filterwarnings("ignore:'pipeline.stages.* found in sys.modules")  # as other tests import stages

ARGUMENTS = {0: ["weights", "report"], 1: ["download", "patchify", "networks", "evaluate"], 2: ["train", "transfer"]}
STAGES = {stage: count for count, stages in ARGUMENTS.items() for stage in stages}


@pytest.fixture
def ended(tmp_path, monkeypatch, capsys):
    """Run a stage as ``python -m`` does, in a folder with params.yaml alone: its exit status, and what it printed and said."""
    shutil.copy("params.yaml", tmp_path)
    monkeypatch.chdir(tmp_path)

    def ended(stage, *arguments):
        monkeypatch.setattr(sys, "argv", [stage, *arguments])
        with pytest.raises(SystemExit) as caught:
            runpy.run_module(f"pipeline.stages.{stage}", run_name="__main__")
        return caught.value.code, *capsys.readouterr()

    return ended


@pytest.mark.parametrize("stage", STAGES)
def test_help_says_what_a_stage_does_and_takes(ended, stage):
    code, printed, _ = ended(stage, "--help")
    assert code == 0
    assert "usage:" in printed
    assert f"python -m pipeline.stages.{stage}" in printed
    assert ("a data set: its name" in printed) == (STAGES[stage] > 0)


@pytest.mark.parametrize("stage", [stage for stage, count in STAGES.items() if count])
def test_an_unknown_data_set_is_refused_with_the_known_ones(ended, stage):
    code, _, said = ended(stage, *["cells"] * STAGES[stage])
    assert code == 1
    assert said == "error: cells is not a data set in params.yaml; the data sets are: mitochondria, polyps, tissue\n"


@pytest.mark.parametrize(
    ("stage", "arguments"),
    [("patchify", ["polyps"]), ("train", ["polyps", "unet"]), ("evaluate", ["polyps"]), ("transfer", ["polyps", "mitochondria"])],
)
def test_a_stage_before_those_it_needs_says_what_to_run(ended, stage, arguments):
    code, _, said = ended(stage, *arguments)
    assert code == 1 and said
    for line in said.splitlines():
        assert line.startswith("error: ")
        assert "dvc repro" in line


def test_a_report_without_results_says_so_on_its_page(tmp_path):
    shutil.copy("params.yaml", tmp_path)
    known = os.environ | {"PYTHONPATH": str(Path.cwd())}
    subprocess.run([sys.executable, "-m", "pipeline.stages.report"], cwd=tmp_path, env=known, check=True)
    page = (tmp_path / "reports/index.html").read_text()
    assert page.count("not evaluated yet") >= 3
