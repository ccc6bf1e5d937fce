"""The tables of DVC in a terminal of 120 columns, with the names of the default run and of a data set of the user's."""

import re
import shlex
import shutil
import sys
from pathlib import Path

import pytest

from tests.pipeline import terminal
from tests.pipeline.project import Project

STAGE = """
stages:
  evaluate:
    foreach: [mitochondria, polyps, tissue, nuclei]
    do:
      cmd: python evaluate.py ${item}
      deps: [evaluate.py, data/raw/images.txt, "models/${item}.txt"]
      params: [train, unet]
      metrics: [{"reports/${item}/metrics": {cache: false}}]
"""
# Scores that a change of any parameter moves a little.
EVALUATE = """
import hashlib, json, pathlib, sys
params = pathlib.Path("params.yaml").read_bytes()
for file in pathlib.Path("scores", sys.argv[1]).iterdir():
    moved = hashlib.md5(params + str(file).encode()).digest()[0] / 1e4
    values = json.loads(file.read_text())
    values = {key: value if key == "data" else round(0.9 * value + moved, 4) for key, value in values.items()}
    folder = pathlib.Path("reports", sys.argv[1], "metrics")
    folder.mkdir(parents=True, exist_ok=True)
    (folder / file.name).write_text(json.dumps(values))
"""


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    """The metrics of the default run and of own images, twice changed by an experiment."""
    project = Project(tmp_path_factory.mktemp("tables") / "project")
    for name, source in {name: name for name in ("mitochondria", "polyps", "tissue")}.items() | {("nuclei", "polyps")}:
        folder = project.root / "scores" / name
        folder.mkdir(parents=True)
        for file in Path("reports", source, "metrics").iterdir():
            shutil.copy(file, folder)
    shutil.copy("params.yaml", project.root)
    texts = {"dvc.yaml": STAGE, "evaluate.py": EVALUATE, "data/raw/images.txt": ""}
    for name, text in (texts | {f"models/{name}.txt": "" for name in ("mitochondria", "polyps", "tissue", "nuclei")}).items():
        (project.root / name).parent.mkdir(parents=True, exist_ok=True)
        (project.root / name).write_text(text)
    project.run("git", "init", "-q")
    project.sign()
    project.dvc("init", "-q")
    project.dvc("repro", "-q")
    project.commit("results")
    project.dvc("exp", "run", "-q", "--name", "slower", "-S", "train.lr=1e-4")
    project.dvc("exp", "run", "-q", "--name", "slower-and-narrow", "-S", "train.lr=1e-4", "-S", "unet.filters=8")
    return project


def seen(project, *arguments):
    return terminal.seen([sys.executable, "-m", "dvc", *arguments], cwd=project.root, env=project.environment)


def fits(lines):
    assert max(map(len, lines)) <= 120, "\n".join(lines)
    assert not any("…" in line for line in lines)


@pytest.mark.parametrize("dataset", ["mitochondria", "tissue"])  # the longest name, and the other task
def test_the_metrics_of_a_data_set_fit_a_terminal(project, dataset):
    lines = seen(project, "metrics", "show", f"reports/{dataset}/metrics")
    fits(lines)
    assert " data " in f"{lines[0]} " and re.search(r"\b[0-9a-f]{6}\b", lines[1])


def test_the_differences_of_metrics_fit_a_terminal(project):
    lines = seen(project, "metrics", "diff")
    fits(lines)
    assert any("polyps" in line and "dice" in line for line in lines)


def test_the_experiments_of_the_readme_fit_a_terminal_and_are_told_apart(project):
    (line,) = re.findall(r"^dvc exp show .*", Path("README.md").read_text(), re.MULTILINE)
    words = shlex.split(line, comments=True)[1:]
    lines = seen(project, *words, "--no-pager")
    print(*lines, sep="\n")
    fits(lines)
    (header,) = [line for line in lines if "Experiment" in line]
    for column in ("train.lr", "unet.filters", "dice"):
        assert column in header
    (narrow,) = [line for line in lines if "[slower-and-narrow]" in line]
    (slower,) = [line for line in lines if "[slower]" in line]
    assert "0.0001" in narrow and "0.0001" in slower
    assert re.search(r"\b8\b", narrow) and re.search(r"\b16\b", slower)
