"""Stages by hand: a wrong word on the command line, or a stage too early, is one plain line."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

STAGES = ["download", "patchify", "train_unet", "train_attn_resunet", "train_vgg16", "evaluate", "report"]


def call(folder, stage, *arguments):
    environment = os.environ | {"PYTHONPATH": str(Path.cwd())}
    command = [sys.executable, "-m", f"pipeline.stages.{stage}", *arguments]
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True)


@pytest.mark.parametrize("stage", STAGES)
@pytest.mark.parametrize("arguments", [("cells", "cells", "cells"), ("cells",), ("--help",)])
def test_a_wrong_argument_is_one_line(tmp_path, stage, arguments):
    result = call(tmp_path, stage, *arguments)
    assert result.returncode == 1
    assert result.stderr.startswith("error: expected ")
    assert len(result.stderr.splitlines()) == 1


@pytest.mark.parametrize(
    ("stage", "arguments"),
    [
        ("patchify", ["polyps"]),
        ("train_unet", ["polyps"]),
        ("train_vgg16", []),
        ("evaluate", ["polyps", "unet"]),
        ("evaluate", ["tissue", "vgg16"]),
        ("report", []),
    ],
)
def test_a_stage_before_those_that_it_reads_says_what_to_run(tmp_path, stage, arguments):
    shutil.copy("params.yaml", tmp_path)
    result = call(tmp_path, stage, *arguments)
    assert result.returncode == 1
    for line in result.stderr.splitlines():
        assert line.startswith("error: ")
        assert "dvc repro" in line
