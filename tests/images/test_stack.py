"""Content and not the suffix decides how a file is read; what is no image is told."""

import io

import imagecodecs
import numpy as np
import pytest
import tifffile
from PIL import Image

from pipeline.errors import UserError
from pipeline.images.io import HDF5, ITK, SUFFIXES
from pipeline.images.stack import described, opened, read_pages

RNG = np.random.default_rng(0)
GREY = RNG.integers(0, 256, (7, 9), np.uint8)
RGB = RNG.integers(0, 256, (7, 9, 3), np.uint8)


@pytest.mark.parametrize("name", ["a.tif", "a.ome.btf", "a.tf8", "a.png", "a.jpg", "a"])
def test_a_tiff_of_any_name_has_all_its_pages(tmp_path, name):
    big = name.endswith(("btf", "tf8"))
    tifffile.imwrite(tmp_path / name, np.stack([GREY, GREY + 1]), photometric="minisblack", bigtiff=big, ome=False)
    np.testing.assert_array_equal(read_pages(tmp_path / name), np.stack([GREY, GREY + 1])[..., None])


@pytest.mark.parametrize("suffix", sorted({*SUFFIXES} - {*ITK, *HDF5}))
@pytest.mark.parametrize("form", ["PNG", "BMP", "GIF", "WEBP"])
@pytest.mark.parametrize("pixels", [GREY, RGB], ids=["grey", "RGB"])
def test_other_files_of_any_name(tmp_path, suffix, form, pixels):
    exact = Image.fromarray(pixels).quantize(7).convert("RGB") if form == "GIF" and pixels is RGB else Image.fromarray(pixels)
    exact.save(tmp_path / f"a{suffix}", form, lossless=True)
    with opened(tmp_path / f"a{suffix}") as stack:
        (found,) = stack.all_pages()
        expected = np.asarray(exact.convert("RGB")) if stack.colour else np.asarray(exact)[..., None]
        np.testing.assert_array_equal(found, expected)
        assert stack.colour == (pixels is RGB or form in ("GIF", "WEBP"))  # which have no grey


@pytest.mark.parametrize("channels", [1, 2, 3, 4])
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_png_of_both_depths_keeps_its_numbers_and_loses_alpha(tmp_path, channels, dtype):
    pixels = RNG.integers(0, np.iinfo(dtype).max, (7, 9, channels), dtype)
    (tmp_path / "a.png").write_bytes(imagecodecs.png_encode(pixels.squeeze()))
    (found,) = read_pages(tmp_path / "a.png")
    assert found.dtype == dtype
    np.testing.assert_array_equal(found, pixels[..., : 1 if channels < 3 else 3])


@pytest.mark.parametrize("form", ["GIF", "WEBP", "PNG"])
def test_an_animation_is_told(tmp_path, form):
    frames = [Image.fromarray(RGB), Image.fromarray(255 - RGB)]
    frames[0].save(tmp_path / "a.gif", form, save_all=True, append_images=frames[1:])
    with pytest.raises(UserError, match=r"a\.gif: an animation of 2 frames; save the frames as images"):
        read_pages(tmp_path / "a.gif")


def test_one_bit_stays_one_bit(tmp_path):
    Image.fromarray(GREY > 99).save(tmp_path / "a.png")
    (found,) = read_pages(tmp_path / "a.png")
    np.testing.assert_array_equal(found[..., 0], GREY > 99)


def test_cmyk_is_told(tmp_path):
    Image.fromarray(RNG.integers(0, 256, (7, 9, 4), np.uint8), "CMYK").save(tmp_path / "a.jpg")
    with pytest.raises(UserError, match=r"a\.jpg: expected grey or RGB, received CMYK; save it as RGB"):
        read_pages(tmp_path / "a.jpg")


@pytest.mark.parametrize(
    ("content", "message"),
    [(b"", "the file is empty"), (b"text", "its content is neither PNG"), (b"%!PS-Adobe-3.0 EPSF-3.0\n", "neither")],
)
def test_what_is_no_image_is_told(tmp_path, content, message):
    for suffix in (".png", ".tif"):
        (tmp_path / f"a{suffix}").write_bytes(content)
        with pytest.raises(UserError, match=rf"a\{suffix}: .*{message}"):
            read_pages(tmp_path / f"a{suffix}")


def test_a_cut_png_is_told(tmp_path):
    buffer = io.BytesIO()
    Image.fromarray(RGB).save(buffer, "PNG")
    (tmp_path / "a.tif").write_bytes(buffer.getvalue()[:90])
    with pytest.raises(UserError, match=r"a\.tif: cannot be read as an image"):
        read_pages(tmp_path / "a.tif")


def test_what_an_image_is_called():
    assert [described(1, False), described(3, True), described(3, False), described(5, False)] == [
        *("grey", "RGB"),
        *("3 channels", "5 channels"),
    ]
