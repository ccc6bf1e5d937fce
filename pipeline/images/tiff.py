"""Images of a TIFF, by the series and axes that tifffile finds, checked against the pages that the file has."""

import logging
import math
import struct
import xml.etree.ElementTree as ElementTree
from dataclasses import dataclass

import numpy as np
import tifffile
from PIL import Image, TiffImagePlugin

from pipeline.errors import UserError
from pipeline.images.io import ORIENTATION, TURNED, upright
from pipeline.images.stack import Stack
from pipeline.images.units import nanometres

logging.getLogger("tifffile").setLevel(logging.CRITICAL)  # what it logs is checked, and told, here
TiffImagePlugin.READ_LIBTIFF = True  # Pillow's own decoder returns YCbCr with too few colour samples as noise

COLOURS = {"RGB", "YCBCR", "PALETTE"}
PLAIN = {"MINISBLACK", *COLOURS}  # photometric interpretations that are read
MEANING = {"MINISWHITE": "grey values whose 0 is white", "SEPARATED": "CMYK"}
REMEDY = {"MINISWHITE": "save it without the inverting lookup table"}
LOSSLESS = {1, 5, 8, 32773, 32946}  # compressions without colours of their own: tifffile returns YCbCr as it is
ON_BLACK, ALPHA = 1, {1, 2}  # of the tag ExtraSamples: colours that alpha has darkened already, and alpha of either kind
CENTIMETRE = 3  # of the tag ResolutionUnit; inches are ignored, they only say how to print
# nm. A resolution in centimetres is the size of a pixel only if it is at least as fine, 1000 pixels a centimetre: printers stay
# below, and libvips writes 10 where nothing is known.
PRINT = 1e4
FALLBACKS = ({}, {"is_ome": False}, {"is_ome": False, "is_imagej": False, "is_shaped": False})  # metadata that is not believed


@dataclass(frozen=True)
class Planes:
    """The full resolution of one series: planes (H, W, samples) along leading axes."""

    axes: str  # of the planes, such as TZC
    lengths: tuple
    shape: tuple  # rows and columns, before they are set upright
    page: tifffile.TiffPage  # whose tags hold for all
    present: list  # of each plane, whether the file has it
    plane: callable  # its pixels, by its number
    samples: list  # those that are kept
    alpha: bool  # whether the last of them is alpha

    @property
    def kind(self):
        return self.shape, self.page.dtype, len(self.samples), self.page.photometric, self.orientation

    @property
    def orientation(self):
        return self.page.tags.valueof(ORIENTATION, 1)


def stack(path, files, kept=1, of_masks=False, indexed=False):
    """Open a TIFF as a `Stack` that keeps some decoded pages; `files`, a `contextlib.ExitStack`, closes it.

    Pages `of_masks` hold one value or RGB: alpha stays, unless colours are on black already, and 1 bit may have its 0 as
    white. If they are `indexed`, a palette is read by the numbers of its colours.
    """
    file, series = _believed(path, files, of_masks, indexed)
    first, *others = series
    _check_photometric(first, path, of_masks)
    alike = [planes for planes in series if planes.kind == first.kind]
    grids = [(planes, *_grid(planes, path, of_masks)) for planes in alike]
    counts = {rows.shape[-1] for _, rows, _ in grids}
    if len(counts) > 1:
        raise UserError(f"{path}: expected images with equal numbers of channels, received {', '.join(map(str, sorted(counts)))}")
    pages = [(planes, row) for planes, rows, _ in grids for row in rows]
    if all(planes.axes in ("", "I") for planes in alike):  # tifffile sorts plain pages by their compression
        pages.sort(key=lambda page: page[1][0] if page[0].axes else page[0].page.index)
    depths = {sections for *_, sections in grids}
    sections = depths.pop() if len(depths) == 1 else 1
    left_out = sum(sum(planes.present) for planes in others if planes not in alike)
    size, depth = _pixel_size(file, first.shape)
    turned = first.orientation in TURNED
    latest = {}  # the pages that were read last, by their number

    def stored(page, start, stop):
        if page in latest:
            latest[page] = latest.pop(page)  # the last of them
        else:
            planes, row = pages[page]
            pixels = np.concatenate([planes.plane(number) for number in row], axis=-1)
            if len(latest) == kept:
                latest.pop(next(iter(latest)))
            latest[page] = upright(pixels, first.orientation)
        return latest[page][start:stop]

    channels = counts.pop() * len(first.samples)
    if of_masks and not (set(first.page.extrasamples) <= ALPHA and channels - first.alpha in (1, 3)):
        raise UserError(f"{path}: expected one value or RGB for each pixel, received {channels} channels")
    return Stack(
        path,
        len(pages),
        first.shape[::-1] if turned else first.shape,
        channels,
        first.page.photometric.name in COLOURS and channels == 3,
        stored,
        sections,
        size[::-1] if size and turned else size,
        depth if sections > 1 else None,
        f"expected pages of one size and type, received {left_out} of another kind" if left_out else None,
    )


def _believed(path, files, of_masks, indexed):
    """Open the file; return it with its series as `Planes`, without the metadata that contradict its pages."""
    for number, metadata in enumerate(FALLBACKS):
        last = number == len(FALLBACKS) - 1
        file = files.enter_context(tifffile.TiffFile(path, _multifile=False, **metadata))
        try:
            series = list(file.series)
            several = len(file.pages) > 1 and series
            if file.is_ome and several and series[0].kind != "ome":  # other files belong to it: which axes?
                joint = files.enter_context(tifffile.TiffFile(path))
                file, series = joint, list(joint.series)
            if not series or not len(file.pages):  # counting goes through all of them
                raise UserError(f"{path}: cannot be read as an image: a TIFF without pages")
            _check_end(file, path)
            whole = [one for one in series if not _is_part(one.keyframe)] or series
            planes = [_planes(one, file, path, of_masks, indexed) for one in whole if one.keyframe.dtype is not None]
            planes = [one for one in planes if any(one.present)]
            if planes and (last or not _forgotten(file, series)):
                return file, planes
        except UserError:
            raise
        except Exception:  # tifffile raises any error on metadata that it does not expect
            if last:
                raise
    raise UserError(f"{path}: cannot be read as an image: a TIFF without pixels")


def _check_end(file, path):
    """Check that no page of an open `tifffile.TiffFile` is missing: tifffile reads a truncated file as a shorter one."""
    layout, last = file.tiff, file.pages[-1].offset
    file.filehandle.seek(last)
    (tags,) = struct.unpack(layout.tagnoformat, file.filehandle.read(layout.tagnosize))
    file.filehandle.seek(last + layout.tagnosize + tags * layout.tagsize)
    (following,) = struct.unpack(layout.offsetformat, file.filehandle.read(layout.offsetsize))
    if following:
        raise UserError(f"{path}: the file is truncated after page {len(file.pages)}; copy or save it again")


def _is_part(page):
    """Whether a page is a lower resolution or a mask of another one."""
    return page.is_reduced or page.is_mask or page.is_subifd


def _forgotten(file, series):
    """Whether there are pages like the first one that are in no series."""
    if len(file.pages) == 1:
        return False
    known = {page.index for one in series for level in one.levels for page in level if page is not None}
    first = series[0].keyframe
    return any(
        page.index not in known and (page.keyframe.shape, page.keyframe.dtype) == (first.shape, first.dtype)
        for page in file.pages
    )


def _coloured(indices, colormap):
    """Look up the indices (H, W) of an image in a TIFF's palette (3, N), of 8 or 16 bit: (H, W, 3), uint8."""
    colours = colormap >> 8 if colormap.max() > 255 else colormap
    return np.moveaxis(colours.astype(np.uint8)[:, indices], 0, -1)


def _planes(series, file, path, of_masks, indexed):
    page, axes, shape = series.keyframe, series.axes, series.shape
    if not {"Y", "X"} <= set(axes):
        raise UserError(f"{path}: expected an image of rows and columns, received axes {axes}")
    inner = len(page.axes)
    is_page = page.axes in ("YX", "YXS", "SYX") and axes[-inner:].replace("C", "S") == page.axes and shape[-inner:] == page.shape
    if is_page and not set(axes[:-inner]) & set("YXS"):
        leading, lengths = axes[:-inner], shape[:-inner]
        count = math.prod(lengths)
        if series.is_truncated:  # one page describes all planes, which follow each other
            decoded, present = _contiguous(series, file, count, path), [True] * count
        else:
            if len(series) != count:
                raise ValueError("the metadata describe other pages than the file has")
            present = [plane is not None and _is_own(plane, file) for plane in series]
            decoded = lambda number: _decoded(series[number], page, path)  # noqa: E731
        order = page.axes
    else:  # planes lie across the pages: all of them are read
        kept = [n for n, axis in enumerate(axes) if axis not in "YXS"]
        leading, lengths = "".join(axes[n] for n in kept), tuple(shape[n] for n in kept)
        order = "YXS" if "S" in axes else "YX"
        count, pixels = math.prod(lengths), []

        def decoded(number):
            if not pixels:
                array = series.asarray().transpose([*kept, *(axes.index(axis) for axis in order)])
                pixels.append(array.reshape(count, *array.shape[len(kept) :]))
            return pixels[0][number]

        present = [True] * count
    palette, ycbcr = (
        page.photometric.name == "PALETTE" and not indexed,
        page.photometric.name == "YCBCR" and page.compression in LOSSLESS,
    )
    size = tuple(shape[axes.index(axis)] for axis in "YX")
    samples = 1 if "S" not in order or palette else page.shape[page.axes.index("S")] if is_page else shape[axes.index("S")]
    extra = page.extrasamples[-samples:] if page.extrasamples else ()
    dropped = {ON_BLACK} if of_masks else ALPHA
    kept_samples = [n for n in range(samples) if n < samples - len(extra) or extra[n - samples + len(extra)] not in dropped]
    kept_samples = [0, 1, 2] if palette or ycbcr else kept_samples
    white_is_0 = page.photometric.name == "MINISWHITE"  # of 1 bit: `_check_photometric` refuses others

    def plane(number):
        if ycbcr:
            return _rgb(path, series[number].index)
        pixels = decoded(number)
        if palette:
            return _coloured(pixels, page.colormap)
        pixels = ~pixels if white_is_0 else pixels
        pixels = np.moveaxis(pixels, 0, -1) if order == "SYX" else pixels if pixels.ndim == 3 else pixels[..., None]
        return pixels if len(kept_samples) == samples else pixels[..., kept_samples]

    return Planes(leading, lengths, size, page, present, plane, kept_samples, bool(extra) and len(kept_samples) == samples)


def _is_own(page, file):
    """Whether a page lies in this file, not in another one of the same set."""
    return page.parent.filehandle.path == file.filehandle.path


def _decoded(plane, page, path):
    pixels = plane.asarray()
    if pixels.shape != page.shape:
        raise UserError(f"{path}: expected pages of {page.shape}, received {pixels.shape}; the file is damaged")
    return pixels


def _contiguous(series, file, count, path):
    """A function that reads uncompressed planes, which follow the first one."""
    page, start = series.keyframe, series.dataoffset
    kind, size = np.dtype(file.byteorder + page.dtype.char), math.prod(page.shape)
    if start is None or start + count * size * kind.itemsize > file.filehandle.size:
        raise UserError(f"{path}: the file is truncated: it ends before the last of {count} pages; copy or save it again")

    def decoded(number):
        file.filehandle.seek(start + number * size * kind.itemsize)
        return file.filehandle.read_array(kind, size).reshape(page.shape)

    return decoded


def _rgb(path, index):
    with Image.open(path, formats=("TIFF",)) as image:
        image.seek(index)
        return np.asarray(image.convert("RGB"))


def _page_axes(axes):
    """Sort the leading axes of a TIFF, such as "TZC", as pages are read: four lists of their positions.

    Pages go through positions and whatever else there is, then time points, then sections (at most one axis); the last list are
    channels, which are no pages.
    """
    depth = next((n for mark in ("Z", "IQ") for n in reversed(range(len(axes))) if axes[n] in mark), None)
    channels, times = ([n for n, axis in enumerate(axes) if axis == mark and n != depth] for mark in "CT")
    outer = [n for n in range(len(axes)) if n not in (*channels, *times, depth)]
    return outer, times, [] if depth is None else [depth], channels


def _grid(planes, path, apart):
    """Planes of each page, (pages, channels), in the order of positions, time points and sections, and the number of sections.

    Channels that stand `apart` are pages.
    """
    outer, times, inner, channels = _page_axes(planes.axes)
    sections = math.prod(planes.lengths[n] for n in (*inner, *(channels if apart else ())))
    count = 1 if apart else math.prod(planes.lengths[n] for n in channels)
    grid = np.arange(len(planes.present)).reshape(planes.lengths).transpose([*outer, *times, *inner, *channels])
    grid = grid.reshape(-1, sections, count)
    present = np.array(planes.present)[grid]
    if not present.all():
        kept = present.any(axis=-1)
        found = {int(n) for n in present.sum(axis=-1)[kept]}
        if len(found) > 1:
            raise UserError(f"{path}: expected {max(found)} channels on every page, received {min(found)} on some")
        rows = grid[kept][present[kept]].reshape(-1, found.pop())
        depths = {int(n) for n in kept.sum(axis=-1) if n}
        return rows, depths.pop() if len(depths) == 1 else 1
    return grid.reshape(-1, count), sections


def _check_photometric(planes, path, of_masks):
    name = planes.page.photometric.name
    if name not in PLAIN and not (of_masks and name == "MINISWHITE" and planes.page.dtype == bool):
        remedy = REMEDY.get(name, "save it as grey or RGB")
        raise UserError(f"{path}: expected grey, RGB or channels, received {MEANING.get(name, name)}; {remedy}")


def _pixel_size(file, shape):
    """Height and width of a pixel in nm, and the distance of sections; None where the file does not say."""
    page = file.pages.first
    if page.description.rstrip("\0 \r\n").endswith("OME>"):
        size, depth = _ome_size(page.description, shape)
        if size:
            return size, depth
    described = file.imagej_metadata or {}
    per_unit = [page.tags.valueof(f"{axis}Resolution") for axis in "YX"]
    unit = described.get("unit") if file.is_imagej else None
    if nanometres(1, unit) is None:
        unit = "cm" if page.tags.valueof("ResolutionUnit") == CENTIMETRE else None
    depth = nanometres(described.get("spacing"), described.get("zunit", described.get("unit")))
    try:
        size = tuple(nanometres(below / above, unit) for above, below in per_unit)
    except (TypeError, ValueError, ZeroDivisionError):
        return None, depth
    printed = unit == "cm" and None not in size and max(size) > PRINT
    return (None if None in size or printed else size), depth


def _ome_size(xml, shape):
    try:
        elements = [element for element in ElementTree.fromstring(xml).iter() if element.tag.endswith("}Pixels")]
    except ElementTree.ParseError:
        return None, None
    found = set()
    for pixels in elements:
        if (pixels.get("SizeY"), pixels.get("SizeX")) == tuple(map(str, shape)):
            lengths = [
                nanometres(pixels.get(f"PhysicalSize{axis}"), pixels.get(f"PhysicalSize{axis}Unit", "µm")) for axis in "YXZ"
            ]
            found.add(tuple(lengths))
    if len(found) != 1:  # positions of different scale
        return None, None
    high, wide, depth = found.pop()
    return ((high, wide) if high and wide else None), depth
