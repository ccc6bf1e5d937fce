"""Mask files of every kind: the value of each pixel, and what it means."""

import numpy as np
import pytest
import tifffile
from PIL import Image

from pipeline.errors import UserError
from pipeline.images.io import read_instances, write_instances
from pipeline.images.masks import MaskRule, mask_values
from pipeline.images.stack import read_pages

VALUES = np.array([[0, 1, 2], [7, 200, 255]], np.uint8)
MASK = np.array([[0, 1, 1], [0, 0, 1]], bool)
PALETTE = np.array([[0, 0, 0], [255, 0, 0], [9, 99, 50]], np.uint8)


@pytest.fixture
def values(tmp_path):
    """Write a mask file, and return the values of its only page."""

    def values(content, name="a.png", indexed=False, exact=True, **options):
        if name.endswith(".tif"):
            tifffile.imwrite(tmp_path / name, content, **{"photometric": "minisblack"} | options)
        else:
            (content if isinstance(content, Image.Image) else Image.fromarray(content)).save(tmp_path / name, **options)
        (page,) = mask_values(tmp_path / name, indexed, exact)
        assert page.dtype.kind in "iu" and page.ndim == 2
        return page

    return values


@pytest.mark.parametrize("name", ["a.png", "a.tif"])
def test_one_bit_is_black_and_white(values, name):
    np.testing.assert_array_equal(values(MASK, name), MASK * 255)


def test_white_may_be_0_in_one_bit(values):
    np.testing.assert_array_equal(values(MASK, "a.tif", photometric="miniswhite"), ~MASK * 255)
    with pytest.raises(UserError, match="0 is white; save it without the inverting lookup table"):
        values(VALUES, "a.tif", photometric="miniswhite")


@pytest.mark.parametrize("name", ["a.png", "a.tif"])
def test_palettes(values, name):
    numbers = np.array([[0, 1, 2], [2, 1, 0]], np.uint8)
    if name == "a.png":
        content, options = Image.fromarray(numbers).convert("P"), {}
        content.putpalette(PALETTE.tobytes())
    else:
        colours = np.zeros((3, 256), np.uint16)
        colours[:, :3] = PALETTE.T.astype(np.uint16) * 257
        content, options = numbers, {"photometric": "palette", "colormap": colours}
    np.testing.assert_array_equal(values(content, name, indexed=True, **options), numbers)
    np.testing.assert_array_equal(values(content, name, **options), [[0, 255, 99], [99, 255, 0]])


def test_a_transparent_colour_is_black(values):
    picture = Image.fromarray(np.array([[0, 1]], np.uint8)).convert("P")
    picture.putpalette(PALETTE.tobytes())
    assert values(picture, transparency=1).tolist() == [[0, 0]]
    assert values(Image.fromarray(VALUES), transparency=200).tolist() == [[0, 1, 2], [7, 0, 255]]


def test_what_is_half_transparent_is_half_as_bright(values):
    assert values(np.array([[[9, 90, 200, 127], [255, 255, 255, 128]]], np.uint8)).tolist() == [[100, 128]]
    assert values(np.array([[[200, 127], [255, 0]]], np.uint8)).tolist() == [[100, 0]]


@pytest.mark.parametrize(("extra", "expected"), [("unassalpha", [[100, 0]]), ("assocalpha", [[200, 0]])])
def test_colours_of_a_tiff_may_have_been_put_on_black(values, extra, expected):
    pixels = np.array([[[200, 9, 9, 127], [0, 0, 0, 0]]], np.uint8)
    assert values(pixels, "a.tif", photometric="rgb", extrasamples=[extra]).tolist() == expected


def test_sixteen_bits_of_colours_are_kept(values, tmp_path):
    import imagecodecs

    pixels = np.array([[[0, 300, 0], [0, 0, 40000]]], np.uint16)
    (tmp_path / "deep.png").write_bytes(imagecodecs.png_encode(pixels))
    assert mask_values(tmp_path / "deep.png")[0].tolist() == [[300, 40000]]
    assert values(np.moveaxis(pixels, -1, 0), "a.tif", photometric="rgb", planarconfig="separate").tolist() == [[300, 40000]]


def test_colours_that_differ_but_not_in_brightness_are_refused_unless_brightness_counts(values):
    pixels = np.array([[[0, 0, 0], [255, 0, 0], [0, 255, 0]]], np.uint8)
    with pytest.raises(UserError, match=r"the colours \(255, 0, 0\) and \(0, 255, 0\) are equally bright; save"):
        values(pixels)
    assert values(pixels, exact=False).tolist() == [[0, 255, 255]]


def test_the_content_tells_the_format_and_which_way_is_up(values, tmp_path):
    tifffile.imwrite(tmp_path / "turned.png", VALUES, extratags=[(274, "H", 1, 6, True)])
    np.testing.assert_array_equal(mask_values(tmp_path / "turned.png")[0], np.rot90(VALUES, -1))
    exif = Image.Exif()
    exif[274] = 6
    np.testing.assert_array_equal(values(VALUES, exif=exif), np.rot90(VALUES, -1))


@pytest.mark.parametrize("options", [{}, {"imagej": True}, {"truncate": True}], ids=str)
def test_pages(tmp_path, options):
    stack = np.arange(30, dtype=np.uint8).reshape(3, 2, 5)
    tifffile.imwrite(tmp_path / "a.tif", stack, photometric="minisblack", **options)
    np.testing.assert_array_equal(mask_values(tmp_path / "a.tif"), stack)
    with pytest.raises(UserError, match=r"a\.tif: expected one mask, received 3 pages"):
        MaskRule(threshold=1).read_page(tmp_path / "a.tif")


@pytest.mark.parametrize("axes", ["ZTYX", "TZYX", "QTYX", "TPYX"])
@pytest.mark.parametrize("options", [{}, {"ome": True}, {"compression": "zlib"}])
def test_pages_of_a_mask_come_in_the_order_of_those_of_an_image(tmp_path, axes, options):
    pages = np.broadcast_to(np.arange(6, dtype=np.uint8).reshape(3, 2, 1, 1), (3, 2, 8, 9))
    tifffile.imwrite(tmp_path / "a.tif", pages, photometric="minisblack", metadata={"axes": axes}, **options)
    found, expected = mask_values(tmp_path / "a.tif"), read_pages(tmp_path / "a.tif")
    assert [page[0, 0] for page in found] == [page[0, 0, 0] for page in expected]
    assert ([page[0, 0] for page in found] == [0, 2, 4, 1, 3, 5]) == (axes in ("ZTYX", "QTYX", "TPYX"))


def test_a_lower_resolution_is_no_page(tmp_path):
    with tifffile.TiffWriter(tmp_path / "a.tif") as file:
        file.write(VALUES, photometric="minisblack")
        file.write(VALUES[:1, :1], photometric="minisblack", subfiletype=1)
    assert len(mask_values(tmp_path / "a.tif")) == 1


@pytest.mark.parametrize(
    ("pixels", "told"),
    [
        (np.array([[0, 0.5]], np.float32), "expected whole numbers, received 0.5"),
        (np.array([[0, np.nan]]), "expected whole numbers, received nan"),
        (np.array([[0, 2**63]], np.uint64), "expected integers below 2 \\*\\* 63"),
        (np.zeros((2, 2, 2), np.uint8), "expected one value or RGB for each pixel, received 2 channels"),
    ],
)
def test_what_is_no_mask(values, pixels, told):
    options = {"planarconfig": "contig", "extrasamples": [0]} if pixels.ndim == 3 else {}
    with pytest.raises(UserError, match=rf"a\.tif: {told}"):
        values(pixels, "a.tif", **options)


def test_an_animation_is_refused(tmp_path):
    frames = [Image.fromarray(VALUES + np.uint8(n)) for n in range(2)]
    frames[0].save(tmp_path / "a.gif", save_all=True, append_images=frames[1:])
    with pytest.raises(UserError, match=r"a\.gif: an animation of 2 frames; save the frames"):
        mask_values(tmp_path / "a.gif")


def test_values_that_explain_themselves(tmp_path):
    for found, foreground in (([0, 0], [False, False]), ([1, 1], [True, True]), ([0, 65535], [False, True])):
        Image.fromarray(np.array([found], np.uint16)).save(tmp_path / "03.png")
        assert MaskRule().read_page(tmp_path / "03.png").tolist() == [foreground]
    Image.fromarray(VALUES).save(tmp_path / "03.png")
    told = (
        r"expected mask values \{0, 1\} or \{0, 255\}, received \{0, 1, 2, 7, 200, 255\}; set datasets\.a\.folder\.mask_threshold"
    )
    with pytest.raises(UserError, match=rf"03\.png: {told}"):
        MaskRule(key="datasets.a").read(tmp_path / "03.png")


def test_zeros_of_a_jpeg_are_not_exact(tmp_path):
    Image.fromarray(np.zeros((16, 16), np.uint8) + np.eye(16, dtype=np.uint8)).save(tmp_path / "mask.jpg", quality=100)
    assert not MaskRule(threshold=127).read_page(tmp_path / "mask.jpg").any()
    with pytest.raises(UserError, match=r"received \{0, 1\}; set .*mask_threshold"):
        MaskRule().read_page(tmp_path / "mask.jpg")


def test_instances_are_written_and_read(tmp_path):
    objects = np.array([[0, 1], [70000, 2**32 - 1]], np.uint32)
    write_instances(tmp_path / "a.tif", objects)
    read = read_instances(tmp_path / "a.tif")
    assert read.dtype == np.uint32
    np.testing.assert_array_equal(read, objects)


def test_objects_are_positive(tmp_path):
    tifffile.imwrite(tmp_path / "a.tif", np.array([[0, -1]], np.int16))
    with pytest.raises(UserError, match="expected objects of values above 0, received -1"):
        MaskRule(instances=True).read(tmp_path / "a.tif")
