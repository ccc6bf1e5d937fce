import io

import numpy as np
import pytest
from PIL import Image

from pipeline.reporting import figures

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
    assert b"Matplotlib v" not in first and b"<dc:date>" not in first


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


def test_preview_outlines_the_mask():
    mask = np.zeros((1, 20, 30), bool)
    mask[:, 5:15, 5:25] = True
    pixels = np.asarray(Image.open(io.BytesIO(figures.patches(np.zeros((1, 20, 30, 1), np.uint8), mask))).convert("RGB"))
    assert (pixels == (0xE6, 0x9F, 0x00)).all(axis=-1).any()
