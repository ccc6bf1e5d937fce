"""Write OME-Zarr volumes that lie where their source lies."""

import shutil
from pathlib import Path

import zarr
from ome_zarr.format import FormatV04, FormatV05
from ome_zarr.writer import write_multiscales_metadata

from pipeline.images.io import stem
from pipeline.images.ome_zarr import full_resolution
from pipeline.images.units import nanometres

CHUNK = 1024  # rows and columns of a chunk that is written: the width of a window, 1 MB of bytes


def class_axis(source, classes):
    """Where several `classes` have their axis in a result of the volume `source`: behind the time points, as OME-Zarr asks.

    None for one class, which needs no axis.
    """
    return int("t" in full_resolution(source).names) if classes > 1 else None


def create(path, dtype, pixel_size_nm, source, classes=1):
    """Create an empty OME-Zarr volume, replacing `path`, for a result of the volume `source`.

    It has the format, the axes (without channels), the scale, the units and the translation of `source`. A `pixel_size_nm`,
    height and width, replaces the scale of rows and columns; the place stays the same, or the same number of pixels from the
    origin where the unit is unknown. Several `classes` get an axis. A chunk has one page and `CHUNK` × `CHUNK` pixels.
    """
    volume = full_resolution(source)
    kept = [volume.names.index(name) for name in [*(name for name in volume.names if name not in "cyx"), "y", "x"]]
    axes, shape, scale, translation = (
        [values[number] for number in kept] for values in (volume.axes, volume.array.shape, volume.scale, volume.translation)
    )
    if pixel_size_nm is not None:
        for number, size in zip((-2, -1), pixel_size_nm, strict=True):
            translation[number] *= nanometres(1, axes[number].get("unit")) or size / scale[number]
            axes[number], scale[number] = axes[number] | {"unit": "nanometer"}, float(size)
    if classes > 1:
        place = class_axis(source, classes)
        for values, value in ((axes, {"name": "c", "type": "channel"}), (shape, classes), (scale, 1.0), (translation, 0.0)):
            values.insert(place, value)
    shutil.rmtree(path, ignore_errors=True)
    old = volume.zarr_format == 2
    group = zarr.open_group(path, mode="w", zarr_format=volume.zarr_format)
    chunks = (*(1 for _ in shape[:-2]), *(min(CHUNK, n) for n in shape[-2:]))
    names = None if old else [axis["name"] for axis in axes]
    array = group.create_array("0", shape=shape, chunks=chunks, dtype=dtype, dimension_names=names)
    transforms = [{"type": "scale", "scale": scale}]
    transforms += [{"type": "translation", "translation": translation}] if any(translation) else []
    datasets = [{"path": "0", "coordinateTransformations": transforms}]
    write_multiscales_metadata(group, datasets, fmt=FormatV04() if old else FormatV05(), axes=axes, name=stem(Path(path)))
    return array
