"""Volumes in the files of other programs, as images and as masks."""

import gzip
import json
import struct

import h5py
import numpy as np
import pytest
import SimpleITK as sitk  # noqa: N813 (its users know it by no other name)
import zarr
from ome_zarr.writer import write_multiscale

from pipeline.errors import UserError
from pipeline.images.masks import MaskRule, mask_values
from pipeline.images.stack import opened, read_pages

VOXELS = np.arange(3 * 4 * 5, dtype=np.int16).reshape(3, 4, 5)  # sections, rows, columns


def nifti(voxels, units, slope=1.0):
    """The bytes of a NIfTI file of int16, after its published header: voxels of 0.25 × 0.5 × 2 along x, y and z."""
    header = bytearray(352)
    struct.pack_into("<i", header, 0, 348)
    struct.pack_into("<8h", header, 40, 3, *voxels.shape[::-1], 1, 1, 1, 1)
    struct.pack_into("<2h", header, 70, 4, 16)
    struct.pack_into("<8f", header, 76, 1, 0.25, 0.5, 2, 0, 0, 0, 0)
    struct.pack_into("<3f", header, 108, 352, slope, 0)
    struct.pack_into("<B", header, 123, units)
    header[344:348] = b"n+1\0"
    return bytes(header) + voxels.astype("<i2").tobytes()


def mrc(voxels, angstrom):
    """The bytes of an MRC file of int16, after its published header."""
    header = bytearray(1024)
    struct.pack_into("<10i", header, 0, *voxels.shape[::-1], 1, 0, 0, 0, *voxels.shape[::-1])
    struct.pack_into("<3f", header, 40, *(n * size for n, size in zip(voxels.shape[::-1], angstrom, strict=True)))
    struct.pack_into("<3f3i", header, 52, 90, 90, 90, 1, 2, 3)
    header[208:216] = b"MAP \x44\x44\0\0"
    return bytes(header) + voxels.astype("<i2").tobytes()


def hdf5(path, voxels=VOXELS, **attributes):
    with h5py.File(path, "w") as file:
        file["exported/data"] = voxels
        file["exported/names"] = np.arange(3)  # one dimension: no image
        file["exported/data"].attrs.update(attributes)


def written_by_itk(path):
    image = sitk.GetImageFromArray(VOXELS)
    image.SetSpacing((0.25, 0.5, 2.0))
    sitk.WriteImage(image, str(path))


MM = ((0.5e6, 0.25e6), 2e6)  # nm: rows and columns, sections
FILES = {
    "a.nii": (lambda path: path.write_bytes(nifti(VOXELS, units=2)), MM),
    "a.nii.gz": (lambda path: path.write_bytes(gzip.compress(nifti(VOXELS, units=3))), ((0.5e3, 0.25e3), 2e3)),
    "unknown.nii": (lambda path: path.write_bytes(nifti(VOXELS, units=0)), (None, None)),
    "a.mrc": (lambda path: path.write_bytes(mrc(VOXELS, (40, 50, 500))), ((5, 4), 50)),
    "unknown.mrc": (lambda path: path.write_bytes(mrc(VOXELS, (0, 0, 0))), (None, None)),
    "flat.mrc": (lambda path: path.write_bytes(mrc(VOXELS, (40, 50, 0))), ((5, 4), None)),
    "a.nrrd": (written_by_itk, MM),
    "a.mha": (written_by_itk, MM),
    "a.h5": (lambda path: hdf5(path, element_size_um=[0.05, 0.005, 0.004]), ((5, 4), 50)),
    "a.hdf5": (hdf5, (None, None)),
}


@pytest.mark.parametrize("name", FILES)
def test_pages_and_the_size_of_voxels(tmp_path, name):
    write, (size, depth) = FILES[name]
    path = tmp_path / name
    write(path)
    with opened(path) as stack:
        np.testing.assert_array_equal(np.stack(stack.all_pages()), VOXELS[..., None])
        np.testing.assert_array_equal(stack.read(2, 1, 3), VOXELS[2, 1:3, :, None])
        assert (stack.pages, stack.sections, stack.shape, stack.channels) == (3, 3, (4, 5), 1)
        assert stack.pixel_size_nm == (size and pytest.approx(size))
        assert stack.depth_nm == (depth and pytest.approx(depth))


def test_a_flat_image_has_the_height_and_width_of_pixels(tmp_path):
    hdf5(tmp_path / "flat.h5", VOXELS[0], element_size_um=[0.005, 0.004])
    with opened(tmp_path / "flat.h5") as stack:
        assert stack.pixel_size_nm == pytest.approx((5, 4)) and stack.depth_nm is None


def test_nifti_values_are_those_that_the_file_means(tmp_path):
    (tmp_path / "a.nii").write_bytes(nifti(VOXELS, units=2, slope=0.5))
    np.testing.assert_array_equal(np.stack(read_pages(tmp_path / "a.nii"))[..., 0], VOXELS / 2)


def test_a_nifti_file_is_not_taken_for_its_unpacked_neighbour(tmp_path):
    """ITK would read the header of a.nii.gz and the pixels of a.nii."""
    (tmp_path / "a.nii.gz").write_bytes(gzip.compress(nifti(VOXELS, units=2)))
    (tmp_path / "a.nii").write_bytes(nifti(VOXELS + 1, units=2))
    with pytest.raises(UserError, match=r"a\.nii\.gz: ITK would take the pixels of a\.nii; move one"):
        read_pages(tmp_path / "a.nii.gz")
    np.testing.assert_array_equal(np.stack(read_pages(tmp_path / "a.nii"))[..., 0], VOXELS + 1)


def test_nifti_of_five_dimensions_is_refused(tmp_path):
    content = bytearray(nifti(VOXELS, units=2))
    struct.pack_into("<8h", content, 40, 5, 5, 2, 3, 1, 2, 1, 1)
    (tmp_path / "a.nii").write_bytes(content)
    with pytest.raises(UserError, match=r"a\.nii: expected at most 4 dimensions, received 5; save"):
        read_pages(tmp_path / "a.nii")


def test_a_single_section_has_no_distance_to_others(tmp_path):
    (tmp_path / "a.mrc").write_bytes(mrc(VOXELS[:1], (40, 50, 500)))
    with opened(tmp_path / "a.mrc") as stack:
        assert (stack.pages, stack.pixel_size_nm, stack.depth_nm) == (1, pytest.approx((5, 4)), None)


def test_axes_of_hdf5_that_have_names(tmp_path):
    tags = json.dumps({"axes": [{"key": "y"}, {"key": "x"}, {"key": "c"}]})  # as ilastik writes them
    hdf5(tmp_path / "a.h5", axistags=tags)
    (page,) = read_pages(tmp_path / "a.h5")
    np.testing.assert_array_equal(page, VOXELS)
    with h5py.File(tmp_path / "b.h5", "w") as file:
        file["data"] = VOXELS
        for dimension, label in zip(file["data"].dims, "xyz", strict=True):
            dimension.label = label
    np.testing.assert_array_equal(np.stack(read_pages(tmp_path / "b.h5"))[..., 0], VOXELS.T)


def test_hdf5_that_leaves_a_doubt_is_refused(tmp_path):
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["raw"] = file["labels"] = VOXELS
        file["volumes/labels"] = VOXELS
    with pytest.raises(UserError, match=r"a\.h5: expected one array .*, received /labels, /raw, /volumes/labels; save it"):
        read_pages(tmp_path / "a.h5")
    with h5py.File(tmp_path / "b.h5", "w") as file:
        file["data"] = VOXELS[None]
    with pytest.raises(UserError, match=r"b\.h5: expected axes with y and x for 4 dimensions, received none"):
        read_pages(tmp_path / "b.h5")


def test_a_volume_without_sections_is_told(tmp_path):
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["data"] = VOXELS[:0]
    for read in (read_pages, mask_values):
        with pytest.raises(UserError, match=r"a\.h5: the image has no pixels"):
            read(str(tmp_path / "a.h5"))


@pytest.mark.parametrize("name", ["a.nii", "a.nii.gz", "a.nrrd", "a.mrc", "a.mha", "a.h5"])
@pytest.mark.parametrize("content", [b"", b"not a volume"])
def test_a_damaged_file_is_told_in_one_line(tmp_path, name, content):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(UserError, match=name) as told:
        read_pages(tmp_path / name)
    assert "\n" not in str(told.value)


def test_masks_with_64_bit(tmp_path):
    """Programs that write label volumes often use the largest integers."""
    labels = VOXELS.astype(np.uint64) % 3
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["labels"] = labels
    np.testing.assert_array_equal(np.stack(mask_values(tmp_path / "a.h5")), labels)
    write_multiscale([labels], zarr.open_group(tmp_path / "a.zarr", mode="w"), axes="zyx")
    masks = MaskRule(instances=True).read(tmp_path / "a.zarr")
    np.testing.assert_array_equal([mask.instances for mask in masks], labels)
    with pytest.raises(UserError, match="expected integers of at most 32 bit or floats, received uint64"):
        read_pages(tmp_path / "a.h5")
