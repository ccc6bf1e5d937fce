"""OME-Zarr volumes: the array of full resolution, its axes and the size of its pixels."""

import shutil
from pathlib import Path

import zarr
from ome_zarr.format import FormatV04, FormatV05
from ome_zarr.writer import write_multiscales_metadata

from pipeline.errors import UserError

NANOMETRES = {"angstrom": 0.1, "nanometer": 1.0, "micrometer": 1e3, "millimeter": 1e6, "meter": 1e9}
CHUNK = 1024  # rows and columns of a chunk that is written: the width of a window, 1 MB of bytes


def read(path):
    """Open the full resolution of an OME-Zarr volume: array, axes such as ``tczyx``, and height and width of a pixel in nm.

    The pixel size is None if the volume states no unit. Raises `UserError` if it is no OME-Zarr image, or lacks rows or columns.
    """
    try:
        group = zarr.open_group(path, mode="r")
        attributes = dict(group.attrs)
        multiscales = attributes.get("ome", attributes)["multiscales"][0]
        array = group[multiscales["datasets"][0]["path"]]
    except (KeyError, IndexError, TypeError, ValueError, OSError, zarr.errors.BaseZarrError) as error:
        reason = f"no {error}" if isinstance(error, KeyError) else error
        raise UserError(f"{path}: this is no OME-Zarr image, a group with multiscales ({reason})") from error
    axes = [axis["name"] if isinstance(axis, dict) else axis for axis in multiscales.get("axes", "tczyx"[-array.ndim :])]
    if len(axes) != array.ndim or not {"y", "x"} <= set(axes):
        raise UserError(f"{path}: expected axes with y and x for {array.ndim} dimensions, received {axes}")
    return array, "".join(axes), _pixel_size(multiscales, axes)


def create(path, shape, dtype, pixel_size_nm, source):
    """Create an empty OME-Zarr volume of axes zyx, replacing `path`, in the format of the volume `source`.

    A chunk has one page and `CHUNK` × `CHUNK` pixels.
    """
    shutil.rmtree(path, ignore_errors=True)
    old = zarr.open_group(source, mode="r").metadata.zarr_format == 2
    group = zarr.open_group(path, mode="w", zarr_format=2 if old else 3)
    chunks = (1, *(min(CHUNK, n) for n in shape[1:]))
    array = group.create_array("0", shape=shape, chunks=chunks, dtype=dtype, dimension_names=None if old else list("zyx"))
    unit = {"unit": "nanometer"} if pixel_size_nm else {}
    axes = [{"name": "z", "type": "space"}, *({"name": name, "type": "space"} | unit for name in "yx")]
    scale = [1.0, *map(float, pixel_size_nm or (1, 1))]
    datasets = [{"path": "0", "coordinateTransformations": [{"type": "scale", "scale": scale}]}]
    write_multiscales_metadata(group, datasets, fmt=FormatV04() if old else FormatV05(), axes=axes, name=Path(path).stem)
    return array


def _pixel_size(multiscales, axes):
    units = {axis["name"]: NANOMETRES.get(axis.get("unit")) for axis in multiscales.get("axes", []) if isinstance(axis, dict)}
    if not (units.get("y") and units.get("x")):
        return None
    scale = [1.0] * len(axes)
    everywhere = multiscales.get("coordinateTransformations", [])
    for transformation in [*multiscales["datasets"][0].get("coordinateTransformations", []), *everywhere]:
        if transformation.get("type") == "scale":
            scale = [a * b for a, b in zip(scale, transformation["scale"], strict=True)]
    size = tuple(scale[axes.index(name)] * units[name] for name in "yx")
    return size if all(n > 0 for n in size) else None
