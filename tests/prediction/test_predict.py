"""The user's own front door, on real files."""

import csv
import json
import re
import subprocess
import sys

import numpy as np
import pytest
import tifffile
from PIL import Image
from skimage.draw import disk

from pipeline.errors import UserError
from pipeline.images.io import read_image
from pipeline.predict import load, main, predict
from pipeline.prediction.expectations import differences
from pipeline.prediction.results_folder import locked
from pipeline.prediction.run import SHOWN


def run(model, *arguments):
    main([str(model), *map(str, arguments)])


def told(capsys, model, *arguments):
    """Run a command that fails; return its lines."""
    with pytest.raises(UserError) as caught:
        run(model, *arguments)
    return str(caught.value).splitlines()


def rows(path):
    with open(path, newline="") as file:
        return list(csv.DictReader(file))


@pytest.fixture
def image(tmp_path, spots):
    path = tmp_path / "in" / "spots.png"
    path.parent.mkdir()
    Image.fromarray(spots).save(path)
    return path


def test_what_is_written(tmp_path, image, spots, bright):
    out = tmp_path / "out"
    run(bright, image, "--out", out, "--pixel-size", 10)
    np.testing.assert_array_equal(tifffile.imread(out / "spots_mask.tif"), (spots >= 128) * np.uint8(255))
    expected = 1 / (1 + np.exp(-(20.0 * (spots / 255) - 10)))
    np.testing.assert_allclose(tifffile.imread(out / "spots_probability.tif"), expected, atol=1e-5)
    labels = tifffile.imread(out / "spots_labels.tif")
    assert [int((labels == n).sum()) for n in range(5)] == [4800 - 33, 12, 20, 1, 0]
    objects = rows(out / "spots_objects.csv")
    assert [(o["label"], o["area_px"], o["area_um2"]) for o in objects] == [
        ("1", "12", "0.0012"),
        ("2", "20", "0.002"),
        ("3", "1", "0.0001"),
    ]
    assert [o["touches_border"] for o in objects] == ["False", "False", "True"]
    assert [o["mean_intensity"] for o in objects] == ["220", "200", "255"]
    total = rows(out / "images.csv")
    assert total == [
        {"image": "spots", "page": "1", "count": "3", "area_px": "33", "area_fraction": "0.006875", "area_um2": "0.0033"}
    ]
    assert read_image(out / "spots_overlay.png").shape == (60, 80, 3)
    with tifffile.TiffFile(out / "spots_mask.tif") as file:
        tags = file.pages[0].tags
        assert tags["XResolution"].value == (10**6, 1) and tags["ResolutionUnit"].value == 3  # a million 10 nm make a centimetre
    assert not (out / ".unfinished").exists()


def test_options(tmp_path, image, bright):
    run(bright, image, "--out", tmp_path / "out", "--smallest", 5, "--threshold", 0.999)
    assert [o["area_px"] for o in rows(tmp_path / "out" / "spots_objects.csv")] == ["12"]  # 200 of 255 is not sure enough


def test_an_image_without_foreground(tmp_path, bright):
    Image.fromarray(np.zeros((9, 7), np.uint8)).save(tmp_path / "dark.png")
    run(bright, tmp_path / "dark.png", "--out", tmp_path / "out")
    assert rows(tmp_path / "out" / "dark_objects.csv") == []
    assert rows(tmp_path / "out" / "images.csv")[0]["count"] == "0"


@pytest.mark.parametrize("size", [(1, 1), (17, 23), (70, 50), (300, 41)])
def test_any_size_gives_the_image_back_without_a_seam(tmp_path, bright, size):
    image = np.random.default_rng(1).integers(0, 256, size, dtype=np.uint8)
    Image.fromarray(image).save(tmp_path / "a.png")
    run(bright, tmp_path / "a.png", "--out", tmp_path / "out", "--tile", 32, "--overlap", 8)
    np.testing.assert_array_equal(tifffile.imread(tmp_path / "out" / "a_mask.tif") > 0, image >= 128)


def test_files_equal_what_python_says(tmp_path, small_unet):
    image = np.random.default_rng(2).integers(0, 65536, (90, 130), dtype=np.uint16)
    tifffile.imwrite(tmp_path / "a.tif", image)
    run(small_unet, tmp_path / "a.tif", "--out", tmp_path / "out", "--smallest", 3)
    result = predict(load(small_unet), image, smallest=3)
    np.testing.assert_array_equal(tifffile.imread(tmp_path / "out" / "a_probability.tif"), result.probability)
    np.testing.assert_array_equal(tifffile.imread(tmp_path / "out" / "a_mask.tif") > 0, result.mask)
    np.testing.assert_array_equal(tifffile.imread(tmp_path / "out" / "a_labels.tif"), result.labels)
    assert len(rows(tmp_path / "out" / "a_objects.csv")) == len(result.objects) > 0


def test_a_median_over_sections_stays_in_one_time_point(tmp_path, bright, capsys):
    pages = np.full((2, 3, 12, 12), 20, np.uint8)
    pages[1] = 240  # bright from the second time point on
    tifffile.imwrite(tmp_path / "a.tif", pages, imagej=True, metadata={"axes": "TZYX"})
    tifffile.imwrite(tmp_path / "b.tif", pages[:, 0], imagej=True, metadata={"axes": "TYX"})
    run(bright, tmp_path / "a.tif", tmp_path / "b.tif", "--out", tmp_path / "out", "--median", 3)
    mask, probability = (tifffile.imread(tmp_path / "out" / f"a_{kind}.tif") for kind in ("mask", "probability"))
    assert (mask > 0).all(axis=(2, 3)).tolist() == [[False] * 3, [True] * 3]
    assert mask.shape == probability.shape == pages.shape and (probability == probability[:, :1]).all()
    for name, axes in (("a", "TZYX"), ("b", "TYX")):
        with tifffile.TiffFile(tmp_path / "out" / f"{name}_labels.tif") as file:
            assert file.series[0].axes == axes
    said = [line for line in capsys.readouterr().err.splitlines() if "--median" in line]
    assert len(said) == 1 and "b.tif: holds no sections of one volume, so --median has no effect" in said[0]


def test_a_median_over_sections_removes_what_one_section_shows(tmp_path, bright):
    pages = np.full((5, 12, 12), 20, np.uint8)
    pages[:, 2:5, 2:5] = 240  # in all sections
    pages[2, 8:10, 8:10] = 240  # in one
    tifffile.imwrite(tmp_path / "s.tif", pages, photometric="minisblack")
    run(bright, tmp_path / "s.tif", "--out", tmp_path / "out", "--median", 3)
    mask = tifffile.imread(tmp_path / "out" / "s_mask.tif") > 0
    assert mask.shape == (5, 12, 12)
    np.testing.assert_array_equal(mask.sum(axis=(1, 2)), 9)
    assert [o["page"] for o in rows(tmp_path / "out" / "s_objects.csv")] == list("12345")


def test_the_others_are_done_and_each_failure_is_one_line(tmp_path, image, bright, capsys):
    folder = image.parent
    (folder / "empty.png").write_bytes(b"")
    (folder / "broken.png").write_bytes(image.read_bytes()[:60])
    Image.fromarray(np.random.default_rng(0).integers(0, 256, (8, 8, 3), dtype=np.uint8)).save(folder / "colours.png")
    lines = told(capsys, bright, folder, folder / "missing.png", "--out", tmp_path / "out")
    assert [line.split(":")[0].rsplit("/")[-1] for line in lines] == ["missing.png", "broken.png", "colours.png", "empty.png"]
    assert "expected grey as in training, received RGB" in lines[2]
    assert (tmp_path / "out" / "spots_mask.tif").exists()
    assert not list((tmp_path / "out").glob("broken*"))


def test_a_second_run_goes_on_and_another_one_overwrites_nothing(tmp_path, image, bright, capsys):
    out = tmp_path / "out"
    run(bright, image, "--out", out)
    before = (out / "spots_mask.tif").stat().st_mtime_ns
    Image.fromarray(read_image(image)[..., 0]).save(image.with_name("more.png"))
    run(bright, image.parent, "--out", out)
    assert "1 of 2 images are already done" in capsys.readouterr().err
    assert (out / "spots_mask.tif").stat().st_mtime_ns == before
    assert [row["image"] for row in rows(out / "images.csv")] == ["more", "spots"]
    (line,) = told(capsys, bright, image.parent, "--out", out, "--threshold", 0.9)
    assert "results with another threshold; add --overwrite, or choose another folder" in line
    run(bright, image.parent, "--out", out, "--threshold", 0.9, "--overwrite")
    assert (out / "spots_mask.tif").stat().st_mtime_ns > before


def test_a_changed_image_is_predicted_again(tmp_path, image, bright):
    run(bright, image, "--out", tmp_path / "out")
    Image.fromarray(np.zeros((5, 5), np.uint8)).save(image)
    run(bright, image, "--out", tmp_path / "out")
    assert tifffile.imread(tmp_path / "out" / "spots_mask.tif").shape == (5, 5)


def test_a_file_that_was_there_is_not_overwritten(tmp_path, image, bright, capsys):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "spots_mask.tif").write_bytes(b"mine")
    (line,) = told(capsys, bright, image, "--out", tmp_path / "out")
    assert "spots_mask.tif: this file is not from this run" in line
    assert (tmp_path / "out" / "spots_mask.tif").read_bytes() == b"mine"


def test_no_image_takes_the_place_of_another(tmp_path, image, bright, capsys):
    out, other = tmp_path / "out", tmp_path / "other" / "spots.png"
    other.parent.mkdir()
    Image.fromarray(np.zeros((5, 5), np.uint8)).save(other)
    run(bright, image, "--out", out)
    before = (out / "spots_mask.tif").read_bytes()
    (line,) = told(capsys, bright, other, "--out", out)
    assert f"{other}: {out} holds results of {image} under the same name" in line
    assert (out / "spots_mask.tif").read_bytes() == before
    assert not (out / ".unfinished").exists()
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "images.csv").write_text("mine")
    (line,) = told(capsys, bright, image, "--out", tmp_path / "mine")
    assert "images.csv: this file is not from this run" in line


def test_an_interrupted_replacement_goes_on(tmp_path, image, bright, capsys):
    """Killed after the first of two images: what it left is one finished image of the new run, and one of the old."""
    out, more = tmp_path / "out", image.with_name("more.png")
    more.write_bytes(image.read_bytes())
    run(bright, image.parent, "--out", out)
    more.rename(tmp_path / "away.png")
    run(bright, image.parent, "--out", out, "--threshold", 0.9, "--overwrite")
    (tmp_path / "away.png").rename(more)
    capsys.readouterr()
    run(bright, image.parent, "--out", out, "--threshold", 0.9)
    assert "1 of 2 images are already done" in capsys.readouterr().err
    assert (out / "more_mask.tif").read_bytes() == (out / "spots_mask.tif").read_bytes()


def test_results_among_the_images_are_not_predicted(tmp_path, image, bright):
    run(bright, image, "--out", image.parent)
    run(bright, f"{tmp_path}/**/*.[pt]*", "--out", image.parent)
    run(bright, image.parent, "--out", image.parent)
    assert [row["image"] for row in rows(image.parent / "images.csv")] == ["spots"]


def test_one_run_at_a_time(tmp_path, image, bright, capsys):
    with locked(tmp_path / "out"):
        (line,) = told(capsys, bright, image, "--out", tmp_path / "out")
        assert "another run is writing here" in line
    run(bright, image, "--out", tmp_path / "out")
    assert not (tmp_path / "out" / ".lock").exists()


def test_measured_are_the_grey_values_of_the_file(tmp_path, image, bright):
    deep = read_image(image)[..., 0].astype(np.uint16) * 16
    tifffile.imwrite(tmp_path / "grey.tif", deep)
    tifffile.imwrite(tmp_path / "rgb.tif", np.repeat(deep[..., None], 3, axis=-1), photometric="rgb")
    run(bright, tmp_path / "grey.tif", tmp_path / "rgb.tif", "--out", tmp_path / "out", "--range", 0, 4080)
    for name in ("grey", "rgb"):
        assert [o["mean_intensity"] for o in rows(tmp_path / "out" / f"{name}_objects.csv")][:2] == ["3520", "3200"]


@pytest.mark.parametrize("number", [2, 5])
def test_a_model_of_several_channels_takes_as_many_and_no_other_number(tmp_path, bright_pair, number):
    image = np.zeros((number, 20, 24), np.uint8)
    image[1, 4:8, 5:9] = 250  # the second channel alone decides
    tifffile.imwrite(tmp_path / "a.tif", image, photometric="minisblack", metadata={"axes": "CYX"})
    if number == 5:
        with pytest.raises(UserError, match=r"a\.tif: expected 2 channels as in training, received 5 channels"):
            run(bright_pair, tmp_path / "a.tif", "--out", tmp_path / "out")
        return
    run(bright_pair, tmp_path / "a.tif", "--out", tmp_path / "out")
    np.testing.assert_array_equal(tifffile.imread(tmp_path / "out" / "a_mask.tif") > 0, image[1] > 0)
    overlay = read_image(tmp_path / "out" / "a_overlay.png")
    assert overlay[6, 7].tolist() == [0, 250, 0]  # two channels are shown in magenta and green


def test_the_overlay_shows_the_objects_that_are_counted(tmp_path, bright):
    """Two touching discs are parted, and a speck that does not count has no outline."""
    pixels = np.zeros((40, 60), np.uint8)
    for centre in (20, 38):
        pixels[disk((20, centre), 10)] = 200
    pixels[2:4, 2:4] = 200
    Image.fromarray(pixels).save(tmp_path / "a.png")
    for name, options, parted, outlined in (("all", [], False, True), ("own", ["--split", "--smallest", 5], True, False)):
        run(bright, tmp_path / "a.png", "--out", tmp_path / name, *options)
        assert len(rows(tmp_path / name / "a_objects.csv")) == 2
        overlay = read_image(tmp_path / name / "a_overlay.png")
        coloured = np.ptp(overlay, axis=-1) > 0
        assert coloured[20, 27:32].any() == parted
        assert coloured[:6, :6].any() == outlined
        assert coloured[20, 9:12].any()


@pytest.mark.parametrize("overwrite", [[], ["--overwrite"]])
def test_files_of_the_user_stay(tmp_path, cells, overwrite):
    """Whatever they are called, only results are removed or replaced."""
    for name in ("a", "contact_sheet_mine"):
        Image.fromarray(np.random.default_rng(0).integers(0, 256, (32, 32, 3), np.uint8)).save(tmp_path / f"{name}.png")
    before = (tmp_path / "contact_sheet_mine.png").read_bytes()
    for _ in range(2):
        run(cells, tmp_path, "--out", tmp_path, *overwrite)
        assert [row["image"] for row in rows(tmp_path / "predictions.csv")] == ["a", "contact_sheet_mine"]
        assert (tmp_path / "contact_sheet_mine.png").read_bytes() == before
        assert (tmp_path / "contact_sheet.png").exists()


def test_no_result_replaces_an_image(tmp_path, image, bright, cells, capsys):
    mask, sheet = image.with_name("spots_mask.tif"), tmp_path / "contact_sheet.png"
    tifffile.imwrite(mask, np.zeros((60, 80), np.uint8))
    before = mask.read_bytes()
    (line,) = told(capsys, bright, image, mask, "--out", image.parent, "--overwrite")
    assert line.endswith("spots_mask.tif: the results would replace this image; choose another folder")
    assert mask.read_bytes() == before
    Image.new("RGB", (32, 32)).save(sheet)
    (line,) = told(capsys, cells, sheet, "--out", tmp_path, "--overwrite")
    assert "contact_sheet.png: the results would replace this image" in line and Image.open(sheet).size == (32, 32)


def test_each_page_is_compared_with_the_training_images(tmp_path, picky, capsys):
    pages = np.full((3, 20, 20), 10, np.uint8)
    pages[1] = 240
    tifffile.imwrite(tmp_path / "s.tif", pages, photometric="minisblack")
    run(picky, tmp_path / "s.tif", "--out", tmp_path / "out", "--pixel-size", 20)
    pixels, line = [line for line in capsys.readouterr().err.splitlines() if "s.tif: " in line]
    assert "s.tif: page 2: unlike all training images" in line and "s.tif: expected pixels of about 8 × 8 nm" in pixels


def test_an_image_of_one_bit_is_black_and_white(tmp_path, bright):
    pixels = np.zeros((12, 12), bool)
    pixels[3:6, 3:6] = True
    Image.fromarray(pixels).save(tmp_path / "a.png")
    run(bright, tmp_path / "a.png", "--out", tmp_path / "out")
    assert rows(tmp_path / "out" / "a_objects.csv")[0]["mean_intensity"] == "255"
    assert predict(load(bright), pixels).objects["mean_intensity"].tolist() == [255]


def test_a_pixel_too_small_for_a_tiff_stays_in_the_tables(tmp_path, image, bright):
    run(bright, image, "--out", tmp_path / "out", "--pixel-size", 0.002)
    with tifffile.TiffFile(tmp_path / "out" / "spots_mask.tif") as file:
        assert file.pages[0].tags["XResolution"].value == (1, 1)
    assert float(rows(tmp_path / "out" / "images.csv")[0]["area_um2"]) == pytest.approx(33 * 0.002**2 * 1e-6)


def test_an_image_keeps_its_name_whatever_is_predicted_with_it(tmp_path, bright):
    for folder in ("b1", "b2"):
        (tmp_path / folder).mkdir()
        Image.fromarray(np.full((9, 9), 200, np.uint8)).save(tmp_path / folder / "x.png")
    again = tmp_path / "b2" / ".." / "b1" / "x.png"
    run(bright, tmp_path / "b1", again, "--out", tmp_path / "out")
    run(bright, tmp_path / "b1", tmp_path / "b2", "--out", tmp_path / "out")
    assert [row["image"] for row in rows(tmp_path / "out" / "images.csv")] == ["b2_x", "x"]


def test_hidden_files_stop_nothing(tmp_path, image, bright):
    """macOS writes a ._spots.png beside spots.png where it cannot keep its own attributes."""
    image.with_name("._spots.png").write_bytes(b"\0\5\x16\7 Mac OS X")
    run(bright, image.parent, f"{image.parent}/*.png", "--out", tmp_path / "out")
    assert [row["image"] for row in rows(tmp_path / "out" / "images.csv")] == ["spots"]


def test_pages_that_are_left_out_are_told(tmp_path, image, bright, capsys):
    with tifffile.TiffWriter(tmp_path / "two.tif") as file:
        file.write(read_image(image)[..., 0])
        file.write(np.zeros((7, 9), np.uint8))
    run(bright, tmp_path / "two.tif", "--out", tmp_path / "out")
    assert "expected pages of one size and type, received 1 of another kind" in capsys.readouterr().err


def test_a_window_that_cannot_advance_is_refused(tmp_path, image, small_unet, capsys):
    (line,) = told(capsys, small_unet, image, "--out", tmp_path / "out", "--tile", 6, "--overlap", 3)
    assert "inference.tile: expected at least 7 pixels, overlap + 4, received 6" in line


def test_choices_without_effect_are_refused(tmp_path, image, cells, capsys):
    (line,) = told(capsys, cells, image, "--out", tmp_path / "out", "--split", "--threshold", 0.7)
    assert "--threshold, --split: no effect" in line
    with pytest.raises(UserError, match="threshold, split: no effect on this classification model"):
        predict(load(cells), np.zeros((32, 32, 3), np.uint8), threshold=0.7, split=True)


def test_arrays_that_python_gives(bright, picky, spots):
    model = load(bright)
    np.testing.assert_array_equal(predict(model, spots >= 128).mask, spots >= 128)
    measured = predict(model, spots, pixel_size_nm=np.array([10, 10])).objects
    assert measured["area_um2"].tolist() == pytest.approx([0.0012, 0.002, 0.0001])
    for wrong in ({"threshold": 2}, {"smallest": 0}, {"pixel_size_nm": 8}, {"pixel_size_nm": (0, 8)}):
        with pytest.raises(UserError, match=f"{next(iter(wrong))}: expected"):
            predict(model, spots, **wrong)
    with pytest.raises(UserError, match="image: expected integers of at most 32 bit or floats, received int64"):
        predict(model, spots.astype(np.int64))
    with pytest.raises(UserError, match="image: expected grey as in training, received 2 channels"):
        predict(model, np.dstack([spots, spots]))
    with pytest.warns(UserWarning, match="unlike all training images: 5% of the pixels lie below 0.35"):
        predict(load(picky), spots.astype(np.uint16) * 3)


def test_what_differs_from_training_is_told(tmp_path, image, bright, picky, capsys):
    dark = read_image(image)[..., 0].astype(np.uint16) * 4  # ten bits in a file of sixteen
    tifffile.imwrite(tmp_path / "ten.tif", dark, resolution=(1e7 / 40, 1e7 / 40), resolutionunit="CENTIMETER")
    run(picky, tmp_path / "ten.tif", "--out", tmp_path / "out")
    said = capsys.readouterr().err
    assert "expected pixels of about 8 × 8 nm as in training, received 40 × 40 nm" in said
    assert "unlike all training images: 5% of the pixels lie below 0.47 of the intensity range; in training, below 0.00" in said
    run(bright, tmp_path / "ten.tif", "--out", tmp_path / "stretched", "--range", 0, 1020)
    run(bright, tmp_path / "ten.tif", "--out", tmp_path / "own", "--range", "image")  # here from 30 to 220
    image = read_image(image)[..., 0]
    np.testing.assert_array_equal(tifffile.imread(tmp_path / "stretched" / "ten_mask.tif") > 0, image >= 128)
    np.testing.assert_array_equal(tifffile.imread(tmp_path / "own" / "ten_mask.tif") > 0, image >= 125)


@pytest.mark.parametrize(("contrast", "told"), [(0.5, []), (0.24, ["less contrast than in all training images: 0.22"])])
def test_a_flat_image_is_told(contrast, told):
    """Half the least contrast of training, between the 5th and the 95th percentile, which was 0.45."""
    image = 0.5 + contrast * (np.linspace(0, 1, 64 * 64, dtype=np.float32).reshape(64, 64, 1) - 0.5)
    seen = [[[0.2]] * 5 + [[0.45]], [[0.8]] * 5 + [[0.9]]]
    found = differences({"intensity_range": [[0, 1]], "intensity_seen": seen, "resize": None}, image, None)
    assert [line[: len(start)] for line, start in zip(found, told, strict=True)] == told


@pytest.mark.parametrize(("resize", "told"), [(None, 1), (0.5, 1), ([32, 32], 0)])
def test_pixels_of_another_size_are_told_unless_all_images_get_one_size(resize, told):
    image = np.linspace(0, 1, 64 * 64, dtype=np.float32).reshape(64, 64, 1)
    card = {"intensity_range": [[0, 1]], "intensity_seen": [[[0]] * 6, [[1]] * 6], "resize": resize, "pixel_size_nm": [4, 4]}
    assert len(list(differences(card, image, (8, 8)))) == told


LITTLE_SPACE = (
    "import resource, sys; resource.setrlimit(resource.RLIMIT_FSIZE, (8000, 8000)); import signal;"
    "signal.signal(signal.SIGXFSZ, signal.SIG_IGN); import runpy; runpy.run_module('pipeline.predict', run_name='__main__')"
)


def test_a_full_disk_is_told(tmp_path, image, bright):
    if not sys.platform.startswith("linux"):
        pytest.skip("needs Linux's limit on the size of a file")
    command = [sys.executable, "-c", LITTLE_SPACE, str(bright), str(image), "--out", str(tmp_path / "out")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300)
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1].startswith(f"error: {image}: File too large")
    assert not list((tmp_path / "out").glob("spots*"))


def test_a_place_that_cannot_be_is_told(tmp_path, image, bright, capsys):
    (line,) = told(capsys, bright, image, "--out", image / "out")
    assert line.endswith("(Not a directory); change --out")


@pytest.mark.parametrize(
    ("card", "message"),
    [
        ("{", "m.json: not the card of a trained model"),
        ("{}", "not the card of a trained model"),
        ("cells", "this card belongs to another network"),
    ],
)
def test_a_card_that_does_not_fit_is_one_line(tmp_path, image, bright, cells, card, message, capsys):
    (tmp_path / "m.keras").write_bytes(bright.read_bytes())
    (tmp_path / "m.json").write_text(cells.with_suffix(".json").read_text() if card == "cells" else card)
    (line,) = told(capsys, tmp_path / "m.keras", image, "--out", tmp_path / "out")
    assert message in line


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 cut", b"text"])
def test_a_damaged_model_is_one_line(tmp_path, image, bright, content, capsys):
    (tmp_path / "m.keras").write_bytes(content)
    (tmp_path / "m.json").write_text(bright.with_suffix(".json").read_text())
    (line,) = told(capsys, tmp_path / "m.keras", image, "--out", tmp_path / "out")
    assert "m.keras: not a model that this pipeline trained" in line


def test_images_are_classified_together_and_fail_alone(tmp_path, cells):
    rng, folder = np.random.default_rng(0), tmp_path / "in"
    folder.mkdir()
    names = [f"t{number:02}" for number in range(70)]  # more than one batch, and of several sizes
    for name in names:
        Image.fromarray(rng.integers(0, 256, (rng.integers(20, 50), 40, 3), np.uint8)).save(folder / f"{name}.png")
    tifffile.imwrite(folder / "t05_pages.tif", rng.integers(0, 256, (3, 32, 32, 3), np.uint8), photometric="rgb")
    whole = (folder / "t05_pages.tif").read_bytes()
    (folder / "t06_cut.tif").write_bytes(whole[: len(whole) - 2000])  # its last page is damaged
    (folder / "t62.png").write_bytes(b"nothing")
    with pytest.raises(UserError) as caught:
        run(cells, folder, "--out", tmp_path / "out")
    assert [line.split(":")[0].rsplit("/")[-1] for line in str(caught.value).splitlines()] == ["t06_cut.tif", "t62.png"]
    table = rows(tmp_path / "out" / "predictions.csv")
    expected = sorted([(name, "1") for name in names if name != "t62"] + [("t05_pages", page) for page in "123"])
    assert sorted((row["image"], row["page"]) for row in table) == expected
    model = load(cells)
    for row in table[::7]:
        file = folder / f"{row['image']}.{'tif' if row['image'] == 't05_pages' else 'png'}"
        pixels = read_image(file) if file.suffix == ".png" else tifffile.imread(file)[int(row["page"]) - 1]
        alone = model.classify([model.scaled(pixels)])[0]
        np.testing.assert_allclose([float(row[name]) for name in "abc"], alone, atol=1e-5)


def test_tiles_for_which_there_is_no_space_are_told_and_done_when_there_is(tmp_path, cells):
    if not sys.platform.startswith("linux"):
        pytest.skip("needs Linux's limit on the size of a file")
    rng = np.random.default_rng(0)
    (tmp_path / "in").mkdir()
    for number in range(50):  # the record of which is larger than a file may be
        Image.fromarray(rng.integers(0, 256, (32, 32, 3), np.uint8)).save(tmp_path / "in" / f"t{number:02}.png")
    arguments = [str(cells), str(tmp_path / "in"), "--out", str(tmp_path / "out")]
    done = subprocess.run([sys.executable, "-c", LITTLE_SPACE, *arguments], capture_output=True, text=True, timeout=300)
    lines = [line for line in done.stderr.splitlines() if line.startswith("error: ")]
    assert done.returncode == 1 and "Traceback" not in done.stderr
    assert 0 < sum(".png: File too large" in line for line in lines) <= SHOWN
    assert any("more such as the last: File too large" in line for line in lines)
    run(*arguments)
    assert len(rows(tmp_path / "out" / "predictions.csv")) == 50


def test_contact_sheets_are_of_what_can_be_read_and_replace_nothing_foreign(tmp_path, cells, capsys):
    pixels = np.random.default_rng(0).integers(0, 256, (40, 50, 3), dtype=np.uint8)
    for name in ("old", "new"):
        Image.fromarray(pixels).save(tmp_path / f"{name}.png")
    run(cells, tmp_path / "old.png", "--out", tmp_path / "out")
    (tmp_path / "old.png").write_bytes(b"")
    (tmp_path / "bad.png").write_bytes(b"no image")
    (line,) = told(capsys, cells, tmp_path / "new.png", tmp_path / "bad.png", "--out", tmp_path / "out")
    assert line.startswith(f"{tmp_path}/bad.png: cannot be read as an image")
    assert Image.open(tmp_path / "out" / "contact_sheet.png").size == (144, 176)  # of the one that is left
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "contact_sheet.png").write_text("mine")
    (line,) = told(capsys, cells, tmp_path / "new.png", "--out", tmp_path / "mine")
    assert "contact_sheet.png: this file is not from this run" in line


def test_a_card_that_lacks_what_describe_tells_is_one_line(tmp_path, bright, capsys):
    (tmp_path / "m.keras").write_bytes(bright.read_bytes())
    card = json.loads(bright.with_suffix(".json").read_text())
    del card["seed"]
    (tmp_path / "m.json").write_text(json.dumps(card))
    (line,) = told(capsys, tmp_path / "m.keras", "--describe")
    assert "m.keras: the model's card has no entry 'seed'" in line


def test_describe(bright, capsys):
    run(bright, "--describe")
    said = capsys.readouterr().out
    for expected in (
        "mitochondria (every pixel)",
        "8 × 8 nm",
        "0.500, chosen on validation",
        "generated images",
        "not in git",
    ):
        assert expected in said


@pytest.mark.parametrize(
    ("resize", "told"),
    [(None, ""), (0.5, ", which it resizes by a factor of 0.5"), ([32, 48], ", which it resizes to 32 × 48 pixels")],
)
def test_describe_says_that_the_model_itself_resizes_images(tmp_path, bright, capsys, resize, told):
    path = tmp_path / "m.keras"
    path.write_bytes(bright.read_bytes())
    path.with_suffix(".json").write_text(json.dumps(json.loads(bright.with_suffix(".json").read_text()) | {"resize": resize}))
    run(path, "--describe")
    assert f" grey images of any size{told}\n" in capsys.readouterr().out


def test_describe_finds_the_scores_and_their_commit(tmp_path, bright, capsys):
    """They are those of the folder now, and those of a fold are pooled over all folds."""
    scores = tmp_path / "reports/cells/metrics/unet.json"

    def git(*arguments):
        subprocess.run(["git", "-c", "user.name=a", "-c", "user.email=a", *arguments], cwd=tmp_path, check=True)

    for place, facts in (("unet", {}), ("unet_repeats/fold-1", {"fold": 1, "folds": 3})):
        model = tmp_path / f"models/cells/{place}.keras"
        model.parent.mkdir(parents=True)
        model.write_bytes(bright.read_bytes())
        model.with_suffix(".json").write_text(json.dumps(json.loads(bright.with_suffix(".json").read_text()) | facts))
    scores.parent.mkdir(parents=True)
    scores.write_text('{"dice": 0.9, "data": "abcdef"}')
    git("init", "--quiet")
    git("add", "reports")
    git("commit", "--quiet", "--message", "Scores")
    run(tmp_path / "models/cells/unet_repeats/fold-1.keras", "--describe")
    said = capsys.readouterr().out
    assert re.search(r"^commit  +\w{7} of ", said, re.M) and re.search(r"^test scores, all 3 folds  dice 0\.900", said, re.M)
    scores.write_text('{"dice": 0.1, "data": "abcdef"}')
    run(tmp_path / "models/cells/unet.keras", "--describe")
    said = capsys.readouterr().out
    assert re.search(r"^commit  +not committed$", said, re.M) and re.search(r"^test scores  +dice 0\.100", said, re.M)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "give IMAGE... and --out DIR"),
        (["a.png", "--out", "o", "--median", "2"], "expected an odd number"),
        (["a.png", "--out", "o", "--range", "9", "3"], "expected LOW below HIGH"),
        (["--out", "o", "--threshold", "7", "a.png"], "expected a probability"),
        (["a.png", "--out", "o", "--pixel-size", "nan"], "expected height and width above 0"),
        (["a.png", "--out", "o", "--range", "0", "inf"], "expected LOW below HIGH"),
        (["a.png", "--out", "o", "--workers", "0"], "expected at least 1"),
    ],
)
def test_wrong_arguments(bright, arguments, message, capsys):
    with pytest.raises(SystemExit):
        main([str(bright), *arguments])
    assert message in capsys.readouterr().err


def test_options_for_volumes_are_told_to_have_no_effect_on_other_images(tmp_path, small_unet, cells, capsys):
    Image.fromarray(np.zeros((32, 32), np.uint8)).save(tmp_path / "a.png")
    run(small_unet, tmp_path / "a.png", "--out", tmp_path / "out", "--workers", 2, "--memory", "3potato")
    assert "warning: --workers, --memory: no effect, because no image is an OME-Zarr volume" in capsys.readouterr().err
    (line,) = told(capsys, cells, tmp_path / "a.png", "--out", tmp_path / "out", "--workers", 2)
    assert line == "--workers: no effect on this classification model; leave it out"
