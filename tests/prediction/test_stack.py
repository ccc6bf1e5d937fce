"""Every way in which microscopes store images: the same pixels, the pages counted, the size of a pixel known."""

import numpy as np
import pytest
import tifffile
import zarr
from ome_zarr.format import FormatV04, FormatV05
from ome_zarr.writer import write_multiscale
from PIL import Image

from pipeline.errors import UserError
from pipeline.prediction import ome
from pipeline.prediction.stack import opened

RNG = np.random.default_rng(0)
PAGES = RNG.integers(0, 256, (5, 17, 23), dtype=np.uint8)


def read(path):
    with opened(path) as stack:
        pages = [stack.read(page, 0, stack.shape[0]) for page in range(stack.pages)]
        assert all(np.array_equal(stack.read(page, 3, 9), pages[page][3:9]) for page in range(stack.pages))
        assert all(page.shape[:2] == stack.shape for page in pages)
        return np.stack(pages), stack.pixel_size_nm


def per_cm(nanometres):
    return 1e7 / nanometres


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_tiff_pages(tmp_path, dtype):
    pages = PAGES.astype(dtype) * (257 if dtype == np.uint16 else 1)
    path = tmp_path / "a.tif"
    tifffile.imwrite(path, pages, photometric="minisblack", resolution=(per_cm(4), per_cm(5)), resolutionunit="CENTIMETER")
    found, size = read(path)
    np.testing.assert_array_equal(found[..., 0], pages)
    assert found.dtype == dtype
    assert size == pytest.approx((5, 4))  # rows first


def test_a_print_resolution_is_no_pixel_size(tmp_path):
    tifffile.imwrite(tmp_path / "a.tif", PAGES[0], resolution=(300, 300), resolutionunit="INCH")
    assert read(tmp_path / "a.tif")[1] is None


def test_imagej_and_ome(tmp_path):
    tifffile.imwrite(tmp_path / "ij.tif", PAGES, imagej=True, resolution=(100, 50), metadata={"unit": "um", "axes": "ZYX"})
    sizes = {"PhysicalSizeX": 0.01, "PhysicalSizeXUnit": "µm", "PhysicalSizeY": 20, "PhysicalSizeYUnit": "nm"}
    tifffile.imwrite(tmp_path / "b.ome.tif", PAGES, ome=True, metadata={"axes": "ZYX"} | sizes)
    for name in ("ij.tif", "b.ome.tif"):
        found, size = read(tmp_path / name)
        np.testing.assert_array_equal(found[..., 0], PAGES)
        assert size == pytest.approx((20, 10))


@pytest.mark.parametrize("planar", ["contig", "separate"])
def test_colours(tmp_path, planar):
    colours = RNG.integers(0, 256, (17, 23, 3), dtype=np.uint8)
    stored = colours if planar == "contig" else np.moveaxis(colours, -1, 0)
    tifffile.imwrite(tmp_path / "a.tif", stored, photometric="rgb", planarconfig=planar)
    Image.fromarray(colours).save(tmp_path / "a.png")
    for name in ("a.tif", "a.png"):
        np.testing.assert_array_equal(read(tmp_path / name)[0][0], colours)


def test_separate_channels_are_told(tmp_path):
    tifffile.imwrite(tmp_path / "a.ome.tif", PAGES[:2], ome=True, metadata={"axes": "CYX"})
    with pytest.raises(UserError, match="received 2 separate channels"), opened(tmp_path / "a.ome.tif"):
        pass


def test_a_pyramid_is_read_at_full_resolution(tmp_path):
    with tifffile.TiffWriter(tmp_path / "a.tif") as file:
        image = RNG.integers(0, 256, (64, 64), dtype=np.uint8)
        file.write(image, tile=(16, 16), subifds=1)
        file.write(image[::2, ::2], tile=(16, 16), subfiletype=1)
    np.testing.assert_array_equal(read(tmp_path / "a.tif")[0][0, ..., 0], image)


@pytest.mark.parametrize("content", [b"", b"II*\0\x08\0\0\0", b"not a tiff"])
def test_damaged_tiff(tmp_path, content):
    (tmp_path / "a.tif").write_bytes(content)
    with pytest.raises(UserError, match=r"a\.tif: "):
        read(tmp_path / "a.tif")


def test_a_truncated_tiff_is_told_when_it_is_read(tmp_path):
    tifffile.imwrite(tmp_path / "a.tif", PAGES, compression="zlib", photometric="minisblack")
    content = (tmp_path / "a.tif").read_bytes()
    for end in range(10, len(content), 97):
        (tmp_path / "b.tif").write_bytes(content[:end])
        with pytest.raises(UserError, match=r"b\.tif: "):
            read(tmp_path / "b.tif")


@pytest.mark.parametrize(("version", "zarr_format"), [(FormatV04(), 2), (FormatV05(), 3)])
@pytest.mark.parametrize("axes", ["zyx", "czyx", "tczyx"])
def test_ome_zarr(tmp_path, version, zarr_format, axes):
    path = tmp_path / "v.ome.zarr"
    group = zarr.open_group(path, mode="w", zarr_format=zarr_format)
    data = PAGES if axes == "zyx" else PAGES[None] if axes == "czyx" else PAGES[None, None]
    kinds = {"t": {"type": "time"}, "c": {"type": "channel"}}
    space = {"type": "space", "unit": "micrometer"}
    scale = [{"z": 0.05, "y": 0.004, "x": 0.008}.get(axis, 1.0) for axis in axes]
    described = [{"name": axis} | kinds.get(axis, space) for axis in axes]
    transforms = [[{"type": "scale", "scale": scale}]]
    write_multiscale([data], group, axes=described, coordinate_transformations=transforms, fmt=version)
    found, size = read(path)
    np.testing.assert_array_equal(found[..., 0], PAGES)
    assert size == pytest.approx((4, 8))


def test_a_folder_that_is_no_ome_zarr_is_told(tmp_path):
    zarr.open_group(tmp_path / "v.zarr", mode="w")
    with pytest.raises(UserError, match=r"no OME-Zarr image.* \(no 'multiscales'\)"):
        read(tmp_path / "v.zarr")


def test_what_is_created_is_read_again(tmp_path):
    zarr.create_group(tmp_path / "source.zarr", zarr_format=2)
    array = ome.create(tmp_path / "out.zarr", (5, 17, 23), np.uint8, (4.0, 8.0), tmp_path / "source.zarr")
    array[:] = PAGES
    found, size = read(tmp_path / "out.zarr")
    np.testing.assert_array_equal(found[..., 0], PAGES)
    assert size == (4, 8)
