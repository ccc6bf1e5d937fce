"""Images and masks of every depth are read as one of few types, and errors name the file."""

import numpy as np
import pytest

from pipeline.errors import UserError
from pipeline.images.io import read_image, read_mask, write_image, write_png


@pytest.mark.parametrize("mask", [np.eye(3, dtype=bool), np.array([[0, 1, 255]], np.uint8)], ids=["two classes", "class numbers"])
def test_masks_keep_their_values(tmp_path, mask):
    write_png(tmp_path / "mask.png", mask)
    read = read_mask(tmp_path / "mask.png")
    assert read.dtype == mask.dtype
    np.testing.assert_array_equal(read, mask)


@pytest.mark.parametrize("dtype", ["u1", "u2", "u4", "i1", "i2", "i4", "f4", "f8"])
@pytest.mark.parametrize("channels", [1, 2, 3, 4, 7])
def test_what_is_written_is_read_again(tmp_path, dtype, channels):
    array = np.random.default_rng(0).integers(-99, 30000, (6, 9, channels)).astype(dtype)
    path = write_image(tmp_path / "section.1", array)
    assert path.name == ("section.1.png" if (dtype, channels) in (("u1", 1), ("u1", 3), ("u2", 1)) else "section.1.tif")
    image = read_image(path)
    assert image.dtype == array.dtype
    np.testing.assert_array_equal(image, array)


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


def test_a_truncated_png_is_an_error(tmp_path):
    write_png(tmp_path / "a.png", np.random.default_rng(0).integers(0, 256, (64, 64), np.uint8))
    (tmp_path / "a.png").write_bytes((tmp_path / "a.png").read_bytes()[:2000])
    with pytest.raises(UserError, match=r"a\.png: cannot be read as an image"):
        read_image(tmp_path / "a.png")
