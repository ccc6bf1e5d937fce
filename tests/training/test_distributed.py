"""Several processes train as one would, each with its part of every batch, and none is left waiting."""

import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import keras
import numpy as np
import pandas as pd
import pytest

from pipeline.errors import UserError
from pipeline.inference.model import load_trained
from pipeline.training.distributed import Team, _processes, join

ROOT = Path(__file__).parents[2]


def test_the_shares_of_a_batch_are_the_batch():
    rows = np.arange(10, 22)
    shares = [Team(process, 3, 2).share(rows) for process in range(3)]
    np.testing.assert_array_equal(np.concatenate(shares), rows)
    np.testing.assert_array_equal(Team().share(rows), rows)


def test_a_batch_that_does_not_divide_is_filled_up_from_its_beginning():
    shares = [Team(process, 2, 2).share(np.array([7, 8, 9, 10, 11])).tolist() for process in range(2)]
    assert shares == [[7, 8, 9, 10], [11, 7, 8, 9]]
    assert Team(3, 4, 1).share(np.array([5])).tolist() == [5]


@pytest.mark.parametrize("devices", ["auto", 1])
def test_tensorflow_has_one_device(monkeypatch, devices):
    monkeypatch.delenv("JAX_COORDINATOR_ADDRESS", raising=False)
    assert join(devices) == Team()


def test_tensorflow_and_several_devices_are_refused(monkeypatch):
    assert keras.backend.backend() == "tensorflow"
    with pytest.raises(UserError, match=r"train\.devices: 2: only Keras on JAX can do this"):
        join(2)
    monkeypatch.setenv("JAX_COORDINATOR_ADDRESS", "127.0.0.1:1")
    with pytest.raises(UserError, match="several processes: only Keras on JAX"):
        join("auto")


def start(folder, processes=1, **environment):
    """Start the stage in so many processes; a file has what each says."""
    port, running = _free_port(), []
    for process in range(processes):
        own = {
            "JAX_COORDINATOR_ADDRESS": f"127.0.0.1:{port}",
            "JAX_NUM_PROCESSES": str(processes),
            "JAX_PROCESS_ID": str(process),
        }
        known = os.environ | {"KERAS_BACKEND": "jax", "JAX_PLATFORMS": "cpu", "PYTHONPATH": str(ROOT)} | environment
        known["XLA_FLAGS"] = "--xla_backend_optimization_level=0"  # compiling takes most of the time
        known |= own if processes > 1 else {}
        with open(folder / f"said-{process}.txt", "w") as said:
            command = [sys.executable, "-m", "pipeline.stages.train", "mitochondria", "unet"]
            running.append(subprocess.Popen(command, cwd=folder, env=known, stdout=said, stderr=subprocess.STDOUT))
    return running


def train(folder, processes=1, **environment):
    """Run the stage to its end; return its curves."""
    codes = [process.wait(timeout=300) for process in start(folder, processes, **environment)]
    assert codes == [0] * processes, (folder / f"said-{np.argmax(codes)}.txt").read_text()
    return pd.read_csv(folder / "reports/mitochondria/unet/curves.csv")


def _free_port():
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        return listening.getsockname()[1]


@pytest.fixture(scope="module")
def alone(tmp_path_factory, project):
    return train(project(tmp_path_factory.mktemp("alone")))


def test_several_processes_learn_what_one_learns(tmp_path, alone, project):
    together = train(project(tmp_path), processes=2)
    np.testing.assert_allclose(together, alone, atol=1e-4)
    assert "1 devices in each of 2 processes" in (tmp_path / "said-0.txt").read_text()
    network = load_trained(tmp_path / "models/mitochondria/unet.keras").network  # by this process, on TensorFlow
    assert np.isfinite(network.predict(np.zeros((1, 16, 16, 1), np.float32), verbose=0)).all()


def test_several_devices_of_one_process_learn_what_one_learns(tmp_path, alone, project):
    together = train(project(tmp_path), JAX_NUM_CPU_DEVICES="2")
    np.testing.assert_allclose(together, alone, atol=1e-4)
    assert "2 devices in each of 1 processes" in (tmp_path / "said-0.txt").read_text()


def test_more_devices_than_there_are_is_one_line(tmp_path, project):
    (process,) = start(project(tmp_path, devices=3))
    assert process.wait(timeout=120) == 1
    assert (tmp_path / "said-0.txt").read_text() == "error: train.devices: JAX finds only 1 here, not 3\n"


def test_every_process_ends_when_one_is_killed(tmp_path, project):
    teams = {}
    for killed in (0, 1):
        folder = tmp_path / str(killed)
        folder.mkdir()
        teams[killed] = start(project(folder, patches=160, epochs=400), processes=2)
    deadline = time.monotonic() + 300
    for killed, running in teams.items():
        while not list((tmp_path / str(killed)).glob(".checkpoints/[!.]*.npz")):  # until an epoch is over
            assert time.monotonic() < deadline and running[0].poll() is None
            time.sleep(0.1)
        running[killed].send_signal(signal.SIGKILL)
    for killed, running in teams.items():
        assert running[1 - killed].wait(timeout=200) != 0
        running[killed].wait(timeout=10)
    # The first process holds the connections together: without it JAX may end the others itself, before our line is printed.
    said = (tmp_path / "0/said-1.txt").read_text()
    assert "another task died" in said or "error: process 1 lost another process" in said
    assert "error: process 0 lost another process" in (tmp_path / "1/said-0.txt").read_text()


def test_a_process_number_that_cannot_be_is_told(monkeypatch):
    monkeypatch.setenv("JAX_NUM_PROCESSES", "2")
    monkeypatch.setenv("JAX_PROCESS_ID", "-")
    with pytest.raises(UserError, match=r"^JAX_PROCESS_ID: must be a number if JAX_COORDINATOR_ADDRESS is set, received '-'$"):
        _processes()
