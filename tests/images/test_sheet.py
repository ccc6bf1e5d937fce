"""Pictures: of any depth, outlined or coloured by a mask, and put together on a sheet."""

import io

import numpy as np
from PIL import Image

from pipeline.images.overlay import errors, kinds_of_error, outlined
from pipeline.images.sheet import GAP, LINE, displayable, fitted, sheet

NOISE = np.random.default_rng(0).integers(0, 256, (20, 30, 3), np.uint8)


def opened(png):
    return np.asarray(Image.open(io.BytesIO(png)))


def test_an_empty_sheet_says_so():
    page = opened(sheet([], [], 4, 100, nothing="no image is wrong"))
    assert page.shape[0] < 4 * LINE and (page[..., 3] > 0).any()


def test_equal_sheets_are_equal_bytes():
    first, second = (sheet([NOISE, NOISE], ["a", "b"], 2, 60, legend={"hit": "#009e73"}) for _ in range(2))
    assert first == second


def test_pictures_stand_in_rows_below_their_captions():
    red, blue = (np.full((10, 20, 3), colour, np.uint8) for colour in ([255, 0, 0], [0, 0, 255]))
    page = opened(sheet([red, blue, red], ["a", "b\nbelow", ""], 2, 40))
    top = GAP + 2 * LINE  # of the tallest caption
    assert page.shape == (2 * (2 * LINE + 20 + GAP) + GAP, 2 * (40 + GAP) + GAP, 4)
    assert (page[top : top + 20, GAP : GAP + 40] == (255, 0, 0, 255)).all()
    assert (page[top : top + 20, 2 * GAP + 40 : -GAP] == (0, 0, 255, 255)).all()
    assert not page[-20 - GAP :, 2 * GAP + 40 :, 3].any()  # the fourth place stays empty


def test_a_long_caption_stays_in_its_own_column():
    page = opened(sheet([NOISE] * 2, ["frame_of_a_very_long_name_0123", ""], 2, 60))
    assert page[GAP : GAP + LINE, GAP : GAP + 60, 3].any()
    assert not page[GAP : GAP + LINE, GAP + 61 :, 3].any()


def test_a_legend_has_its_colours():
    page = opened(sheet([NOISE], [""], 1, 200, legend={"hit": "#009e73", "miss": "#2f7fb8"}))
    for colour in ((0x00, 0x9E, 0x73, 255), (0x2F, 0x7F, 0xB8, 255)):
        assert (page[-GAP - LINE :] == colour).all(axis=-1).sum() > 100


def test_enlarging_repeats_pixels_and_shrinking_averages_them():
    picture = np.array([[[0, 0, 0], [200, 200, 200]]], np.uint8)
    assert fitted(picture, 4)[0, :, 0].tolist() == [0, 0, 200, 200]
    assert fitted(picture, 1)[0, :, 0].tolist() == [100]
    assert fitted(picture, 2) is picture


def test_images_of_any_depth_are_displayable():
    assert displayable(np.array([[[0], [4000]]], np.uint16)).tolist() == [[[0] * 3, [255] * 3]]
    assert displayable(np.array([[[7], [255]]], np.uint8)).tolist() == [[[7] * 3, [255] * 3]]
    assert not displayable(np.zeros((2, 2, 1), np.uint16)).any()
    assert displayable(np.array([[[-3.5], [2.5]]], np.float32)).tolist() == [[[0] * 3, [255] * 3]]
    assert displayable(np.array([[[np.nan], [2.5]]], np.float32)).tolist() == [[[0] * 3, [255] * 3]]
    assert displayable(np.array([[[False], [True]]])).tolist() == [[[0] * 3, [255] * 3]]


def test_images_of_any_channels_are_displayable():
    """Two are magenta and green; of more than three, the first three are shown, each stretched by itself."""
    assert displayable(np.array([[[9, 7]]], np.uint8)).tolist() == [[[9, 7, 9]]]
    assert displayable(np.array([[[1, 2, 3, 4]]], np.uint8)).tolist() == [[[1, 2, 3]]]
    deep = np.array([[[0, 0, 5, 7], [10, 4000, 5, 7]]], np.int32)
    assert displayable(deep).tolist() == [[[0, 0, 0], [255, 255, 0]]]
    colours = np.array([[[0, 100, 0], [1000, 200, 0]]], np.uint16)  # RGB keeps its proportions
    assert displayable(colours)[0, :, 1].tolist() == [26, 51]


def test_errors_have_their_colours():
    grey = np.full((1, 4, 1), 100, np.uint8)  # 60 when dimmed
    mask, prediction = np.array([[1, 0, 1, 0]], bool), np.array([[1, 1, 0, 0]], bool)
    hit, false_positive, false_negative, nothing = errors(grey, kinds_of_error(mask, prediction))[0].tolist()
    assert hit == [21, 124, 96]  # 0.35 of 60 and 0.65 of green (0, 158, 115)
    assert false_positive == [170, 124, 21]  # orange (230, 159, 0)
    assert false_negative == [52, 104, 141]  # blue (47, 127, 184)
    assert nothing == [60, 60, 60]


def test_an_outline_is_two_pixels_wide_and_stops_at_the_border():
    mask = np.zeros((8, 8), bool)
    mask[:, 0:6] = True
    drawn = (outlined(np.zeros((8, 8, 3), np.uint8), mask) == (0xE6, 0x9F, 0x00)).all(axis=-1)
    assert drawn.tolist() == [[False] * 4 + [True] * 2 + [False] * 2] * 8
