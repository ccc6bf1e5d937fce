"""OME-Zarr of both formats: the pages, the channels, the scale, and what a root of several images says."""

import numpy as np
import pytest
import zarr
from ome_zarr.format import FormatV04, FormatV05
from ome_zarr.writer import write_multiscale

from pipeline.errors import UserError
from pipeline.images.stack import opened
from pipeline.prediction import ome
from tests.images.test_tiff import PAGES, read

SPACE = {"z": 0.05, "y": 0.004, "x": 0.008}


def write(path, data, axes, zarr_format=2, place=()):
    group = zarr.open_group(path, mode="a", zarr_format=zarr_format)
    kinds = {"t": {"type": "time", "unit": "second"}, "c": {"type": "channel"}}
    described = [{"name": axis} | kinds.get(axis, {"type": "space", "unit": "micrometer"}) for axis in axes]
    transforms = [[{"type": "scale", "scale": [SPACE.get(axis, 3.0) for axis in axes]}, *place]]
    version = FormatV04() if zarr_format == 2 else FormatV05()
    write_multiscale([data], group, axes=described, coordinate_transformations=transforms, fmt=version)
    return path


@pytest.mark.parametrize("zarr_format", [2, 3])
@pytest.mark.parametrize(
    ("axes", "shape"), [("yx", (1, 1)), ("zyx", (1, 5)), ("czyx", (2, 5)), ("tczyx", (2, 3, 5)), ("tyx", (1, 4))]
)
def test_pages_and_channels(tmp_path, zarr_format, axes, shape):
    lengths = {"t": 2 if "z" in axes else 4, "c": 3, "z": 5, "y": 17, "x": 23}
    data = np.arange(np.prod([lengths[axis] for axis in axes]), dtype=np.int32).reshape([lengths[axis] for axis in axes])
    found, stack = read(write(tmp_path / "v.ome.zarr", data, axes, zarr_format))
    order = sorted(range(len(axes)), key=lambda n: "tzyxc".index(axes[n]))
    channels = 3 if "c" in axes else 1
    np.testing.assert_array_equal(found, data.transpose(order).reshape(-1, 17, 23, channels))
    assert stack.pixel_size_nm == pytest.approx((4, 8))
    assert (stack.sections, stack.depth_nm) == ((5, pytest.approx(50)) if "z" in axes else (1, None))


@pytest.mark.parametrize("zarr_format", [2, 3])
def test_a_result_lies_where_its_volume_lies(tmp_path, zarr_format):
    """Axes, scale, unit and translation; time points do not become sections."""
    place = [{"type": "translation", "translation": [0, 0, 1.0, 2.0, 3.0]}]
    data = np.zeros((2, 3, 5, 17, 23), np.uint8)
    source = write(tmp_path / "v.ome.zarr", data, "tczyx", zarr_format, place)
    array = ome.create(tmp_path / "out.ome.zarr", np.float32, None, source)
    assert array.shape == (2, 5, 17, 23)
    group = zarr.open_group(tmp_path / "out.ome.zarr", mode="r")
    attributes = dict(group.attrs).get("ome", dict(group.attrs))["multiscales"][0]
    assert group.metadata.zarr_format == zarr_format
    assert [(axis["name"], axis["unit"]) for axis in attributes["axes"]] == [
        ("t", "second"),
        *((name, "micrometer") for name in "zyx"),
    ]
    scale, translation = attributes["datasets"][0]["coordinateTransformations"]
    assert (scale["scale"], translation["translation"]) == ([3.0, 0.05, 0.004, 0.008], [0, 1.0, 2.0, 3.0])
    ome.create(tmp_path / "out.ome.zarr", np.float32, (5.0, 7.0), source)
    with opened(tmp_path / "out.ome.zarr") as stack:
        assert (stack.pixel_size_nm, stack.depth_nm) == ((5, 7), pytest.approx(50))


def test_scales_of_both_levels_are_multiplied(tmp_path):
    path = write(tmp_path / "v.zarr", PAGES, "zyx")
    group = zarr.open_group(path, mode="a")
    (multiscales,) = group.attrs["multiscales"]
    group.attrs["multiscales"] = [multiscales | {"coordinateTransformations": [{"type": "scale", "scale": [1, 2, 2]}]}]
    assert read(path)[1].pixel_size_nm == pytest.approx((8, 16))


@pytest.mark.parametrize("images", [1, 3])
def test_a_root_of_bioformats2raw(tmp_path, images):
    zarr.open_group(tmp_path / "v.zarr", mode="w", zarr_format=2).attrs["bioformats2raw.layout"] = 3
    for number in range(images):
        write(tmp_path / "v.zarr" / str(number), PAGES[number : number + 1], "zyx")
    if images == 1:
        np.testing.assert_array_equal(read(tmp_path / "v.zarr")[0][0, ..., 0], PAGES[0])
        return
    with pytest.raises(UserError, match=r"v\.zarr: this is a folder of 3 images; give them .* such as .*v\.zarr/0$"):
        read(tmp_path / "v.zarr")
    np.testing.assert_array_equal(read(tmp_path / "v.zarr" / "2")[0][0, ..., 0], PAGES[2])


def test_a_plate_is_told(tmp_path):
    group = zarr.open_group(tmp_path / "p.zarr", mode="w", zarr_format=2)
    group.attrs["plate"] = {"wells": [{"path": "A/1"}, {"path": "A/2"}]}
    write(tmp_path / "p.zarr/A/1/0", PAGES[:1], "zyx")
    with pytest.raises(UserError, match=r"p\.zarr: this is a plate; .* such as .*p\.zarr/A/1/0$"):
        read(tmp_path / "p.zarr")


def test_a_folder_that_is_no_ome_zarr_is_told(tmp_path):
    zarr.open_group(tmp_path / "v.zarr", mode="w")
    with pytest.raises(UserError, match=r"not an OME-Zarr image.* \(no 'multiscales'\)"):
        read(tmp_path / "v.zarr")
