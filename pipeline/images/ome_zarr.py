"""OME-Zarr images: the array of full resolution, its axes, and where it lies in space."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from pipeline.errors import UserError
from pipeline.images.units import nanometres
from pipeline.images.volumes import array_stack


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
    """Open an OME-Zarr image as a `Stack` (see `pipeline.images.volumes.array_stack`)."""
    volume = full_resolution(path)
    lengths = {axis["name"]: nanometres(scale, axis.get("unit")) for axis, scale in zip(volume.axes, volume.scale, strict=True)}
    return array_stack(path, volume.array, volume.names, lengths)


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
