"""What a user has set on the computer changes no result, or is written into the model's card."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from pipeline.training.checkpoint import training_key
from pipeline.training.environment import environment

ROOT = Path(__file__).parents[2]
MODEL = "models/mitochondria/unet"


def train(folder, **variables):
    """Train in a process of its own; return the model's bytes, its card, and what the process wrote as warnings."""
    given = {name: value for name, value in os.environ.items() if not name.startswith(("TF_", "KERAS_", "OMP_"))}
    given |= {"PYTHONPATH": str(ROOT)} | variables
    command = [sys.executable, "-m", "pipeline.stages.train", "mitochondria", "unet"]
    done = subprocess.run(command, cwd=folder, env=given, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return (folder / f"{MODEL}.keras").read_bytes(), json.loads((folder / f"{MODEL}.json").read_text()), done.stderr


@pytest.fixture(scope="module")
def usual(tmp_path_factory, project):
    return train(project(tmp_path_factory.mktemp("usual"), epochs=1))


def test_what_a_user_has_set_for_keras_changes_no_byte(tmp_path, project, usual):
    home = tmp_path / ".keras"
    home.mkdir()
    (home / "keras.json").write_text('{"floatx": "float64", "epsilon": 0.5, "image_data_format": "channels_first"}')
    variables = {"TF_ENABLE_ONEDNN_OPTS": "0", "KERAS_MAX_STEPS_PER_EPOCH": "1"}
    model, card, said = train(project(tmp_path, epochs=1), HOME=str(tmp_path), **variables)
    assert (model, card) == usual[:2]
    assert said.splitlines() == [
        f"warning: {name} is ignored because it would change the results; unset it" for name in variables
    ]


def test_the_card_names_the_threads_and_the_variables_that_change_bits(tmp_path, project, usual):
    given = {"TF_NUM_INTRAOP_THREADS": "3", "OMP_NUM_THREADS": "5", "ONEDNN_MAX_CPU_ISA": "SSE41"}
    _, card, said = train(project(tmp_path, epochs=1), **given)
    before, after = usual[1].pop("environment"), card.pop("environment")
    assert set(before) == {"backend", "versions", "processor", "instructions", "threads", "variables"}
    assert after == before | {"threads": 3, "variables": {"ONEDNN_MAX_CPU_ISA": "SSE41"}}
    assert said == ""


def test_a_processor_is_described_as_linux_does(tmp_path):
    (tmp_path / "cpuinfo").write_text("model name\t: Some CPU\nflags\t\t: fpu avx2 sse4_1 avx512f\n" * 2)
    found = environment(tmp_path / "cpuinfo")
    assert found["processor"].endswith(", Some CPU")
    assert found["instructions"] == ["avx2", "avx512f", "sse4_1"]
    assert environment(tmp_path / "missing")["instructions"] == []


def test_a_checkpoint_of_another_environment_is_not_resumed(tmp_path, monkeypatch):
    keys = {training_key(tmp_path, {}), training_key(tmp_path, {})}
    assert len(keys) == 1
    for variable, value in (("TF_NUM_INTRAOP_THREADS", "77"), ("DNNL_MAX_CPU_ISA", "AVX2")):
        monkeypatch.setenv(variable, value)
        keys.add(training_key(tmp_path, {}))
    assert len(keys) == 3
