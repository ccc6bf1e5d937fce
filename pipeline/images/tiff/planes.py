"""The planes of one series of a TIFF: where their pixels are, and which of their samples are kept."""

import math
from dataclasses import dataclass
from functools import partial

import numpy as np
import tifffile
from PIL import Image, TiffImagePlugin

from pipeline.errors import UserError
from pipeline.images.io import ORIENTATION, Values

TiffImagePlugin.READ_LIBTIFF = True  # Pillow's own decoder returns YCbCr with too few colour samples as noise

COLOURS = {"RGB", "YCBCR", "PALETTE"}
PLAIN = {"MINISBLACK", *COLOURS}  # photometric interpretations that are read
MEANING = {"MINISWHITE": "grey values whose 0 is white", "SEPARATED": "CMYK"}
REMEDY = {"MINISWHITE": "save it without the inverting lookup table"}
LOSSLESS = {1, 5, 8, 32773, 32946}  # compressions without colours of their own: tifffile returns YCbCr as it is
ON_BLACK, ALPHA = 1, {1, 2}  # of the tag ExtraSamples: colours that alpha has darkened already, and alpha of either kind


@dataclass(frozen=True)
class Planes:
    """The full resolution of one series: planes (H, W, samples) along leading axes."""

    axes: str  # of the planes, such as TZC
    lengths: tuple
    shape: tuple  # rows and columns, before they are set upright
    page: tifffile.TiffPage  # whose tags hold for all
    present: list  # of each plane, whether the file has it
    plane: callable  # its pixels, by its number
    samples: int
    alpha: bool  # whether the last of the samples is alpha

    @property
    def kind(self):
        return self.shape, self.page.dtype, self.samples, self.page.photometric, self.orientation

    @property
    def orientation(self):
        return self.page.tags.valueof(ORIENTATION, 1)

    @property
    def colour(self):
        return self.page.photometric.name in COLOURS

    def check_photometric(self, path, values):
        """Raise `UserError` if the numbers of the pages do not mean grey, colours, channels or the `Values` of a mask."""
        name = self.page.photometric.name
        if name not in PLAIN and not (values is not Values.LIGHT and name == "MINISWHITE" and self.page.dtype == bool):
            remedy = REMEDY.get(name, "save it as grey or RGB")
            raise UserError(f"{path}: expected grey, RGB or channels, received {MEANING.get(name, name)}; {remedy}")


def planes_of(series, file, path, values):
    """Find the `Planes` of a `tifffile.TiffPageSeries`; its samples mean `Values`."""
    page, axes = series.keyframe, series.axes
    if not {"Y", "X"} <= set(axes):
        raise UserError(f"{path}: expected an image of rows and columns, received axes {axes}")
    inner = len(page.axes)
    is_page = (
        page.axes in ("YX", "YXS", "SYX")
        and axes[-inner:].replace("C", "S") == page.axes
        and series.shape[-inner:] == page.shape
        and not set(axes[:-inner]) & set("YXS")
    )
    if is_page:
        leading, order = [*range(len(axes) - inner)], page.axes
        sides = dict(zip(order, page.shape, strict=True))
    else:
        leading, order = [n for n, axis in enumerate(axes) if axis not in "YXS"], "YXS" if "S" in axes else "YX"
        sides = {axis: series.shape[axes.index(axis)] for axis in order}
    lengths = tuple(series.shape[n] for n in leading)
    count = math.prod(lengths)
    present = [True] * count
    if not is_page:
        decoded = _across_pages(series, leading, [axes.index(axis) for axis in order], count)
    elif series.is_truncated:
        decoded = _contiguous(series, file, count, path)
    else:
        if len(series) != count:
            raise ValueError("the metadata describe other pages than the file has")
        present = [plane is not None and plane.parent.filehandle.path == file.filehandle.path for plane in series]
        decoded = lambda number: _decoded(series[number], page, path)  # noqa: E731

    found = partial(Planes, "".join(axes[n] for n in leading), lengths, (sides["Y"], sides["X"]), page, present)
    name = page.photometric.name
    if name == "YCBCR" and page.compression in LOSSLESS:
        return found(lambda number: _rgb(path, series[number].index), samples=3, alpha=False)
    if name == "PALETTE" and values is not Values.INDICES:
        return found(lambda number: _coloured(decoded(number), page.colormap), samples=3, alpha=False)
    samples = sides.get("S", 1)
    kept, alpha = _kept(samples, page.extrasamples, values)

    def plane(number):
        pixels = decoded(number)
        if name == "MINISWHITE":  # of 1 bit: `check_photometric` refuses others
            pixels = ~pixels
        if order == "SYX":
            pixels = np.moveaxis(pixels, 0, -1)
        elif order == "YX":
            pixels = pixels[..., None]
        return pixels if len(kept) == samples else pixels[..., kept]

    return found(plane, samples=len(kept), alpha=alpha)


def _kept(samples, extra, values):
    """Number the samples that are kept: not the alpha of an image, and of a mask not the alpha whose colours are on black."""
    extra = extra[-samples:]
    dropped = ALPHA if values is Values.LIGHT else {ON_BLACK}
    meanings = [None] * (samples - len(extra)) + list(extra)
    kept = [n for n, meaning in enumerate(meanings) if meaning not in dropped]
    return kept, bool(extra) and len(kept) == samples


def _decoded(plane, page, path):
    pixels = plane.asarray()
    if pixels.shape != page.shape:
        raise UserError(f"{path}: expected pages of {page.shape}, received {pixels.shape}; the file is damaged")
    return pixels


def _contiguous(series, file, count, path):
    """A function that reads uncompressed planes, which follow the first one; one page describes them all."""
    page, start = series.keyframe, series.dataoffset
    kind, size = np.dtype(file.byteorder + page.dtype.char), math.prod(page.shape)
    if start is None or start + count * size * kind.itemsize > file.filehandle.size:
        raise UserError(f"{path}: the file is truncated: it ends before the last of {count} pages; copy or save it again")

    def decoded(number):
        file.filehandle.seek(start + number * size * kind.itemsize)
        return file.filehandle.read_array(kind, size).reshape(page.shape)

    return decoded


def _across_pages(series, leading, inner, count):
    """A function that returns planes whose axes lie across the pages: the first call reads all of them."""
    pixels = []

    def decoded(number):
        if not pixels:
            array = series.asarray().transpose([*leading, *inner])
            pixels.extend(array.reshape(count, *array.shape[len(leading) :]))
        return pixels[number]

    return decoded


def _coloured(indices, colormap):
    """Look up the indices (H, W) of an image in a TIFF's palette (3, N), of 8 or 16 bit: (H, W, 3), uint8."""
    colours = colormap >> 8 if colormap.max() > 255 else colormap
    return np.moveaxis(colours.astype(np.uint8)[:, indices], 0, -1)


def _rgb(path, index):
    with Image.open(path, formats=("TIFF",)) as image:
        image.seek(index)
        return np.asarray(image.convert("RGB"))
