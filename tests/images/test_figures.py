import io

import numpy as np
import pytest
from matplotlib import colormaps
from PIL import Image

from pipeline.evaluation.maps import heat
from pipeline.images import figures
from pipeline.images.sheet import GAP, LINE, displayable, fitted, sheet
from pipeline.reporting.page import PICTURE_WIDTH

RNG = np.random.default_rng(0)
GREY = RNG.integers(0, 256, (20, 30, 1), np.uint8)
RGB = RNG.integers(0, 65536, (20, 30, 3), np.uint16)
MASK = RNG.random((20, 30)) > 0.5

CALLS = {
    "panel": lambda: figures.panel(GREY, MASK, ~MASK),
    "patches": lambda: figures.patches(np.stack([RGB, RGB]), np.stack([MASK, MASK])),
}


@pytest.mark.parametrize("name", CALLS)
def test_equal_figures_are_equal_bytes(name):
    first, second = CALLS[name](), CALLS[name]()
    assert first == second


@pytest.mark.parametrize("mask", [np.zeros((20, 30), bool), np.ones((20, 30), bool), MASK])
@pytest.mark.parametrize("image", [GREY, RGB])
def test_panel_shows_four_pictures_side_by_side(image, mask):
    picture = Image.open(io.BytesIO(figures.panel(image, mask, np.zeros_like(mask))))
    assert picture.format == "PNG"
    assert picture.width > 2 * picture.height


def test_errors_have_their_colours():
    black = np.zeros((1, 4, 1), np.uint8)
    mask, prediction = np.array([[1, 0, 1, 0]], bool), np.array([[1, 1, 0, 0]], bool)
    hit, false_positive, false_negative, nothing = figures.errors(black, mask, prediction)[0]
    assert hit.argmax() == 1  # green
    assert false_positive.argmax() == 0 and false_positive[2] == 0  # orange
    assert false_negative.argmax() == 2  # blue
    assert (nothing == 0).all()


@pytest.mark.parametrize("targets", [np.zeros((1, 20, 30), bool), np.ones((1, 20, 30), bool), np.array([3])])
def test_preview_of_a_single_patch(targets):
    assert Image.open(io.BytesIO(figures.patches(GREY[None], targets))).format == "PNG"


@pytest.mark.parametrize("row", range(200, 208))
def test_preview_outlines_the_thinnest_object_of_a_large_patch(row):
    mask = np.zeros((1, 512, 512), bool)
    mask[:, row] = True
    shown = opened(figures.patches(np.zeros((1, 512, 512, 1), np.uint8), mask))
    assert (shown[..., :3] == (0xE6, 0x9F, 0x00)).all(axis=-1).any()


def test_preview_outlines_the_mask():
    mask = np.zeros((1, 20, 30), bool)
    mask[:, 5:15, 5:25] = True
    pixels = np.asarray(Image.open(io.BytesIO(figures.patches(np.zeros((1, 20, 30, 1), np.uint8), mask))).convert("RGB"))
    assert (pixels == (0xE6, 0x9F, 0x00)).all(axis=-1).any()


def opened(png):
    return np.asarray(Image.open(io.BytesIO(png)))


def test_an_empty_sheet_says_so():
    page = opened(sheet([], [], 4, 100, nothing="no image is wrong"))
    assert page.shape[0] < 4 * LINE and (page[..., 3] > 0).any()


def test_pictures_stand_in_rows_below_their_captions():
    red, blue = (np.full((10, 20, 3), colour, np.uint8) for colour in ([255, 0, 0], [0, 0, 255]))
    page = opened(sheet([red, blue, red], ["a", "b\nbelow", ""], 2, 40))
    top = GAP + 2 * LINE  # of the tallest caption
    assert page.shape == (2 * (2 * LINE + 20 + GAP) + GAP, 2 * (40 + GAP) + GAP, 4)
    assert (page[top : top + 20, GAP : GAP + 40] == (255, 0, 0, 255)).all()
    assert (page[top : top + 20, 2 * GAP + 40 : -GAP] == (0, 0, 255, 255)).all()
    assert not page[-20 - GAP :, 2 * GAP + 40 :, 3].any()  # the fourth place stays empty


def test_a_long_caption_ends_in_its_own_column():
    page = opened(sheet([GREY.repeat(3, -1)] * 2, ["frame_of_a_very_long_name_0123", ""], 2, 60))
    assert page[GAP : GAP + LINE, GAP : GAP + 60, 3].any()
    assert not page[GAP : GAP + LINE, GAP + 61 :, 3].any()


def test_pixels_stay_square_when_larger_and_are_averaged_when_smaller():
    picture = np.array([[[0, 0, 0], [200, 200, 200]]], np.uint8)
    assert fitted(picture, 4)[0, :, 0].tolist() == [0, 0, 200, 200]
    assert fitted(picture, 1)[0, :, 0].tolist() == [100]
    assert fitted(picture, 2) is picture


def test_images_of_any_depth_become_bytes():
    assert displayable(np.array([[[0], [4000]]], np.uint16)).tolist() == [[[0] * 3, [255] * 3]]
    assert displayable(np.array([[[7], [255]]], np.uint8)).tolist() == [[[7] * 3, [255] * 3]]
    assert not displayable(np.zeros((2, 2, 1), np.uint16)).any()


def test_heat_rises_from_dark_to_light():
    values = np.linspace(0, 1, 256)[None]
    picture = heat(np.zeros((1, 256, 1), np.uint8), values)
    inferno = 255 * colormaps["inferno"](values)[..., :3]
    assert np.abs(picture / 0.55 - inferno).max() < 24  # between the six colours that it keeps
    assert (np.diff(picture.astype(int).sum(axis=-1)) >= -1).all()  # but for rounding


def test_a_panel_fills_the_report():
    picture = Image.open(io.BytesIO(figures.panel(GREY, MASK, MASK)))
    assert picture.width == PICTURE_WIDTH
