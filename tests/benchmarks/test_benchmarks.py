"""The benchmarks compare like with like, and count what they divide by."""

import os
import re
import subprocess
import sys
from types import SimpleNamespace

import numpy as np
import pytest
import yaml

from benchmarks import ablation, data_path, ours, plain_keras, scaling, time_to_iou
from benchmarks.race import race
from benchmarks.task import Task
from pipeline import params, recipe
from pipeline.networks.common.cost import gigaflops


@pytest.mark.parametrize("network", ["unet", "attn_resunet"])
def test_the_plain_network_has_the_convolutions_of_ours(network):
    task = Task(network, side=32)
    own, plain = ours.network(task), plain_keras.training(task)[1]
    biases = own.count_params() - plain  # ours has none before a normalisation, and knows mean and variance of its input
    assert abs(biases) < 0.01 * plain
    assert gigaflops(own, (32, 32)) == pytest.approx(gigaflops(plain_keras.network_of(task), (32, 32)), rel=1e-3)


def test_contenders_take_turns():
    task = Task("unet", side=32, batch=2, filters=2)
    phases = {
        "ours": ("ours", "training", task, {}),
        "plain": ("plain_keras", "prediction", task, {}),
        "openvino": ("ours", "openvino_prediction", task, {}),
        "product": ("machine", "product", Task("unet", "bfloat16", batch=2), {"side": 64}),
    }
    results = race(phases, rounds=2, batches=1)
    for result in results.values():
        assert len(result["rates"]) == 2 and min(result["rates"]) > 0
        assert result["weights"] > 0 and result["memory"] > 2**20


def test_a_contender_that_ends_is_named():
    failing = ("task", "no_such_function", Task("unet", side=32), {})
    with pytest.raises(RuntimeError, match=r"^first ended"):
        race({"first": failing, "second": failing}, rounds=1, batches=1)


def test_the_transforms_that_are_timed_change_an_image_alike():
    rng, settings = np.random.default_rng(0), params.load().augment
    image = rng.random((1024, 1024), np.float32)
    patch, mask = data_path.transformed(image, image > 0.5, np.random.default_rng(1), settings, *data_path.with_scipy())
    assert patch.shape == mask.shape == data_path.SIZE
    assert patch.min() >= 0 and patch.max() <= 1 and 0.2 < mask.mean() < 0.8


# JAX on the CPU; compiling takes most of the time.
ON_JAX = {"KERAS_BACKEND": "jax", "JAX_PLATFORMS": "cpu", "XLA_FLAGS": "--xla_backend_optimization_level=0"}


def run(script, *arguments):
    """Run a script on JAX; return the lines that it prints."""
    command = [sys.executable, "-m", f"benchmarks.{script}", *arguments]
    done = subprocess.run(command, env=os.environ | ON_JAX, capture_output=True, text=True, timeout=400)
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


def test_the_gpu_script_runs_on_jax():
    small = ["--filters", "2", "--side", "32", "--batch", "2", "--batches", "1", "--rounds", "1", "--matrix", "64"]
    said = run("gpu", *small, "--precision", "float32", "--networks", "unet")
    assert "Keras on jax" in "\n".join(said)
    assert [line.split("|")[1].strip() for line in said[3:]] == ["unet"]


def test_the_scaling_script_measures_processes_that_train_one_network(monkeypatch):
    for name, value in ON_JAX.items():
        monkeypatch.setenv(name, value)
    given = SimpleNamespace(network="unet", side=16, batch=2, steps=1)
    assert scaling.measure(given, [[0, 1]]) > 0


def test_the_iou_that_is_waited_for_by_hand():
    assert time_to_iou.iou(np.array([1, 1, 0, 0], bool), np.array([1, 0, 1, 0], bool)) == pytest.approx(1 / 3)


@pytest.mark.parametrize("name", ["vnc", "cvc-clinicdb", "blood-cells"])
def test_each_change_of_the_ablation_changes_the_recipe(name):
    chosen, current = recipe.read(name), params.load().model_dump()
    for settings in list(ablation.changes(chosen).values())[1:]:
        section, key, value = re.fullmatch(r"(\w+)\.(\w+)=(.+)", settings[0]).groups()
        assert yaml.safe_load(value) != (current[section] | chosen.get(section, {}))[key]


def test_fixed_copies_take_a_third_of_the_epochs_of_the_options():
    changes = ablation.changes(recipe.read("vnc"), ["-S", "train.epochs=20"])
    assert changes["two fixed copies"] == ["augment.when=patchify", "augment.copies=2", "train.epochs=7"]
