"""OME-Zarr images: the array of full resolution, its axes, and where it lies in space."""

from dataclasses import dataclass
from math import prod
from pathlib import Path

import numpy as np

from pipeline.errors import UserError
from pipeline.images.io import decoding, numbers
from pipeline.images.stack import Stack
from pipeline.images.units import nanometres

SUFFIX = ".zarr"


@dataclass(frozen=True)
class Volume:
    """The full resolution of an OME-Zarr image: a Zarr array, and of each of its axes what the image says."""

    array: object
    axes: list  # of dict: name, type, unit
    scale: list  # distance of elements
    translation: list  # of the first element
    zarr_format: int

    @property
    def names(self):
        return [axis["name"] for axis in self.axes]


def is_volume(path):
    """Whether a path is an OME-Zarr folder, by its suffix or by what lies in it."""
    path = Path(path)
    return path.suffix == SUFFIX or any((path / mark).exists() for mark in ("zarr.json", ".zattrs", ".zgroup"))


def full_resolution(path):
    """Open the full resolution of an OME-Zarr image as a `Volume`.

    A root as bioformats2raw writes it may be given if it holds one image. Raises `UserError` if it is no OME-Zarr image, holds
    several, or lacks rows or columns.
    """
    import zarr

    try:
        group = _image(zarr.open_group(path, mode="r"), path)
        multiscales = _attributes(group)["multiscales"][0]
        array = group[multiscales["datasets"][0]["path"]]
        described = multiscales.get("axes", list("tczyx"[-array.ndim :]))
        axes = [axis if isinstance(axis, dict) else {"name": axis} for axis in described]
        axes = [{"type": {"t": "time", "c": "channel"}.get(axis["name"], "space")} | axis for axis in axes]
        levels = [multiscales["datasets"][0], multiscales]
        scale, translation = _place([step for level in levels for step in level.get("coordinateTransformations", [])], array.ndim)
    except (KeyError, IndexError, TypeError, ValueError, AttributeError, OSError, zarr.errors.BaseZarrError) as error:
        reason = f"no {error}" if isinstance(error, KeyError) else error
        raise UserError(f"{path}: not an OME-Zarr image, which is a group with multiscales ({reason})") from error
    volume = Volume(array, axes, scale, translation, group.metadata.zarr_format)
    if len(axes) != array.ndim or not {"y", "x"} <= set(volume.names) or len(set(volume.names)) < array.ndim:
        raise UserError(f"{path}: expected axes with y and x for {array.ndim} dimensions, received {volume.names}")
    return volume


def stack(path):
    """Open an OME-Zarr image as a `Stack`; its pages go through all axes but y, x and c, in their order."""
    volume = full_resolution(path)
    array, names = volume.array, volume.names
    length = dict(zip(names, array.shape, strict=True))
    leading = [name for name in names if name not in "yxc"]
    order = [[name for name in names if name in "yxc"].index(name) for name in "yxc" if name in names]

    def read(page, start, stop):
        position = dict(zip(leading, np.unravel_index(page, [length[name] for name in leading]), strict=True)) if leading else {}
        position["y"] = slice(start, stop)
        with decoding(path):
            pixels = np.asarray(array[tuple(position.get(name, slice(None)) for name in names)]).transpose(order)
            return numbers(pixels if pixels.ndim == 3 else pixels[..., None], path)

    nm = {axis["name"]: nanometres(scale, axis.get("unit")) for axis, scale in zip(volume.axes, volume.scale, strict=True)}
    return Stack(
        path,
        prod(length[name] for name in leading),
        (length["y"], length["x"]),
        length.get("c", 1),
        False,
        read,
        sections=length["z"] if leading[-1:] == ["z"] else 1,
        pixel_size_nm=(nm["y"], nm["x"]) if nm["y"] and nm["x"] else None,
        depth_nm=nm.get("z"),
    )


def _attributes(group):
    attributes = dict(group.attrs)
    return attributes.get("ome", attributes)


def _image(group, path):
    """The group of the one image in a group."""
    attributes = _attributes(group)
    if "multiscales" in attributes:
        return group
    if "plate" in attributes:
        first = Path(path, attributes["plate"]["wells"][0]["path"], "0")
        raise UserError(f"{path}: this is a plate; give its images one by one, such as {first}")
    inside = [name for name in sorted(group.group_keys()) if "multiscales" in _attributes(group[name])]
    if not inside:
        raise KeyError("multiscales")
    if len(inside) > 1:
        raise UserError(
            f"{path}: this is a folder of {len(inside)} images; give them one by one, such as {Path(path, inside[0])}"
        )
    return group[inside[0]]


def _place(steps, dimensions):
    """Scale and translation of coordinate transformations, one after the other."""
    scale, translation = np.ones(dimensions), np.zeros(dimensions)
    for step in steps:
        if step["type"] == "scale":
            scale, translation = scale * step["scale"], translation * step["scale"]
        elif step["type"] == "translation":
            translation = translation + step["translation"]
    return scale.tolist(), translation.tolist()
