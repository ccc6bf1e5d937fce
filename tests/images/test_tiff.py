"""Every way in which microscopes write TIFF: the same pixels, the pages counted, the channels and the scale known."""

import numpy as np
import pytest
import tifffile
from PIL import Image

from pipeline.errors import UserError
from pipeline.images.stack import opened, read_pages

RNG = np.random.default_rng(0)
PAGES = RNG.integers(0, 256, (12, 17, 23), dtype=np.uint8)
COLOURS = RNG.integers(0, 256, (17, 23, 3), dtype=np.uint8)
SMOOTH = np.asarray(Image.fromarray(RNG.integers(0, 256, (4, 6, 3), np.uint8)).resize((48, 32), Image.Resampling.BICUBIC))


def read(path):
    """All pages, (pages, H, W, C), and the `Stack`."""
    with opened(path) as stack:
        pages = [stack.read(page, 0, stack.shape[0]) for page in range(stack.pages)]
        assert all(np.array_equal(stack.read(page, 3, 9), pages[page][3:9]) for page in range(stack.pages))
        assert all(page.shape == (*stack.shape, stack.channels) for page in pages)
        return np.stack(pages), stack


def per_cm(nanometres):
    return 1e7 / nanometres


@pytest.mark.parametrize("dtype", ["u1", "u2", "u4", "i1", "i2", "i4", "f4", "f8"])
@pytest.mark.parametrize("order", ["<", ">"])
def test_pages_keep_their_numbers(tmp_path, dtype, order):
    pages = (PAGES[:5].astype(int) * 250 - 99).astype(dtype)
    tifffile.imwrite(tmp_path / "a.tif", pages, photometric="minisblack", byteorder=order)
    found, stack = read(tmp_path / "a.tif")
    assert found.dtype == dtype and (stack.pages, stack.channels, stack.sections) == (5, 1, 5)
    np.testing.assert_array_equal(found[..., 0], pages)


def test_half_floats_become_floats_and_64_bits_are_told(tmp_path):
    tifffile.imwrite(tmp_path / "a.tif", PAGES[0].astype(np.float16))
    found, _ = read(tmp_path / "a.tif")
    assert found.dtype == np.float32
    np.testing.assert_array_equal(found[0, ..., 0], PAGES[0])
    tifffile.imwrite(tmp_path / "b.tif", PAGES[0].astype(np.int64))
    with pytest.raises(UserError, match=r"b\.tif: expected integers of at most 32 bit or floats, received int64"):
        read(tmp_path / "b.tif")


@pytest.mark.parametrize("planar", ["contig", "separate"])
@pytest.mark.parametrize("alpha", [[], ["unassalpha"], ["assocalpha"]])
def test_colours_with_and_without_alpha(tmp_path, planar, alpha):
    stored = np.dstack([COLOURS, *[COLOURS[..., 0]] * len(alpha)])
    stored = stored if planar == "contig" else np.moveaxis(stored, -1, 0)
    tifffile.imwrite(tmp_path / "a.tif", stored, photometric="rgb", planarconfig=planar, extrasamples=alpha)
    found, stack = read(tmp_path / "a.tif")
    assert stack.colour
    np.testing.assert_array_equal(found[0], COLOURS)


@pytest.mark.parametrize(("extra", "channels"), [("unassalpha", 1), ("unspecified", 2)])
def test_a_second_channel_is_alpha_only_if_the_file_says_so(tmp_path, extra, channels):
    pair = COLOURS[..., :2]
    tifffile.imwrite(tmp_path / "a.tif", pair, photometric="minisblack", planarconfig="contig", extrasamples=[extra])
    found, stack = read(tmp_path / "a.tif")
    assert not stack.colour
    np.testing.assert_array_equal(found[0], pair[..., :channels])


LENGTHS = {"T": 2, "Z": 3, "Q": 3, "Y": 17, "X": 23, "C": 5}
WRITTEN = {
    "shaped": ("CYX", "YXC", "ZCYX", "CZYX", "TZCYX", "ZTYX", "QQYX"),  # YXC: each row lies on a page of its own
    "planes": ("YXC",),
    "ome": ("CYX", "ZCYX", "CZYX", "TZCYX", "ZTYX"),
    "imagej": ("CYX", "ZCYX", "TZCYX"),
}


@pytest.mark.parametrize(("kind", "axes"), [(kind, axes) for kind, many in WRITTEN.items() for axes in many])
def test_channels_and_pages_by_axes(tmp_path, kind, axes):
    shape = [LENGTHS[axis] for axis in axes]
    data = np.arange(np.prod(shape), dtype=np.uint16).reshape(shape)
    name = "a.ome.tif" if kind == "ome" else "a.tif"
    options = {"planarconfig": "contig"} if kind == "planes" else {kind: True} if kind in ("ome", "imagej") else {}
    tifffile.imwrite(tmp_path / name, data, photometric="minisblack", metadata={"axes": axes}, **options)
    order = sorted(range(len(axes)), key=lambda n: ("QTZYXC".index(axes[n]), n))
    expected = data.transpose(order).reshape(-1, 17, 23, 5 if "C" in axes else 1)
    found, stack = read(tmp_path / name)
    assert (stack.sections, stack.colour) == (3 if set("ZQ") & set(axes) else 1, False)
    np.testing.assert_array_equal(found, expected)


def test_a_contiguous_imagej_stack_has_all_its_sections(tmp_path):
    """ImageJ writes one page for a stack above 4 GB; the others follow it."""
    tifffile.imwrite(tmp_path / "a.tif", PAGES, imagej=True, metadata={"axes": "ZYX"})
    with tifffile.TiffFile(tmp_path / "a.tif") as file:
        start, second = file.pages[0].dataoffsets[0], file.pages[0].offset
        tags, layout = len(file.pages[0].tags), file.tiff
    content = bytearray((tmp_path / "a.tif").read_bytes())
    end = second + layout.tagnosize + tags * layout.tagsize
    content[end : end + layout.offsetsize] = bytes(layout.offsetsize)  # no further page is linked
    content[start:] = PAGES.astype(">u1").tobytes()
    (tmp_path / "a.tif").write_bytes(content)
    with tifffile.TiffFile(tmp_path / "a.tif") as file:
        assert len(file.pages) == 1
    found, stack = read(tmp_path / "a.tif")
    np.testing.assert_array_equal(found[..., 0], PAGES)
    assert stack.sections == 12
    (tmp_path / "a.tif").write_bytes(content[:-1])  # the metadata promise more than there is
    assert len(read_pages(tmp_path / "a.tif")) == 1


@pytest.mark.parametrize("axis", "ZTC")
def test_a_file_of_an_ome_set_has_only_its_own_pages(tmp_path, axis):
    xml = (
        '<OME xmlns="http://www.openmicroscopy.org/Schemas/OME/2016-06" UUID="urn:uuid:{0}"><Image ID="Image:0">'
        '<Pixels ID="Pixels:0" DimensionOrder="XYCZT" Type="uint8" SizeX="23" SizeY="17" SizeC="{1[C]}" SizeZ="{1[Z]}" '
        'SizeT="{1[T]}" PhysicalSizeX="8" PhysicalSizeXUnit="nm" PhysicalSizeY="4" PhysicalSizeYUnit="nm">{2}</Pixels>'
        "</Image></OME>"
    )
    parts = "".join(
        f'<TiffData First{axis}="{n}" IFD="0" PlaneCount="1"><UUID FileName="{n}.ome.tif">urn:uuid:{n}</UUID></TiffData>'
        for n in range(3)
    )
    for number in range(3):
        described = xml.format(number, dict.fromkeys("CZT", 1) | {axis: 3}, parts)
        tifffile.imwrite(tmp_path / f"{number}.ome.tif", PAGES[number], description=described, metadata=None)
    for number in range(3):
        found, stack = read(tmp_path / f"{number}.ome.tif")
        np.testing.assert_array_equal(found, PAGES[number][None, ..., None])
        assert stack.pixel_size_nm == (4, 8) and stack.left_out is None


@pytest.mark.parametrize("others", ["there", "missing"])
def test_a_file_of_an_ome_set_keeps_its_channels(tmp_path, others):
    data = np.arange(2 * 3 * 2 * 17 * 23, dtype=np.uint16).reshape(2, 3, 2, 17, 23)  # a file for each time point
    xml = (
        '<OME xmlns="http://www.openmicroscopy.org/Schemas/OME/2016-06" UUID="urn:uuid:{}"><Image ID="Image:0">'
        '<Pixels ID="Pixels:0" DimensionOrder="XYCZT" Type="uint16" SizeX="23" SizeY="17" SizeC="2" SizeZ="3" SizeT="2">'
        '<Channel ID="Channel:0:0" SamplesPerPixel="1"/><Channel ID="Channel:0:1" SamplesPerPixel="1"/>{}</Pixels></Image></OME>'
    )
    parts = "".join(
        f'<TiffData FirstT="{n}" IFD="0" PlaneCount="6"><UUID FileName="{n}.ome.tif">urn:uuid:{n}</UUID></TiffData>'
        for n in range(2)
    )
    for number in range(2) if others == "there" else [1]:
        pages = data[number].reshape(6, 17, 23)
        file = tmp_path / f"{number}.ome.tif"
        tifffile.imwrite(file, pages, description=xml.format(number, parts), metadata=None, photometric="minisblack")
    found, stack = read(tmp_path / "1.ome.tif")
    assert (stack.pages, stack.sections, stack.channels) == (3, 3, 2)
    np.testing.assert_array_equal(found, np.moveaxis(data[1], 1, -1))


@pytest.mark.parametrize(("stated", "pages"), [(3, 1), (1, 3), (2, 3)])
def test_the_pages_of_a_file_count_and_not_its_metadata(tmp_path, stated, pages):
    tifffile.imwrite(tmp_path / "a.ome.tif", PAGES[:pages], ome=True, metadata={"axes": "ZYX"}, photometric="minisblack")
    tifffile.tiffcomment(
        tmp_path / "a.ome.tif", tifffile.tiffcomment(tmp_path / "a.ome.tif").replace(f'SizeZ="{pages}"', f'SizeZ="{stated}"')
    )
    found, _ = read(tmp_path / "a.ome.tif")
    np.testing.assert_array_equal(found[..., 0], PAGES[:pages])


@pytest.mark.parametrize("xml", ["<OME><Image></OME>", "<OME/>", '<OME xmlns="x"><Image><Pixels/></Image></OME>'])
def test_invalid_ome_xml_does_not_matter_if_the_pixels_are_fine(tmp_path, xml):
    tifffile.imwrite(tmp_path / "a.ome.tif", PAGES[:3], description=xml, metadata=None, photometric="minisblack")
    found, stack = read(tmp_path / "a.ome.tif")
    np.testing.assert_array_equal(found[..., 0], PAGES[:3])
    assert stack.pixel_size_nm is None


def test_all_positions_of_an_ome_file_are_read(tmp_path):
    with tifffile.TiffWriter(tmp_path / "a.ome.tif", ome=True) as file:
        for position in range(3):
            pages = PAGES[2 * position : 2 * position + 2]
            file.write(pages, photometric="minisblack", metadata={"axes": "ZYX", "PhysicalSizeX": 1, "PhysicalSizeY": 2})
    found, stack = read(tmp_path / "a.ome.tif")
    np.testing.assert_array_equal(found[..., 0], PAGES[:6])
    assert (stack.sections, stack.pixel_size_nm) == (2, (2000, 1000))


@pytest.mark.parametrize("kind", ["SubIFDs", "pages"])
def test_levels_of_a_pyramid_are_no_images(tmp_path, kind):
    with tifffile.TiffWriter(tmp_path / "a.tif") as file:
        image = RNG.integers(0, 256, (64, 64), dtype=np.uint8)
        file.write(image, tile=(16, 16), **{"subifds": 2} if kind == "SubIFDs" else {"metadata": None})
        for step in (2, 4):
            file.write(image[::step, ::step], tile=(16, 16), subfiletype=1, metadata=None)
    found, stack = read(tmp_path / "a.tif")
    np.testing.assert_array_equal(found, image[None, ..., None])
    assert stack.left_out is None


def test_a_thumbnail_and_a_mask_are_no_images(tmp_path):
    with tifffile.TiffWriter(tmp_path / "a.tif") as file:
        file.write(COLOURS, photometric="rgb", metadata=None)
        file.write(COLOURS[:5, :7], photometric="rgb", subfiletype=1, metadata=None)
        file.write(COLOURS[..., 0] > 9, photometric="mask", subfiletype=4, metadata=None)
    found, stack = read(tmp_path / "a.tif")
    np.testing.assert_array_equal(found[0], COLOURS)
    assert (stack.pages, stack.left_out) == (1, None)


def test_pages_of_another_size_are_told(tmp_path):
    with tifffile.TiffWriter(tmp_path / "a.tif") as file:
        for page in (PAGES[0], PAGES[1, :9, :10], PAGES[2]):
            file.write(page, metadata=None)
    found, stack = read(tmp_path / "a.tif")
    np.testing.assert_array_equal(found[..., 0], PAGES[[0, 2]])
    assert stack.left_out == "expected pages of one size and type, received 1 of another kind"
    with pytest.raises(UserError, match="received 1 of another kind; save them in files of their own"):
        read_pages(tmp_path / "a.tif")


def test_pages_that_differ_only_in_compression_stay_in_order(tmp_path):
    with tifffile.TiffWriter(tmp_path / "a.tif") as file:
        for number in range(4):
            file.write(PAGES[number], metadata=None, compression="zlib" if number % 2 else None)
    np.testing.assert_array_equal(read(tmp_path / "a.tif")[0][..., 0], PAGES[:4])


@pytest.mark.parametrize("orientation", range(1, 9))
def test_the_orientation_tag_sets_an_image_upright(tmp_path, orientation):
    stored = np.stack([COLOURS, COLOURS[::-1]])
    options = {"resolution": (per_cm(4), per_cm(5)), "resolutionunit": "CENTIMETER"}
    tifffile.imwrite(
        tmp_path / "a.tif", stored, photometric="rgb", extratags=[(274, "H", 1, orientation, True)], metadata=None, **options
    )
    exif = Image.Exif()
    exif[274] = orientation
    Image.fromarray(COLOURS).save(tmp_path / "a.png", exif=exif)
    turns = {2: "FLIP_LEFT_RIGHT", 3: "ROTATE_180", 4: "FLIP_TOP_BOTTOM", 5: "TRANSPOSE", 6: "ROTATE_270"}
    turn = (turns | {7: "TRANSVERSE", 8: "ROTATE_90"}).get(orientation)
    upright = [np.asarray(Image.fromarray(page).transpose(Image.Transpose[turn]) if turn else page) for page in stored]
    found, stack = read(tmp_path / "a.tif")
    np.testing.assert_array_equal(found, upright)
    assert stack.pixel_size_nm == pytest.approx((4, 5) if orientation > 4 else (5, 4))
    np.testing.assert_array_equal(read(tmp_path / "a.png")[0][0], upright[0])


def subsampled(path, ycbcr, compression):
    """Write YCbCr with one sample of colour for four pixels, as libtiff orders them."""
    blocks = [ycbcr[row : row + 2, column : column + 2] for row in range(0, 32, 2) for column in range(0, 48, 2)]
    content = b"".join(bytes([*b[..., 0].ravel(), int(b[..., 1].mean()), int(b[..., 2].mean())]) for b in blocks)
    tifffile.imwrite(path, np.zeros_like(ycbcr), photometric="ycbcr", metadata=None)
    with tifffile.TiffFile(path, mode="r+b") as file:
        page = file.pages[0]
        start = page.dataoffsets[0]
        page.tags["YCbCrSubSampling"].overwrite((2, 2))
        page.tags["StripByteCounts"].overwrite(len(content))
    with open(path, "r+b") as file:
        file.seek(start)
        file.write(content)


@pytest.mark.parametrize("compression", [None, "lzw", "zlib", "jpeg", "subsampled"])
def test_ycbcr_becomes_rgb(tmp_path, compression):
    path, ycbcr = tmp_path / "a.tif", np.asarray(Image.fromarray(SMOOTH).convert("YCbCr"))
    if compression == "jpeg":
        tifffile.imwrite(path, SMOOTH, photometric="rgb", compression="jpeg", compressionargs={"level": 95}, metadata=None)
    elif compression == "subsampled":
        subsampled(path, ycbcr, None)
    else:
        tifffile.imwrite(path, ycbcr, photometric="ycbcr", compression=compression, metadata=None)
    with tifffile.TiffFile(path) as file:
        assert file.pages[0].photometric.name == "YCBCR"
    found, stack = read(path)
    assert stack.colour
    assert np.abs(found[0].astype(int) - SMOOTH).mean() < (8 if compression == "subsampled" else 3)


def test_palettes_become_colours(tmp_path):
    palette = RNG.integers(0, 256, (3, 256))
    tifffile.imwrite(tmp_path / "a.tif", PAGES[:2], photometric="palette", colormap=(palette * 257).astype(np.uint16))
    found, stack = read(tmp_path / "a.tif")
    assert stack.colour and found.dtype == np.uint8
    np.testing.assert_array_equal(found, np.moveaxis(palette[:, PAGES[:2]], 0, -1))


@pytest.mark.parametrize(("photometric", "told"), [("miniswhite", "0 is white"), ("separated", "CMYK"), ("cielab", "CIELAB")])
def test_numbers_that_are_no_intensities_are_refused(tmp_path, photometric, told):
    shape = {"separated": (8, 9, 4), "cielab": (8, 9, 3), "miniswhite": (8, 9)}[photometric]
    tifffile.imwrite(tmp_path / "a.tif", np.zeros(shape, np.uint8), photometric=photometric)
    with pytest.raises(UserError, match=rf"a\.tif: expected grey, RGB or channels, received .*{told}.*; save it"):
        read(tmp_path / "a.tif")


@pytest.mark.parametrize(
    ("resolution", "unit", "expected"),
    [
        ((10, 10), "CENTIMETER", None),  # libvips, where nothing is known
        ((300, 300), "INCH", None),
        ((300 / 2.54, 300 / 2.54), "CENTIMETER", None),
        ((1000, 2000), "CENTIMETER", (5000, 10000)),
        ((per_cm(4), per_cm(5)), "CENTIMETER", (5, 4)),  # rows first
        ((0, 0), "CENTIMETER", None),
    ],
)
def test_a_print_resolution_is_no_pixel_size(tmp_path, resolution, unit, expected):
    tifffile.imwrite(tmp_path / "a.tif", PAGES[0], resolution=resolution, resolutionunit=unit)
    size = read(tmp_path / "a.tif")[1].pixel_size_nm
    assert size is None if expected is None else size == pytest.approx(expected)


@pytest.mark.parametrize(
    ("unit", "resolution", "expected"),
    [
        ("um", (100, 50), (20, 10)),
        ("\\u00B5m", (100, 50), (20, 10)),
        ("nm", (0.1, 0.05), (20, 10)),
        ("cm", (10, 10), None),
        ("inch", (9, 9), None),
    ],
)
def test_scale_of_imagej(tmp_path, unit, resolution, expected):
    path = tmp_path / "a.tif"
    tifffile.imwrite(path, PAGES, imagej=True, resolution=resolution, metadata={"unit": unit, "axes": "ZYX", "spacing": 0.05})
    _, stack = read(path)
    assert stack.pixel_size_nm == (pytest.approx(expected) if expected else None)
    if unit == "um":
        assert stack.depth_nm == pytest.approx(50)


def test_scale_of_ome(tmp_path):
    sizes = {"PhysicalSizeX": 0.01, "PhysicalSizeXUnit": "µm", "PhysicalSizeY": 20, "PhysicalSizeYUnit": "nm"}
    sizes |= {"PhysicalSizeZ": 500, "PhysicalSizeZUnit": "Å"}
    tifffile.imwrite(tmp_path / "b.ome.tif", PAGES, ome=True, metadata={"axes": "ZYX"} | sizes)
    _, stack = read(tmp_path / "b.ome.tif")
    assert stack.pixel_size_nm == pytest.approx((20, 10)) and stack.depth_nm == pytest.approx(50)


@pytest.mark.parametrize("content", [b"II*\0\x08\0\0\0", b"II*\0\xff\xff\0\0", b"MM\0+", b"II*\0" + bytes(90)])
def test_a_damaged_tiff_is_told(tmp_path, content):
    (tmp_path / "a.png").write_bytes(content)
    with pytest.raises(UserError, match=r"a\.png: cannot be read as an image"):
        read(tmp_path / "a.png")


def test_a_truncated_tiff_is_told_when_it_is_read(tmp_path):
    tifffile.imwrite(tmp_path / "a.tif", PAGES[:5], compression="zlib", photometric="minisblack")
    content = (tmp_path / "a.tif").read_bytes()
    for end in range(10, len(content), 97):
        (tmp_path / "b.tif").write_bytes(content[:end])
        with pytest.raises(UserError, match=r"b\.tif: "):
            read(tmp_path / "b.tif")


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
