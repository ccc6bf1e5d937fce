"""The registry and the stage's door, from the project's params to ``data/raw``."""

import subprocess
import sys
from pathlib import Path
from typing import get_args

import numpy as np
import pytest
import yaml

from pipeline import params, paths
from pipeline.datasets import sources
from pipeline.datasets.layout import read_info, read_table
from pipeline.errors import UserError
from pipeline.stages import download as stage

PROJECT = Path(__file__).parents[2]


@pytest.fixture
def project(tmp_path, monkeypatch):
    """A project folder of its own; `project(dataset, key=value)` changes settings and returns the params."""
    monkeypatch.chdir(tmp_path)
    values = yaml.safe_load((PROJECT / "params.yaml").read_text())

    def change(dataset, **settings):
        values["datasets"][dataset].update(settings)
        paths.PARAMS.write_text(yaml.safe_dump(values))
        return params.load()

    return change


def _choices():
    for dataset, field in params.Datasets.model_fields.items():
        for source in get_args(field.annotation.model_fields["source"].annotation):
            yield dataset, source


def test_every_source_of_the_params_has_a_module():
    modules = {choice: sources._module(*choice) for choice in _choices()}
    assert all(callable(module.make) for module in modules.values())
    assert len({module.__name__ for module in modules.values()}) == len(modules) - 2  # folder serves all three


def test_public_source_from_a_mirror(project, cache, tmp_path, zipped, encoded, monkeypatch):
    from pipeline.datasets.sources import kvasir_v2

    image = encoded(np.zeros((4, 4, 3), np.uint8), "JPEG")
    content = zipped({f"kvasir-dataset-v2/{label}/a.jpg": image for label in kvasir_v2.CLASSES})
    (tmp_path / "mirror.zip").write_bytes(content)
    settings = project("tissue", source="kvasir-v2", url=(tmp_path / "mirror.zip").as_uri())
    with pytest.raises(UserError, match=f"expected 2489312085 bytes, received {len(content)}"):
        sources.download("tissue", settings)
    assert not paths.raw("tissue").exists()


def test_door_makes_the_folder_and_says_so(project, encoded, capsys):
    for label in ("a", "b"):
        path = Path("own", label, "1.png")
        path.parent.mkdir(parents=True)
        path.write_bytes(encoded(np.zeros((4, 4, 3), np.uint8)))
    project("tissue", source="folder", path="own")
    stage.main("tissue")
    assert capsys.readouterr().out == "data/raw/tissue: 2 images from folder\n"
    assert read_info(paths.raw("tissue")).classes == ("a", "b")
    Path("own/a/1.png").write_bytes(b"")
    with pytest.raises(UserError, match="empty file"):
        stage.main("tissue")
    assert len(read_table(paths.raw("tissue") / "images.csv")) == 2  # what was made before stays


def test_unknown_dataset(project):
    settings = project("tissue")
    with pytest.raises(UserError, match="expected a dataset of mitochondria, polyps, tissue, received 'tissues'"):
        sources.download("tissues", settings)


def test_door_prints_a_line_for_a_mistake_and_imports_no_network_library(project):
    project("polyps", source="folder", path="nowhere")
    code = (
        "import runpy, sys; sys.argv = ['download', 'polyps']\n"
        "try: runpy.run_module('pipeline.stages.download', run_name='__main__')\n"
        "finally: print(sorted({'tensorflow', 'keras', 'pooch', 'requests', 'pipeline.datasets.sources.vnc'} & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, env={"PYTHONPATH": str(PROJECT), "PATH": ""}, check=False
    )
    assert done.returncode == 1
    assert done.stdout == "[]\n"
    assert done.stderr.startswith("error: nowhere: expected a folder with images/ and masks/")
    assert len(done.stderr.splitlines()) == 1
