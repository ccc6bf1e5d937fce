"""Images of a TIFF, by the series and axes that tifffile finds, checked against the pages that the file has."""

import logging
import math
import struct

import numpy as np
import tifffile

from pipeline.errors import UserError
from pipeline.images.io import TURNED, Values, upright
from pipeline.images.stack import Stack
from pipeline.images.tiff.pixel_size import pixel_size
from pipeline.images.tiff.planes import ALPHA, planes_of

logging.getLogger("tifffile").setLevel(logging.CRITICAL)  # what it logs is checked, and told, here

FALLBACKS = ({}, {"is_ome": False}, {"is_ome": False, "is_imagej": False, "is_shaped": False})  # metadata to ignore


def stack(path, files, kept=1, values=Values.LIGHT):
    """Open a TIFF as a `Stack` that keeps some decoded pages; `files`, a `contextlib.ExitStack`, closes it."""
    file, series = _believed(path, files, values)
    first, *others = series
    first.check_photometric(path, values)
    of_masks = values is not Values.LIGHT
    alike = [planes for planes in series if planes.kind == first.kind]
    grids = [(planes, *_grid(planes, path, of_masks)) for planes in alike]
    counts = {rows.shape[-1] for _, rows, _ in grids}
    if len(counts) > 1:
        raise UserError(f"{path}: expected images with equal numbers of channels, received {', '.join(map(str, sorted(counts)))}")
    channels = counts.pop() * first.samples
    if of_masks and not (set(first.page.extrasamples) <= ALPHA and channels - first.alpha in (1, 3)):
        raise UserError(f"{path}: expected one value or RGB for each pixel, received {channels} channels")
    pages = [(planes, row) for planes, rows, _ in grids for row in rows]
    if all(planes.axes in ("", "I") for planes in alike):  # tifffile sorts plain pages by their compression
        pages.sort(key=lambda page: page[1][0] if page[0].axes else page[0].page.index)
    depths = {sections for *_, sections in grids}
    sections = depths.pop() if len(depths) == 1 else 1
    left_out = sum(sum(planes.present) for planes in others if planes not in alike)
    size, depth = pixel_size(file, first.shape)
    turned = first.orientation in TURNED
    return Stack(
        path,
        len(pages),
        first.shape[::-1] if turned else first.shape,
        channels,
        first.colour and channels == 3,
        _reader(pages, first.orientation, kept),
        sections,
        size[::-1] if size and turned else size,
        depth if sections > 1 else None,
        f"expected pages of one size and type, received {left_out} of another kind" if left_out else None,
    )


def _reader(pages, orientation, kept):
    """Make `Stack.stored` for pages, each (planes, numbers of its channels); it keeps those that were read last."""
    latest = {}

    def stored(page, start, stop):
        if page in latest:
            latest[page] = latest.pop(page)  # the last of them
        else:
            planes, row = pages[page]
            pixels = np.concatenate([planes.plane(number) for number in row], axis=-1)
            if len(latest) == kept:
                latest.pop(next(iter(latest)))
            latest[page] = upright(pixels, orientation)
        return latest[page][start:stop]

    return stored


def _believed(path, files, values):
    """Open the file, ignoring metadata that contradict its pages; return it, and its series as `Planes`."""
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
            planes = [planes_of(one, file, path, values) for one in whole if one.keyframe.dtype is not None]
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
