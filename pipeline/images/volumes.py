"""Arrays with named axes as a `Stack`, and the files of other programs that hold one: NIfTI, NRRD, MRC, MetaImage and HDF5."""

import json
import math

import numpy as np

from pipeline.errors import UserError
from pipeline.images.io import HDF5, first_bytes
from pipeline.images.stack import Stack
from pipeline.images.units import nanometres

UNNAMED = {2: "yx", 3: "zyx"}  # axes of an HDF5 array that does not name them
SPATIAL = 0b111  # bits of NIfTI's code of units that are not of time; 0: the file does not say
SPACES = ("left-", "right-", "scanner-")  # of NRRD, in a patient: their unit is the millimetre


def stack(path, files):
    """Open one of these files as a `Stack`; `files`, a `contextlib.ExitStack`, closes it.

    HDF5 is read in parts, all others at once.
    """
    return _hdf5(path, files) if path.name.lower().endswith(HDF5) else _itk(path)


def array_stack(path, array, names, lengths):
    """Make a `Stack` of an array; its pages go through all axes but y, x and c, in their order.

    Parameters
    ----------
    path : path-like
    array : array-like
        Of NumPy, Zarr or HDF5; only what is asked for is read.
    names : sequence of str
        Of its axes: y and x, and perhaps z for sections, c for channels, and others.
    lengths : dict of str to float or None
        Distance of elements along the axes in nm, where it is known.
    """
    if 0 in array.shape:
        raise UserError(f"{path}: the image has no pixels")
    count = dict(zip(names, array.shape, strict=True))
    leading = [name for name in names if name not in "yxc"]
    inner = [name for name in names if name in "yxc"]
    order = [inner.index(name) for name in "yxc" if name in inner]

    def stored(page, start, stop):
        place = np.unravel_index(page, [count[name] for name in leading]) if leading else ()
        part = dict(zip(leading, map(int, place), strict=True)) | {"y": slice(start, stop)}
        pixels = np.asarray(array[tuple(part.get(name, slice(None)) for name in names)]).transpose(order)
        return pixels if pixels.ndim == 3 else pixels[..., None]

    sections = count["z"] if leading[-1:] == ["z"] else 1
    return Stack(
        path,
        math.prod(count[name] for name in leading),
        (count["y"], count["x"]),
        count.get("c", 1),
        False,
        stored,
        sections,
        pixel_size_nm=(lengths["y"], lengths["x"]) if lengths.get("y") and lengths.get("x") else None,
        depth_nm=lengths.get("z") if sections > 1 else None,
    )


def _itk(path):
    import SimpleITK as sitk  # noqa: N813 (its users know it by no other name)

    unpacked = path.with_suffix("")
    if path.name.lower().endswith(".nii.gz") and unpacked.exists():
        raise UserError(f"{path}: ITK would take the pixels of {unpacked.name}; move one of the two to another folder")
    sitk.ProcessObject.SetGlobalWarningDisplay(False)
    try:
        image = sitk.ReadImage(str(path))
    except RuntimeError as error:  # the last line says what is wrong, after where in ITK's code
        reason = str(error).splitlines()[-1].removeprefix("ITK ERROR: ")
        raise UserError(f"{path}: cannot be read as a volume: {reason}") from error
    dimensions = image.GetDimension()
    if dimensions > 4:
        raise UserError(f"{path}: expected at most 4 dimensions, received {dimensions}; save its channels in files of their own")
    names = "tzyx"[-dimensions:] + ("c" if image.GetNumberOfComponentsPerPixel() > 1 else "")
    sides = zip("xyz", image.GetSpacing(), _units(path, image), strict=False)
    lengths = {name: nanometres(length, unit) for name, length, unit in sides}
    return array_stack(path, sitk.GetArrayFromImage(image), names, lengths)


def _units(path, image):
    """The units in which ITK returns width, height and depth of a voxel; None if the file does not say."""
    name = path.name.lower()
    if name.endswith(".mrc"):
        header = first_bytes(path, 52)  # ends in the sides of the volume; 0 means unknown, of which ITK makes voxels of 1 Å
        return ["angstrom" if any(header[start : start + 4]) else None for start in (40, 44, 48)]
    if name.endswith(".nrrd"):
        known = image.HasMetaDataKey("NRRD_space") and image.GetMetaData("NRRD_space").startswith(SPACES)
    elif name.endswith(".mha"):
        known = True
    else:
        known = image.HasMetaDataKey("xyzt_units") and int(image.GetMetaData("xyzt_units")) & SPATIAL
    return ["mm" if known else None] * 3


def _hdf5(path, files):
    import h5py

    found = []

    def collect(_, item):
        if isinstance(item, h5py.Dataset) and item.ndim > 1:
            found.append(item)

    files.enter_context(h5py.File(path)).visititems(collect)
    if len(found) != 1:
        names = ", ".join(array.name for array in found) or "none"
        raise UserError(f"{path}: expected one array of at least two dimensions, received {names}; save it in a file of its own")
    (array,) = found
    size = np.ravel(array.attrs.get("element_size_um", ()))[-3:]  # of a flat image perhaps two
    lengths = {name: nanometres(value, "um") for name, value in zip("zyx"[3 - len(size) :], size, strict=True)}
    return array_stack(path, array, _axes(array, path), lengths)


def _axes(array, path):
    """The names of an HDF5 array's axes, as ilastik writes them, or as HDF5 itself does."""
    names = [dimension.label for dimension in array.dims]
    if "axistags" in array.attrs:
        names = [axis["key"] for axis in json.loads(array.attrs["axistags"])["axes"]]
    elif not all(names):
        names = list(UNNAMED.get(array.ndim, ""))
    if len(names) != array.ndim or not {"y", "x"} <= set(names) or len(set(names)) < len(names):
        raise UserError(
            f"{path}: expected axes with y and x for {array.ndim} dimensions, received {names or 'none'}; "
            "name them in the array's attribute axistags, as ilastik does"
        )
    return names
