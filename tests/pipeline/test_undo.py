"""Back to the last commit by one command: after a refused run, a killed terminal, and where DVC's cache lacks the outputs."""

import os
import shutil
import signal
import subprocess
import sys
import time

import pytest

from tests.pipeline.project import Project

STAGES = """
stages:
  more:
    foreach: ${more}
    do:
      cmd: mkdir -p models/${item} && cp params.yaml models/${item}.txt && cp params.yaml models/${item}
      outs: ["models/${item}", "models/${item}.txt"]
  prepare:
    cmd: cp train.py prepared.py
    deps: [train.py]
    params: [seed]
    outs: [prepared.py]
  train:
    cmd: python prepared.py
    deps: [prepared.py]
    params: [seed, seconds]
    outs: [model.txt]
    metrics: [reports/metrics.json: {cache: false}]
"""
TRAIN = """
import json, pathlib, time, yaml
params = yaml.safe_load(open("params.yaml"))
if params["seed"] == 9:
    raise SystemExit("9 is refused")
pathlib.Path("model.txt").write_text(f"model of seed {params['seed']}")
pathlib.Path("reports").mkdir(exist_ok=True)
pathlib.Path("reports/metrics.json").write_text(json.dumps(params["seed"]))
time.sleep(params["seconds"])
"""
PARAMS = "seed: 1  # a comment\nseconds: 0\nmore: []\n"


@pytest.fixture(scope="module")
def committed(tmp_path_factory):
    """A project of one stage, committed with its results."""
    project = Project(tmp_path_factory.mktemp("undo") / "project")
    project.root.mkdir()
    project.run("git", "init", "-q", "-b", "main")
    project.sign()
    project.dvc("init", "-q")
    for name, content in (("dvc.yaml", STAGES), ("train.py", TRAIN), ("params.yaml", PARAMS), ("notes.txt", "notes\n")):
        (project.root / name).write_text(content)
    project.environment["PYTHONPATH"] = os.getcwd()
    project.dvc("repro", "-q")
    project.commit("results")
    return project


@pytest.fixture
def project(committed, tmp_path):
    copy = Project(shutil.copytree(committed.root, tmp_path / "project", symlinks=True))
    copy.environment = committed.environment
    return copy


def undo(project, **options):
    return project.run(sys.executable, "-m", "pipeline.undo", **options)


def is_as_committed(project):
    held = {name: (project.root / name).read_text() for name in ("params.yaml", "model.txt", "reports/metrics.json")}
    assert held == {"params.yaml": PARAMS, "model.txt": "model of seed 1", "reports/metrics.json": "1"}
    assert project.run("git", "symbolic-ref", "HEAD").stdout == "refs/heads/main\n"
    assert "up to date" in project.dvc("status").stdout


def test_a_refused_run_is_undone_although_git_sees_no_change(project):
    """DVC writes params.yaml to the same length in the same second: `git checkout` would do nothing."""
    assert project.dvc("exp", "run", "-S", "seed=9", check=False).returncode
    assert "seed: 9" in (project.root / "params.yaml").read_text()
    said = undo(project).stdout
    assert "-seed: 1" in said and "+seed: 9" in said
    is_as_committed(project)
    assert project.run("git", "status", "--porcelain").stdout == ""


def test_a_killed_terminal_is_undone_and_a_living_one_is_left_alone(project):
    command = [sys.executable, "-m", "dvc", "exp", "run", "-S", "seed=2", "-S", "seconds=600"]
    how = dict.fromkeys(("stdin", "stdout", "stderr"), subprocess.DEVNULL) | {"start_new_session": True}
    how["preexec_fn"] = lambda: signal.signal(signal.SIGHUP, signal.SIG_DFL)  # these tests may run under nohup, which ignores it
    running = subprocess.Popen(command, cwd=project.root, env=project.environment, **how)
    end = time.monotonic() + 600
    while not ((project.root / "model.txt").exists() and "2" in (project.root / "model.txt").read_text()):
        assert time.monotonic() < end and running.poll() is None
        time.sleep(0.05)
    refused = undo(project, check=False)
    assert refused.returncode == 1
    assert refused.stderr.startswith("error: `") and f"(process {running.pid}) is running in this folder" in refused.stderr
    beside = Project(project.root.with_name("beside"))
    beside.environment = project.environment
    project.run("git", "worktree", "add", "-q", "-b", "other", str(beside.root))
    undo(beside)
    assert "EXEC_BASELINE" in project.run("git", "for-each-ref", "refs/exps/exec").stdout  # DVC still needs this note
    project.run("git", "worktree", "remove", "--force", str(beside.root))
    project.run("git", "branch", "-q", "-D", "other")
    os.killpg(running.pid, signal.SIGHUP)
    running.wait()
    assert "M  params.yaml" in project.run("git", "status", "--porcelain").stdout.splitlines()
    assert project.run("git", "symbolic-ref", "-q", "HEAD", check=False).returncode  # DVC left no branch checked out
    undo(project)
    is_as_committed(project)
    assert project.run("git", "status", "--porcelain").stdout == ""
    again = project.dvc("exp", "run", "-S", "seed=2")
    assert "had been killed" not in again.stderr


def test_results_and_models_of_a_new_network_leave_and_come_back(project):
    (project.root / "reports/toy.json").write_text("{}")
    models = project.root / "models"
    models.mkdir()
    (models / "mine.txt").write_text("mine")
    project.dvc("exp", "run", "-S", "more=[toy]")
    assert {file.name for file in models.glob("[!.]*")} == {"mine.txt", "toy.txt", "toy"}
    said = undo(project).stdout
    assert "models/toy.txt" in said and "reports/toy.json" in said
    assert not (project.root / "reports/toy.json").exists()
    assert [file.name for file in models.glob("[!.]*")] == ["mine.txt"]
    is_as_committed(project)
    project.run("git", "stash", "pop")
    assert (project.root / "reports/toy.json").read_text() == "{}"
    project.dvc("checkout")
    assert "toy" in (models / "toy.txt").read_text() and (models / "toy/params.yaml").exists()


def test_a_lock_file_that_a_kill_has_cut_is_restored(project):
    lock = project.root / "dvc.lock"
    whole = lock.read_text()
    for last in ("stages:", "prepare:", "outs:", "path:"):
        lock.write_text(whole[: whole.index(last) + len(last)])
        undo(project)
        assert lock.read_text() == whole
    is_as_committed(project)


def test_models_of_a_new_network_stay_where_the_cache_has_none(project):
    project.dvc("exp", "run", "-S", "more=[toy]")
    shutil.rmtree(project.root / ".dvc/cache")
    assert "models/toy.txt" not in undo(project).stdout
    assert (project.root / "models/toy.txt").exists()


def test_images_that_a_user_has_added_are_left_alone(project):
    images = project.root / "own"
    images.mkdir()
    (images / "mask.txt").write_text("drawn")
    project.dvc("add", "-q", "own")
    project.commit("own images")
    (images / "mask.txt").write_text("corrected")
    (images / "new.txt").write_text("new")
    project.dvc("exp", "run", "-S", "seed=4")
    undo(project)
    is_as_committed(project)
    assert (images / "mask.txt").read_text() == "corrected" and (images / "new.txt").exists()


def test_models_that_the_cache_cannot_replace_stay_and_are_named(project):
    shutil.rmtree(project.root / ".dvc/cache")
    project.dvc("exp", "run", "-S", "seed=3")
    said = undo(project).stdout
    assert (project.root / "model.txt").read_text() == "model of seed 3"
    assert (project.root / "params.yaml").read_text() == PARAMS
    assert "kept as the experiment made it" in said and "model.txt" in said and "dvc repro" in said
    project.dvc("repro")
    is_as_committed(project)


def test_an_unfinished_merge_is_told_and_left_alone(project):
    params = project.root / "params.yaml"
    project.run("git", "switch", "-q", "-c", "theirs")
    for branch, seed in (("theirs", 2), ("main", 3)):
        project.run("git", "switch", "-q", branch)
        params.write_text(PARAMS.replace("seed: 1", f"seed: {seed}"))
        project.commit(branch)
    project.run("git", "merge", "theirs", check=False)
    before = params.read_text()
    refused = undo(project, check=False)
    assert refused.returncode == 1 and "params.yaml: needs merge" in refused.stderr
    assert params.read_text() == before and "seed: 2" in before


def test_edits_by_hand_are_kept_and_other_files_are_not_touched(project):
    mine = PARAMS.replace("seed: 1", "seed: 4") + "own: block\n"
    (project.root / "params.yaml").write_text(mine)
    (project.root / "train.py").write_text(TRAIN + "# edited\n")
    (project.root / "notes.txt").write_text("staged\n")
    project.run("git", "add", "notes.txt")
    project.dvc("repro")
    said = undo(project).stdout
    assert "+own: block" in said
    assert (project.root / "params.yaml").read_text() == PARAMS
    assert (project.root / "model.txt").read_text() == "model of seed 1"
    assert project.run("git", "status", "--porcelain").stdout == "M  notes.txt\n M train.py\n"
    (command,) = [line for line in said.splitlines() if "brings it back" in line]
    for part in command.split("`")[1].split("&&"):
        words = part.split()
        project.run(*words) if words[0] == "git" else project.dvc(*words[1:])
    assert (project.root / "params.yaml").read_text() == mine
    assert (project.root / "model.txt").read_text() == "model of seed 4"
