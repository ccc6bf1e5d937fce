"""Two seeds, and what can happen to them: a kill, a second run beside them, a folder that cannot be written, a full disk.

There is a clear message, and nothing is lost.
"""

import json
import os
import shutil
import subprocess
import sys
import time

import pytest
import yaml

from tests.pipeline import kill_training
from tests.pipeline.project import Project


@pytest.fixture(scope="module")
def trained(project, tmp_path_factory):
    """A copy of the project whose first network is trained with two seeds and committed, and how long that took."""
    copy = Project(shutil.copytree(project.root, tmp_path_factory.mktemp("faults") / "project", symlinks=True))
    return copy, kill_training.prepare(copy)


def test_repeats_train_further_seeds_and_report_their_spread(trained):
    root = trained[0].root
    metrics = json.loads((root / "reports/polyps/metrics/unet.json").read_text())
    repeats = json.loads((root / "reports/polyps/details/unet/detail.json").read_text())["repeats"]
    seed = yaml.safe_load((root / "params.yaml").read_text())["seed"]
    card = json.loads((root / f"models/polyps/unet_repeats/{seed + 1}.json").read_text())
    assert card["seed"] == seed + 1
    assert repeats["loss"]["n"] == 2
    assert repeats["loss"]["sd"] > 0  # another seed is another network
    assert set(repeats) > set(metrics) - {"data"}


def test_a_killed_training_goes_on_to_the_same_bytes(trained):
    """`kill_training` draws as many random moments as one likes."""
    project, seconds = trained
    interrupted, how, same = kill_training.kill_and_go_on(project, 100 * seconds, at_checkpoint=True)
    assert "from a checkpoint" in how and same, interrupted


def test_a_lock_file_that_dvc_could_not_finish_is_restored_from_git(trained):
    """DVC writes dvc.lock in place: killed in that moment, it leaves the file cut."""
    project, _ = trained
    before, lock = project.outputs(), project.root / "dvc.lock"
    lock.write_bytes(b"")
    result = project.dvc("repro", check=False)
    assert result.returncode and kill_training.LOCK_CUT in result.stderr
    project.run("git", "checkout", "dvc.lock")
    assert "Running stage" not in project.dvc("repro", *kill_training.STAGES).stdout
    assert project.outputs() == before


def test_a_second_run_is_refused_or_waits(trained):
    project, _ = trained
    before = project.outputs()
    first = subprocess.Popen(
        [sys.executable, "-m", "dvc", "repro", "--force", "--single-item", "train-unet@polyps"],
        cwd=project.root,
        env=project.environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    time.sleep(4)
    second = project.dvc("repro", "train-unet@polyps", check=False)
    assert first.wait() == 0
    assert second.returncode == 0 or "lock" in second.stderr
    assert "Traceback" not in second.stderr
    assert project.outputs() == before


def test_a_second_experiment_is_refused_and_the_queue_takes_it(tmp_path):
    """DVC alone starts it, and the first then fails at its end: "'NoneType' object is not subscriptable"."""
    project = Project.copy(tmp_path / "project")
    changes = ["-S", "seed=1", "download@polyps"]
    command = [sys.executable, "-m", "dvc", "exp", "run", "--name", "first", *changes]
    first = subprocess.Popen(command, cwd=project.root, env=project.environment, stdout=subprocess.DEVNULL)
    lock = project.root / ".dvc" / "tmp" / "exps" / "rwlock"
    while not lock.exists() or "pipeline.stages" not in lock.read_text():
        assert first.poll() is None
        time.sleep(0.05)
    second = project.dvc("exp", "run", "--name", "second", *changes, check=False)
    assert second.returncode and "is busy" in second.stderr and "python -m pipeline.stages." in second.stderr
    project.dvc("exp", "run", "--queue", "--name", "third", *changes)
    assert first.wait() == 0
    assert project.dvc("exp", "list", "--name-only").stdout.split() == ["first"]
    assert "third" in project.dvc("queue", "status").stdout


def test_an_output_that_cannot_be_written_is_one_line(trained):
    project, _ = trained
    if os.geteuid() == 0:
        pytest.skip("root may write everywhere")
    folder = project.root / "models/polyps"
    folder.chmod(0o555)
    try:
        result = project.dvc("repro", "--force", "--single-item", "train-unet@polyps", check=False)
    finally:
        folder.chmod(0o755)
    assert result.returncode != 0
    assert "Traceback" not in result.stdout + result.stderr
    assert "Running stage" in project.dvc("repro", "train-unet@polyps").stdout


@pytest.fixture
def small_disk(tmp_path):
    """A disk of 400 MB: only root may mount one."""
    disk = tmp_path / "disk"
    disk.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=400m", "tmpfs", str(disk)], capture_output=True)
    if mounted.returncode:
        pytest.skip(f"a small disk cannot be mounted here: {mounted.stderr.decode().strip()}")
    yield disk
    subprocess.run(["umount", str(disk)], check=True)


def test_a_full_disk_is_told_and_nothing_is_lost(trained, small_disk):
    project = Project(shutil.copytree(trained[0].root, small_disk / "project"))
    before = project.outputs()
    filler = small_disk / "filler"
    with open(filler, "wb") as file:
        file.write(bytes(max(0, shutil.disk_usage(small_disk).free - 40_000)))
    result = project.dvc("repro", "--force", "--single-item", "train-unet@polyps", check=False)
    assert result.returncode != 0
    assert "No space left" in result.stdout + result.stderr
    assert "Traceback" not in result.stdout + result.stderr
    filler.unlink()
    project.dvc("checkout", "--force", "train-unet@polyps")
    project.run("git", "checkout", "-q", "--", "reports")  # the tables that are in git and not in the cache
    assert project.outputs() == before
    assert (project.root / "models/polyps/unet.keras").exists()
    assert "Running stage" not in project.dvc("repro", *kill_training.STAGES).stdout
