"""Volumes: block by block, by one process or several, interrupted or not: the same bytes."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import numpy as np
import psutil
import pytest
import tifffile
import zarr
from ome_zarr.format import FormatV04
from ome_zarr.writer import write_multiscale

from pipeline.prediction import volume
from tests.ctrl_c import hears_ctrl_c
from tests.prediction.test_predict import rows, run, told

PAGES, SIDE = 10, 400


@pytest.fixture(scope="module")
def sections(tmp_path_factory):
    """A volume of smooth random sections."""
    rng = np.random.default_rng(0)
    coarse = rng.integers(0, 256, (PAGES, SIDE // 20, SIDE // 20), dtype=np.uint8)
    data = coarse.repeat(20, axis=1).repeat(20, axis=2)
    path = tmp_path_factory.mktemp("volume") / "v.ome.zarr"
    axes = [{"name": "z", "type": "space"}, *({"name": n, "type": "space", "unit": "nanometer"} for n in "yx")]
    scale = [[{"type": "scale", "scale": [50.0, 8.0, 8.0]}]]
    group = zarr.open_group(path, mode="w", zarr_format=2)
    write_multiscale([data], group, axes=axes, coordinate_transformations=scale, fmt=FormatV04())
    return path


@pytest.fixture(scope="module")
def expected(tmp_path_factory, sections, small_unet):
    """What one process makes of it, never interrupted."""
    out = tmp_path_factory.mktemp("expected")
    run(small_unet, sections, "--out", out)
    return out


def content(folder):
    """All bytes of the results but the record, which holds times."""
    files = sorted(p for p in folder.rglob("*") if p.is_file() and p.name != "predict.json")
    return {p.relative_to(folder).as_posix(): p.read_bytes() for p in files}


def test_what_one_process_writes(expected, sections):
    table = rows(expected / "images.csv")
    assert len(table) == PAGES
    probability = zarr.open_array(expected / "v_probability.ome.zarr" / "0", mode="r")[:]
    mask = zarr.open_array(expected / "v_mask.ome.zarr" / "0", mode="r")[:]
    labels = zarr.open_array(expected / "v_labels.ome.zarr" / "0", mode="r")[:]
    assert probability.std() > 0.01
    np.testing.assert_array_equal(mask > 0, probability >= 0.5)
    np.testing.assert_array_equal(labels > 0, mask > 0)
    assert [int(row["count"]) for row in table] == [int(page.max()) for page in labels]
    assert float(table[0]["area_um2"]) == pytest.approx(mask[0].astype(bool).sum() * 64e-6, rel=1e-5)


def test_a_large_page_is_cut_into_blocks_that_fit(tmp_path, expected, sections, small_unet, monkeypatch):
    monkeypatch.setattr(volume, "ROWS", 256)
    monkeypatch.setattr(volume.ome, "CHUNK", 128)
    run(small_unet, sections, "--out", tmp_path, "--tile", 1024, "--overlap", 192)
    for kind in ("probability", "labels"):
        path = f"v_{kind}.ome.zarr"
        cut, whole = (zarr.open_array(folder / path / "0", mode="r") for folder in (tmp_path, expected))
        assert cut.chunks == (1, 128, 128)
        np.testing.assert_array_equal(cut[:], whole[:])


def start(model, *arguments, stderr=subprocess.DEVNULL):
    command = [sys.executable, "-m", "pipeline.predict", str(model), *map(str, arguments)]
    return subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=stderr, start_new_session=True, preexec_fn=hears_ctrl_c)


def wait_for_marks(out, count, process):
    deadline = time.monotonic() + 120
    while len(marks := list(out.glob(".unfinished/v/finished/*"))) < count:
        assert process.poll() is None and time.monotonic() < deadline
        time.sleep(0.005)
    return marks


def test_a_model_that_reduces_images_reads_whole_pages(tmp_path, sections, small_unet, monkeypatch):
    """The volume is predicted as its pages are, one by one; blocks of a few rows would make another image of each."""
    monkeypatch.setattr(volume, "ROWS", 256)
    path = tmp_path / "model" / "unet.keras"
    path.parent.mkdir()
    path.write_bytes(small_unet.read_bytes())
    card = json.loads(small_unet.with_suffix(".json").read_text())
    path.with_suffix(".json").write_text(json.dumps(card | {"resize": 0.5}))
    run(path, sections, "--out", tmp_path / "volume")
    (_, array), *_ = zarr.open_group(sections, mode="r").arrays()
    pages = array[:]
    tifffile.imwrite(tmp_path / "page.tif", pages[1])
    run(path, tmp_path / "page.tif", "--out", tmp_path / "page")
    found = zarr.open_array(tmp_path / "volume" / "v_probability.ome.zarr" / "0", mode="r")
    assert found.shape == pages.shape and found[1].std() > 0.01
    alone = tifffile.imread(tmp_path / "page" / "page_mask.tif") > 0
    np.testing.assert_array_equal(found[1] >= 0.5, alone)


def test_two_workers_one_of_them_killed(tmp_path, expected, sections, small_unet):
    process = start(small_unet, sections, "--out", tmp_path, "--workers", 2)
    wait_for_marks(tmp_path, 1, process)
    children = psutil.Process(process.pid).children(recursive=True)
    workers = [child for child in children if child.num_threads() > 8]  # those that hold TensorFlow
    workers[0].kill()
    assert process.wait(timeout=300) == 0
    assert content(tmp_path) == content(expected)


def test_ctrl_c_is_told_in_one_word(tmp_path, sections, small_unet):
    """The terminal sends it to the workers, too, whose tracebacks would hide it."""
    process = start(small_unet, sections, "--out", tmp_path, "--workers", 2, stderr=subprocess.PIPE)
    wait_for_marks(tmp_path, 1, process)
    os.killpg(process.pid, signal.SIGINT)
    _, said = process.communicate(timeout=60)
    assert (process.returncode, said) == (1, b"interrupted\n")


def test_a_killed_run_goes_on_and_skips_what_is_finished(tmp_path, expected, sections, small_unet):
    process = start(small_unet, sections, "--out", tmp_path, "--workers", 2)
    wait_for_marks(tmp_path, 3, process)
    children = psutil.Process(process.pid).children(recursive=True)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    for child in children:  # Dask's workers are process groups of their own
        with suppress(psutil.NoSuchProcess):
            child.kill()
    finished = {mark: mark.stat().st_mtime_ns for mark in tmp_path.glob(".unfinished/v/finished/*")}
    assert 3 <= len(finished) < PAGES
    kept = tmp_path.with_name(tmp_path.name + "-kept")
    shutil.copytree(tmp_path, kept)
    for mark in kept.glob(".unfinished/v/finished/*"):  # a finished block is not looked at again: spoil one, and it stays
        page = int(mark.name.split("-")[0])
    array = zarr.open_array(kept / ".unfinished" / "v" / "v_probability.ome.zarr" / "0", mode="r+")
    array[page] = 0.25
    run(small_unet, sections, "--out", kept)
    assert (zarr.open_array(kept / "v_probability.ome.zarr" / "0", mode="r")[page] == 0.25).all()
    run(small_unet, sections, "--out", tmp_path)
    assert content(tmp_path) == content(expected)


def test_time_points_and_their_place_are_kept(tmp_path, small_unet):
    path, data = tmp_path / "v.ome.zarr", np.random.default_rng(0).integers(0, 256, (2, 3, 40, 50), np.uint8)
    axes = [{"name": "t", "type": "time", "unit": "second"}]
    axes += [{"name": name, "type": "space", "unit": "micrometer"} for name in "zyx"]
    place = [{"type": "scale", "scale": [9.0, 0.05, 0.008, 0.008]}, {"type": "translation", "translation": [0.0, 1.0, 2.0, 3.0]}]
    write_multiscale([data], zarr.open_group(path, zarr_format=3), axes=axes, coordinate_transformations=[place])
    run(small_unet, path, "--out", tmp_path / "out", "--median", 3)
    for kind in ("mask", "probability", "labels"):
        group = zarr.open_group(tmp_path / "out" / f"v_{kind}.ome.zarr", mode="r")
        (found,) = group.attrs["ome"]["multiscales"]
        assert group["0"].shape == data.shape and found["axes"] == axes
        assert found["datasets"][0]["coordinateTransformations"] == place
    run(small_unet, path, "--out", tmp_path / "single", "--pixel-size", 8)
    (found,) = zarr.open_group(tmp_path / "single/v_mask.ome.zarr", mode="r").attrs["ome"]["multiscales"]
    assert found["name"] == "v_mask"
    assert [axis["unit"] for axis in found["axes"]] == ["second", "micrometer", "nanometer", "nanometer"]
    scale, translation = found["datasets"][0]["coordinateTransformations"]
    assert scale["scale"] == [9, 0.05, 8, 8] and translation["translation"] == [0, 1, 2000, 3000]
    single, smoothed = (zarr.open_array(tmp_path / out / "v_probability.ome.zarr/0", mode="r")[:] for out in ("single", "out"))
    np.testing.assert_array_equal(smoothed[1, 0], np.median(single[1, :2], axis=0).astype(np.float32))
    np.testing.assert_array_equal(smoothed[1, 1], np.median(single[1], axis=0))


def test_a_scheduler_that_is_not_there_is_told(tmp_path, sections, small_unet, capsys):
    (line,) = told(capsys, small_unet, sections, "--out", tmp_path, "--scheduler", "tcp://127.0.0.1:9")
    assert line.startswith("--scheduler: no Dask scheduler answers at tcp://127.0.0.1:9")


@pytest.fixture
def cluster(tmp_path):
    """Start a Dask scheduler and a worker, as their commands do, away from the project: ``cluster(PYTHONPATH=...)`` → address."""
    started = []

    def start(**environment):
        known = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"} | environment
        file = tmp_path / "scheduler.json"
        for command in (
            ["scheduler", "--host", "127.0.0.1", "--port", "0", "--no-dashboard", "--scheduler-file", str(file)],
            ["worker", "--scheduler-file", str(file), "--nthreads", "1", "--no-nanny", "--no-dashboard"],
        ):
            script = [sys.executable, "-m", f"distributed.cli.dask_{command[0]}", *command[1:]]
            quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
            started.append(subprocess.Popen(script, cwd=tmp_path, env=known, **quiet))
        while not (file.exists() and file.read_text().endswith("}")):  # it may be written just now
            assert started[-2].poll() is None
            time.sleep(0.1)
        return json.loads(file.read_text())["address"]

    yield start
    for process in started:
        process.kill()
        process.wait()


def test_a_running_scheduler_needs_the_project_and_then_gives_the_same(tmp_path, sections, expected, small_unet, capsys, cluster):
    out = tmp_path / "out"
    (line,) = told(capsys, small_unet, sections, "--out", out, "--scheduler", cluster())
    assert "blocks failed" in line and "No module named 'pipeline'; the scheduler and its workers need this project" in line
    (tmp_path / "scheduler.json").unlink()
    run(small_unet, sections, "--out", out, "--scheduler", cluster(PYTHONPATH=str(Path.cwd())))
    assert content(out) == content(expected)
