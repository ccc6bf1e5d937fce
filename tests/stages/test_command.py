"""Stages by hand: a wrong name on the command line, or a stage too early, is one plain line; --help helps."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ARGUMENTS = {0: ["weights", "report"], 1: ["download", "patchify", "networks", "evaluate"], 2: ["train", "transfer"]}
STAGES = {stage: count for count, stages in ARGUMENTS.items() for stage in stages}


def call(folder, stage, *arguments):
    environment = os.environ | {"PYTHONPATH": str(Path.cwd())}
    command = [sys.executable, "-m", f"pipeline.stages.{stage}", *arguments]
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True)


@pytest.mark.parametrize("stage", STAGES)
def test_help_says_what_a_stage_does_and_takes(tmp_path, stage):
    result = call(tmp_path, stage, "--help")
    assert result.returncode == 0
    assert "usage:" in result.stdout
    assert f"python -m pipeline.stages.{stage}" in result.stdout
    assert ("a data set: its name" in result.stdout) == (STAGES[stage] > 0)


@pytest.mark.parametrize("stage", [stage for stage, count in STAGES.items() if count])
def test_an_unknown_data_set_is_refused_with_the_known_ones(tmp_path, stage):
    shutil.copy("params.yaml", tmp_path)
    result = call(tmp_path, stage, *["cells"] * STAGES[stage])
    assert result.returncode == 1
    assert result.stderr == "error: cells is not a data set in params.yaml; the data sets are: mitochondria, polyps, tissue\n"


@pytest.mark.parametrize(
    ("stage", "arguments"),
    [("patchify", ["polyps"]), ("train", ["polyps", "unet"]), ("evaluate", ["polyps"]), ("transfer", ["polyps", "mitochondria"])],
)
def test_a_stage_before_those_it_needs_says_what_to_run(tmp_path, stage, arguments):
    shutil.copy("params.yaml", tmp_path)
    result = call(tmp_path, stage, *arguments)
    assert result.returncode == 1
    for line in result.stderr.splitlines():
        assert line.startswith("error: ")
        assert "dvc repro" in line


def test_a_report_without_results_says_so_on_its_page(tmp_path):
    shutil.copy("params.yaml", tmp_path)
    assert call(tmp_path, "report").returncode == 0
    page = (tmp_path / "reports/index.html").read_text()
    assert page.count("not evaluated yet") >= 3
