"""From ``params.yaml`` to ``data/raw``."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import yaml

from pipeline import params, paths
from pipeline.datasets.download import download, source_module
from pipeline.datasets.layout import DatasetInfo, DatasetWriter, read_info, read_table
from pipeline.datasets.sources import SOURCES
from pipeline.errors import UserError

PROJECT = Path(__file__).parents[2]
IMAGE = np.zeros((4, 4, 3), np.uint8)


@pytest.fixture
def project(tmp_path, monkeypatch):
    """A project folder of its own; `project(task, key=value)` adds the data set "nuclei" and returns the params."""
    values = yaml.safe_load((PROJECT / "params.yaml").read_text())
    monkeypatch.chdir(tmp_path)

    def add(task, **settings):
        patches = {"size": [32, 32], "stride": [32, 32]} if task == "segmentation" else {"resize": [32, 32]}
        values["datasets"]["nuclei"] = {"task": task, "path": "own", "patches": patches, **settings}
        paths.PARAMS.write_text(yaml.safe_dump(values))
        return params.load()

    return add


@pytest.mark.parametrize("source", SOURCES)
def test_every_source_has_a_module(block, source):
    for task in [SOURCES[source][1]] if SOURCES[source][1] else ["segmentation", "classification"]:
        assert callable(source_module("nuclei", block(task, source)).make)


def test_an_unknown_source_lists_the_known_ones(project):
    known = f"known here: {', '.join(SOURCES)}"
    for source, told in (("kvasir-segg", "did you mean kvasir-seg?"), ("x", known)):
        with pytest.raises(UserError) as caught:
            download("nuclei", project("segmentation", source=source))
        assert str(caught.value) == f"datasets.nuclei.source: unknown source {source!r}; {told}"


def test_a_source_of_the_other_task_says_what_to_change(project):
    message = "kather2016 is for classification; set datasets.nuclei.task to classification, or datasets.nuclei.source to one of "
    with pytest.raises(
        UserError, match=message + "folder, phantom-mitochondria, phantom-organelles, phantom-volume, phantom-polyps, vnc"
    ):
        download("nuclei", project("segmentation", source="kather2016"))


def test_an_unknown_data_set_lists_the_known_ones(project):
    with pytest.raises(UserError, match=r"nucleus is not a data set .*: mitochondria, nuclei, polyps, tissue"):
        download("nucleus", project("segmentation", source="folder"))


def test_a_failed_download_leaves_what_was_there(project, encoded):
    for label in ("a", "b"):
        path = Path("own", label, "1.png")
        path.parent.mkdir(parents=True)
        path.write_bytes(encoded(IMAGE))
    settings = project("classification", source="folder")
    assert download("nuclei", settings) == 2
    Path("own/a/1.png").write_bytes(b"")
    with pytest.raises(UserError, match="file is empty"):
        download("nuclei", settings)
    assert read_info(paths.raw("nuclei")).classes == ("a", "b")
    assert len(read_table(paths.raw("nuclei") / "images.csv")) == 2
    assert [path.name for path in paths.raw("nuclei").parent.iterdir()] == ["nuclei"]


def test_a_mirror_with_wrong_bytes(project, cache, zipped, encoded):
    Path("mirror.zip").write_bytes(zipped({"kvasir-dataset-v2/polyps/a.jpg": encoded(IMAGE, "JPEG")}))
    settings = project("classification", source="kvasir-v2", url=Path("mirror.zip").resolve().as_uri())
    with pytest.raises(UserError, match=f"expected 2489312085 bytes, received {Path('mirror.zip').stat().st_size}"):
        download("nuclei", settings)
    assert not paths.raw("nuclei").exists()


class TestWriter:
    INFO = DatasetInfo("nuclei", "any", "classification", ("a", "b"), 3)

    def test_without_images(self, tmp_path):
        with (
            pytest.raises(UserError, match="data set nuclei: the source any has no images"),
            DatasetWriter(tmp_path / "raw") as w,
        ):
            w.finish(self.INFO)
        assert list(tmp_path.iterdir()) == []

    def test_other_names_for_the_classes(self, tmp_path):
        """Even where the new names are the old ones in another order."""
        with DatasetWriter(tmp_path / "raw") as writer:
            for label in ("a", "b", "b"):
                writer.add(f"{label}{len(writer._rows)}", IMAGE, label=label)
            writer.finish(self.INFO, ("b", "a"))
        assert list(read_table(tmp_path / "raw/images.csv")["label"]) == ["b", "a", "a"]
        assert read_info(tmp_path / "raw").classes == ("b", "a")

    @pytest.mark.parametrize("classes", [("a",), ("a", "b", "c"), ("a", "a")])
    def test_as_many_classes_as_the_source_has(self, tmp_path, classes):
        message = r"datasets\.nuclei\.classes: expected 2 different names \(the source has a, b\), received a"
        with pytest.raises(UserError, match=message), DatasetWriter(tmp_path / "raw") as writer:
            writer.add("1", IMAGE, label="a")
            writer.finish(self.INFO, classes)

    def test_names_are_unique(self, tmp_path):
        with pytest.raises(UserError, match="1: two images have this name"), DatasetWriter(tmp_path / "raw") as writer:
            writer.add("1", IMAGE)
            writer.add("1", IMAGE)


def test_a_mistake_is_one_line_and_no_network_library_is_imported(project):
    project("segmentation", source="folder", path="nowhere")
    code = (
        "import runpy, sys; sys.argv = ['download', 'nuclei']\n"
        "try: runpy.run_module('pipeline.stages.download', run_name='__main__')\n"
        "finally: print(sorted({'tensorflow', 'keras', 'requests', 'pipeline.datasets.sources.vnc'} & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, env={"PYTHONPATH": str(PROJECT), "PATH": ""}, check=False
    )
    assert done.returncode == 1
    assert done.stdout == "[]\n"
    assert done.stderr.startswith(
        "error: nowhere: no such folder; datasets.nuclei.path must name a folder with images/ and masks/"
    )
    assert len(done.stderr.splitlines()) == 1
