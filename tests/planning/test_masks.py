"""What the values of masks mean, guessed from the values."""

import numpy as np
import pytest
import tifffile
from PIL import Image

from pipeline.planning.masks import look_at_masks

BLANK = np.zeros((40, 40), np.uint8)


def drawn(*boxes):
    """A mask with a box (row, column, side, value) for each object."""
    mask = BLANK.copy()
    for row, column, side, value in boxes:
        mask[row : row + side, column : column + side] = value
    return mask


@pytest.fixture
def looked_at(tmp_path):
    def look(*masks, suffix="png"):
        for number, mask in enumerate(masks):
            Image.fromarray(mask).save(tmp_path / f"{number}.{suffix}")
        return look_at_masks([tmp_path / f"{number}.{suffix}" for number in range(len(masks))], "cell", map)

    return look


ONE, TWO = drawn((2, 2, 10, 255)), drawn((2, 2, 10, 255), (20, 20, 6, 255))
OBJECTS = drawn((2, 2, 10, 1), (20, 2, 6, 2), (20, 20, 6, 3)), drawn((5, 5, 9, 1), (14, 5, 9, 2))
CLASSES = [drawn((2, 2, 10, 1), (20, 20, 6, 1), (30, 2, 4, 2), (2, 30, 4, 2)) for _ in range(2)]


@pytest.mark.parametrize(
    ("masks", "settings", "classes"),
    [
        ([ONE, TWO], {}, {}),
        ([ONE // 255, ONE], {}, {}),
        ([ONE, TWO - TWO // 80], {"mask_threshold": 127}, {}),  # 0 and 252 beside 0 and 255
        ([ONE // 2], {"mask_labels": [127]}, {}),
        (OBJECTS, {"instances": True}, {}),
        (
            [mask.astype(np.uint16) + 400 * (mask > 0).astype(np.uint16) for mask in OBJECTS],
            {"instances": True},
            {},
        ),  # crops of a larger one
        (CLASSES, {}, {"background": 0, "value_1": 1, "value_2": 2}),
        ([np.where(mask == 0, 9, mask) for mask in CLASSES], {}, {"background": 9, "value_1": 1, "value_2": 2}),
        (
            [np.where(np.eye(40), 255, mask).astype(np.uint8) for mask in CLASSES],
            {"ignore": [255]},
            {"background": 0, "value_1": 1, "value_2": 2},
        ),
    ],
    ids=[
        "two values",
        "two pairs",
        "grey levels",
        "one other value",
        "objects",
        "crops",
        "classes",
        "classes without 0",
        "ignored",
    ],
)
def test_the_values_of_masks_are_understood(looked_at, masks, settings, classes):
    found = looked_at(*masks)
    assert {key: value for key, (value, _) in found.settings.items()} == settings
    assert {key: value for key, (value, _) in found.classes.items()} == classes


def test_a_palette_is_read_by_the_numbers_of_its_colours(tmp_path):
    mask = Image.fromarray(ONE // 255).convert("P")
    mask.putpalette([0, 0, 0, 0, 128, 0])
    mask.save(tmp_path / "a.png")
    found = look_at_masks([tmp_path / "a.png"], "cell", map)
    assert found.settings["mask_labels"][0] == [1] and found.share == {1: 100 / 1600}


def test_black_and_white_palettes_need_no_setting_whatever_their_order(tmp_path):
    for name, palette in (("a", [0, 0, 0, 255, 255, 255]), ("b", [255, 255, 255, 0, 0, 0])):
        image = Image.fromarray(np.eye(32, dtype=np.uint8))
        image.putpalette(palette)
        image.save(tmp_path / f"{name}.png")
    found = look_at_masks([tmp_path / f"{name}.png" for name in "ab"], "cell", map)
    assert (found.settings, found.classes, found.share) == ({}, {}, {1: 1 / 2})


def test_a_palette_of_a_tiff_is_read_like_any_other(tmp_path):
    colours = np.zeros((3, 256), np.uint16)
    colours[0, 1] = 128 * 257
    tifffile.imwrite(tmp_path / "a.tif", np.eye(32, dtype=np.uint8), photometric="palette", colormap=colours)
    assert look_at_masks([tmp_path / "a.tif"], "cell", map).settings["mask_labels"][0] == [1]


def test_a_volume_numbers_its_objects_through_all_its_pages(tmp_path):
    pages = np.array([drawn((2, 2, 9, 2 * page + 1), (20, 20, 6, 2 * page + 2)) for page in range(12)])
    tifffile.imwrite(tmp_path / "a.tif", pages)
    assert "instances" in look_at_masks([tmp_path / "a.tif"], "cell", map).settings


def test_objects_may_have_any_numbers_of_32_bit(tmp_path):
    """Connectomics numbers objects so; memory for 4 billion of them would end the program."""
    for number, mask in enumerate(OBJECTS):
        tifffile.imwrite(tmp_path / f"{number}.tif", np.where(mask > 0, 2**32 - 5 + mask.astype(np.uint32), 0).astype(np.uint32))
    found = look_at_masks([tmp_path / "0.tif", tmp_path / "1.tif"], "cell", map)
    assert "instances" in found.settings and found.objects == 2.5 and found.extent[0] == 9


def test_a_noisy_jpeg_needs_a_threshold(looked_at):
    assert set(looked_at(ONE, TWO, suffix="jpg").settings) == {"mask_threshold"}


def test_figures_of_objects(looked_at):
    found = looked_at(ONE, TWO, BLANK)
    assert found.share == {1: (100 + 136) / 4800} and (found.empty, found.full) == (1, 0)
    assert found.extent == (10, 10) and found.objects == 1.5 and found.largest == 0.25


def test_how_much_of_the_masks_half_the_resolution_keeps(looked_at):
    """Squares at even places keep all; of columns one pixel wide, the enlarged mask has both neighbours: Dice 2/3."""
    assert looked_at(*[drawn((2, 2, 12, 1), (2, 20, 12, 1))] * 2).halved == 1
    thin = np.zeros((40, 60), np.uint8)
    thin[:, ::4] = 255
    assert looked_at(thin, thin).halved == pytest.approx(2 / 3)


def test_a_mask_that_is_ignored_as_a_whole_is_neither_empty_nor_full(looked_at):
    found = looked_at(*CLASSES, np.full_like(BLANK, 255))
    assert set(found.settings) == {"ignore"} and (found.empty, found.full) == (0, 0)


def test_the_class_of_the_largest_objects_decides(looked_at):
    small = [(20, column, 3, 2) for column in range(0, 36, 6)]
    assert looked_at(*[drawn((2, 2, 12, 1), (2, 20, 12, 1), *small)] * 2).extent == (12, 12)


def test_pixels_that_share_a_corner_are_one_object(looked_at):
    found = looked_at(np.eye(40, dtype=np.uint8) * 255)
    assert found.objects == 1 and found.extent == (40, 40)
