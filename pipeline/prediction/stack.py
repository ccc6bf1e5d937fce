"""An open image: its pages, read one at a time, and the size of its pixels if the file states it."""

import math
import xml.etree.ElementTree as ElementTree
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import tifffile
import zarr

from pipeline.errors import UserError
from pipeline.images.io import TIFF, check_pages, grey_or_rgb, read_image, small_integers
from pipeline.prediction import ome
from pipeline.prediction.inputs import is_volume

MICROMETRE = ("µm", "um", "micron", "microns", "micrometer")
NANOMETRES = {"nm": 1, "nanometer": 1, "mm": 1e6, "cm": 1e7} | dict.fromkeys(MICROMETRE, 1e3)
CENTIMETRE = 3  # of TIFF's ResolutionUnit; inches are ignored, they only say how to print


@dataclass(frozen=True)
class Stack:
    """Pages of one size. ``read(page, start, stop)`` returns rows of a page, (stop - start, W, 1 or 3), uint8 or uint16."""

    path: Path
    pages: int
    shape: tuple  # rows and columns of a page
    pixel_size_nm: tuple | None  # height and width of a pixel
    read: callable
    left_out: str | None = None  # what of the file is not read


@contextmanager
def opened(path):
    """Open an image file or an OME-Zarr folder as a `Stack`.

    A page of a TIFF, PNG or JPEG is decoded as a whole when it is first asked for; a volume is read by its chunks. Raises
    `UserError` if it is no image, is damaged, or holds unsupported numbers. Reading may raise it later, too.
    """
    path = Path(path)
    if is_volume(path):
        yield _volume(path)
    elif path.suffix.lower() in TIFF and path.stat().st_size:
        with _decoding(path), tifffile.TiffFile(path) as file:
            _tiff(path, file)
        # Opened again, so that an error in the caller's code does not pass for one of the decoder.
        with tifffile.TiffFile(path) as file:
            yield _tiff(path, file)
    else:
        image = read_image(path)
        yield Stack(path, 1, image.shape[:2], None, lambda page, start, stop: image[start:stop])


def _tiff(path, file):
    if not file.series or not len(file.pages):  # counting goes through all of them
        raise UserError(f"{path}: expected a readable image, received a file without pages")
    check_pages(file, path)
    series = file.series[0]
    axes, shape = series.axes, dict(zip(series.axes, series.shape, strict=True))
    if "Y" not in shape or "X" not in shape:
        raise UserError(f"{path}: expected an image of rows and columns, received axes {axes}")
    if shape.get("C", 1) > 1:
        raise UserError(f"{path}: expected grey or RGB, received {shape['C']} separate channels; save the one to predict")
    leading = {axis: n for axis, n in shape.items() if axis not in "YXS"}
    order = [[axis for axis in axes if axis in "YXS"].index(axis) for axis in "YXS" if axis in axes]
    latest = {}  # the page that was read last, by its number

    def page(number):
        if number not in latest:
            position = _position(number, leading)
            with _decoding(path):
                if series.keyframe.photometric.name == "PALETTE":
                    pixels = series.pages[number].asrgb()
                else:
                    array = zarr.open(series.aszarr(level=0), mode="r")
                    pixels = np.asarray(array[tuple(position.get(axis, slice(None)) for axis in axes)]).transpose(order)
            latest.clear()
            latest[number] = _pixels(pixels, path)
        return latest[number]

    size, others = _ome_pixel_size(file) or _tiff_pixel_size(file), len(file.series) - 1
    left_out = f"expected pages of one size, received {others} more of others; they are not predicted" if others else None
    read = lambda number, start, stop: page(number)[start:stop]  # noqa: E731
    return Stack(path, math.prod(leading.values()), (shape["Y"], shape["X"]), size, read, left_out)


def _volume(path):
    array, axes, size = ome.read(path)
    leading = {axis: n for axis, n in zip(axes, array.shape, strict=True) if axis not in "yxc"}
    colours = array.shape[axes.index("c")] if "c" in axes else 1
    if colours not in (1, 3):
        raise UserError(f"{path}: expected 1 or 3 channels, received {colours}")

    def read(page, start, stop):
        position = _position(page, leading) | {"y": slice(start, stop)}
        with _decoding(path):
            pixels = np.asarray(array[tuple(position.get(axis, slice(None)) for axis in axes)])
        channel = [axis for axis in axes if axis not in leading].index("c") if "c" in axes else None
        return _pixels(pixels if channel is None else np.moveaxis(pixels, channel, -1), path)

    return Stack(path, math.prod(leading.values()), (array.shape[axes.index("y")], array.shape[axes.index("x")]), size, read)


def _pixels(pixels, path):
    pixels = grey_or_rgb(small_integers(pixels), path)
    return pixels.astype(np.uint8) * 255 if pixels.dtype == bool else pixels


def _position(page, leading):
    """Where a page lies along the leading axes, a dict of their lengths."""
    return dict(zip(leading, np.unravel_index(page, tuple(leading.values())), strict=True)) if leading else {}


@contextmanager
def _decoding(path):
    """Turn what a decoder raises on damaged bytes into one line."""
    try:
        yield
    except (UserError, MemoryError, OSError, GeneratorExit):
        raise
    except Exception as error:  # struct.error, KeyError, zlib.error, TiffFileError, ...
        reason = (str(error) or type(error).__name__).splitlines()[0]
        raise UserError(f"{path}: expected a readable image, received damaged bytes ({reason})") from error


def _ome_pixel_size(file):
    if not file.is_ome:
        return None
    pixels = next((e for e in ElementTree.fromstring(file.ome_metadata).iter() if e.tag.endswith("}Pixels")), None)
    if pixels is None or not {"PhysicalSizeX", "PhysicalSizeY"} <= set(pixels.attrib):
        return None
    units = [NANOMETRES.get(pixels.get(f"PhysicalSize{axis}Unit", "µm"), math.nan) for axis in "YX"]
    return _positive(float(pixels.get(f"PhysicalSize{axis}")) * unit for axis, unit in zip("YX", units, strict=True))


def _tiff_pixel_size(file):
    tags = file.pages[0].tags
    if "XResolution" not in tags or "YResolution" not in tags:
        return None
    unit = NANOMETRES.get((file.imagej_metadata or {}).get("unit", "").replace("\\u00B5", "µ"))
    if unit is None and "ResolutionUnit" in tags and tags["ResolutionUnit"].value == CENTIMETRE:
        unit = NANOMETRES["cm"]
    if unit is None:
        return None
    per_unit = [tags[f"{axis}Resolution"].value for axis in "YX"]
    return _positive(unit * below / above if above else math.nan for above, below in per_unit)


def _positive(values):
    values = tuple(values)
    return values if all(0 < v < math.inf for v in values) else None
