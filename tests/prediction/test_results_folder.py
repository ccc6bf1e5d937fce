"""What is done is known to the next run, also after one that was killed."""

import json
import os
from itertools import pairwise

import pytest

from pipeline.errors import UserError
from pipeline.prediction.inputs import Input
from pipeline.prediction.results_folder import ResultsFolder, results_in, state

RUN = {"model": "m", "settings": {"tile": [64, 64]}}


@pytest.fixture
def images(tmp_path):
    """Three images to be predicted; what lies in the files does not matter here."""
    found = [Input(tmp_path / f"{name}.png", name) for name in "abc"]
    for image in found:
        image.path.write_text(image.name)
    return found


def finish(results, image):
    """Do what a run does with an image: its one result holds its name."""
    folder = results.workspace(image, [f"{image.name}_mask.tif"])
    file = folder / f"{image.name}_mask.tif"
    file.write_text(image.name)
    results.finish(image, [file], [{"image": image.name, "pixels": 1}])


def killed(out, images, run=RUN, overwrite=False):
    """A run that finished some images and never closed its folder."""
    results = ResultsFolder(out, run, ["images.csv"], overwrite)
    for image in images:
        finish(results, image)


@pytest.fixture
def out(tmp_path):
    (tmp_path / "out").mkdir()
    return tmp_path / "out"


def test_what_a_killed_run_finished_is_done(out, images):
    killed(out, images[:2])
    results = ResultsFolder(out, RUN, ["images.csv"])
    assert [results.done(image) for image in images] == [True, True, False]
    assert results_in(out) == {"a_mask.tif", "b_mask.tif"}
    finish(results, images[2])
    results.close()
    assert (out / "images.csv").read_text() == "image,pixels\na,1\nb,1\nc,1\n"
    assert sorted(json.loads((out / "predict.json").read_text())["images"]) == ["a", "b", "c"]
    assert sorted(path.name for path in out.iterdir()) == [
        "a_mask.tif", "b_mask.tif", "c_mask.tif", "images.csv", "predict.json"
    ]  # fmt: skip


def test_a_line_that_was_cut_short_costs_its_image_alone(out, images):
    killed(out, images[:1])
    (journal,) = out.glob(".predict*")
    whole = journal.read_text()
    killed(out, images[1:2])  # begins with a record that holds the first
    (journal,) = out.glob(".predict*")
    journal.write_text(whole[: len(whole) // 2] + journal.read_text())
    assert [ResultsFolder(out, RUN, ["images.csv"]).done(image) for image in images] == [True, True, False]


def test_the_journal_of_a_run_that_was_replaced_does_not_count(out, images):
    killed(out, images[:2])
    another = RUN | {"model": "another"}
    with pytest.raises(UserError, match="results with another model"):
        ResultsFolder(out, another, ["images.csv"])
    killed(out, images[2:], another, overwrite=True)
    results = ResultsFolder(out, another, ["images.csv"])
    assert [results.done(image) for image in images] == [False, False, True]


def test_many_images_are_noted_in_time_that_grows_with_their_number(tmp_path, out):
    results, size = ResultsFolder(out, RUN, ["images.csv"]), []
    for number in range(40):
        image = Input(tmp_path / f"{number:02}.png", f"{number:02}")
        image.path.touch()
        results.claim(image)
        before = (out / "predict.json").stat().st_ino
        results.finish(image, [], [{"image": image.name}])
        size.append((out / ".predict.jsonl").stat().st_size)
        assert (out / "predict.json").stat().st_ino == before  # not written anew for each
    assert len({after - before for before, after in pairwise(size)}) <= 2


def test_a_folder_is_another_when_anything_in_it_changed(tmp_path):
    (tmp_path / "v.zarr/0").mkdir(parents=True)
    chunk = tmp_path / "v.zarr/0/chunk"
    chunk.write_text("before")
    first = state(tmp_path / "v.zarr")
    assert first == state(tmp_path / "v.zarr")
    os.utime(chunk, ns=(first["changed"] + 1, first["changed"] + 1))  # the time of the folder itself stays
    assert state(tmp_path / "v.zarr") != first
    os.utime(chunk, ns=(first["changed"], first["changed"]))
    assert state(tmp_path / "v.zarr") == first
    (tmp_path / "v.zarr/0/another").write_text("")
    os.utime(tmp_path / "v.zarr/0/another", ns=(0, 0))
    (tmp_path / "v.zarr/0/link").symlink_to("nowhere")
    assert state(tmp_path / "v.zarr") != first
