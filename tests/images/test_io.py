"""Images and masks of every depth are read as one of few types, and errors name the file."""

import numpy as np
import pytest
import tifffile
from PIL import Image

from pipeline.errors import UserError
from pipeline.images.io import read_image, read_mask, read_pages, write_png


@pytest.mark.parametrize("mask", [np.eye(3, dtype=bool), np.array([[0, 1, 255]], np.uint8)], ids=["two classes", "class numbers"])
def test_masks_keep_their_values(tmp_path, mask):
    write_png(tmp_path / "mask.png", mask)
    read = read_mask(tmp_path / "mask.png")
    assert read.dtype == mask.dtype
    np.testing.assert_array_equal(read, mask)


@pytest.mark.parametrize(
    ("array", "shape", "dtype"),
    [
        (np.zeros((4, 5), np.uint8), (4, 5, 1), np.uint8),
        (np.zeros((4, 5), np.uint16), (4, 5, 1), np.uint16),
        (np.zeros((4, 5, 3), np.uint8), (4, 5, 3), np.uint8),
        (np.zeros((4, 5, 4), np.uint8), (4, 5, 3), np.uint8),
        (np.zeros((4, 5, 2), np.uint8), (4, 5, 1), np.uint8),
    ],
)
def test_image_shapes(tmp_path, array, shape, dtype):
    Image.fromarray(array).save(tmp_path / "image.png")
    image = read_image(tmp_path / "image.png")
    assert image.shape == shape
    assert image.dtype == dtype


def test_values_survive_in_png_and_tiff(tmp_path):
    rng = np.random.default_rng(0)
    for array in (rng.integers(0, 256, (7, 9, 1), np.uint8), rng.integers(0, 65536, (7, 9, 1), np.uint16)):
        write_png(tmp_path / "image.png", array)
        tifffile.imwrite(tmp_path / "image.tif", array[..., 0])
        np.testing.assert_array_equal(read_image(tmp_path / "image.png"), array)
        np.testing.assert_array_equal(read_image(tmp_path / "image.tif"), array)


def test_colours_in_separate_planes(tmp_path):
    colours = np.random.default_rng(0).integers(0, 256, (5, 6, 3), np.uint8)
    tifffile.imwrite(tmp_path / "planar.tif", np.moveaxis(colours, -1, 0), photometric="rgb", planarconfig="separate")
    np.testing.assert_array_equal(read_image(tmp_path / "planar.tif"), colours)


def test_pages_of_a_tiff(tmp_path):
    stack = np.arange(24, dtype=np.uint16).reshape(3, 2, 4)
    tifffile.imwrite(tmp_path / "stack.tif", stack, photometric="minisblack")
    np.testing.assert_array_equal(np.stack(read_pages(tmp_path / "stack.tif"))[..., 0], stack)
    with pytest.raises(UserError, match="expected one image, received 3 pages"):
        read_image(tmp_path / "stack.tif")


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.png", b"", "the file is empty"),
        ("a.png", b"not an image", "cannot be read as an image"),
        ("a.tif", b"II*\0\xff\xff\0\0", "cannot be read as an image"),
        ("a.tif", b"II*\0\0\0\0\0", "cannot be read as an image"),  # no pages
    ],
)
def test_the_error_names_the_file_that_is_no_image(tmp_path, name, content, message):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(UserError, match=rf"{name}: {message}"):
        read_image(tmp_path / name)


@pytest.mark.parametrize("bigtiff", [False, True])
def test_a_tiff_that_is_truncated_between_its_pages_is_an_error(tmp_path, bigtiff):
    with tifffile.TiffWriter(tmp_path / "whole.tif", bigtiff=bigtiff) as file:
        for _ in range(3):
            file.write(np.zeros((8, 8), np.uint8), contiguous=False)
    with tifffile.TiffFile(tmp_path / "whole.tif") as file:
        third = file.pages[2].offset
    whole = (tmp_path / "whole.tif").read_bytes()
    assert len(read_pages(tmp_path / "whole.tif")) == 3
    (tmp_path / "cut.tif").write_bytes(whole[: third - 1])
    with pytest.raises(UserError, match=r"cut\.tif: the file is truncated after page 2"):
        read_pages(tmp_path / "cut.tif")


def test_a_truncated_png_is_an_error(tmp_path):
    write_png(tmp_path / "a.png", np.random.default_rng(0).integers(0, 256, (64, 64), np.uint8))
    (tmp_path / "a.png").write_bytes((tmp_path / "a.png").read_bytes()[:2000])
    with pytest.raises(UserError, match=r"a\.png: cannot be read as an image"):
        read_image(tmp_path / "a.png")


def test_floats_are_an_error(tmp_path):
    tifffile.imwrite(tmp_path / "a.tif", np.zeros((2, 2), np.float32))
    with pytest.raises(UserError, match="received float32"):
        read_image(tmp_path / "a.tif")
