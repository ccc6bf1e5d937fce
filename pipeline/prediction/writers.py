"""Write pages band by band: compressed TIFF for images, OME-Zarr for volumes, and plain arrays for what is still needed."""

import imagecodecs
import numpy as np
import tifffile
import zarr

from pipeline.prediction import ome

STRIP = 256  # rows of a TIFF's strip
LEVEL = 1  # of compression; with libdeflate a third of zlib's time for probabilities, which become 3 % larger
NM_PER_CM = 1e7
IMAGEJ = "ImageJ=1.11a\nimages={images}\nchannels={channels}\nslices={slices}\nframes={frames}\nhyperstack=true\nmode=grayscale\n"


def write_tiff(path, pages, dtype, shape, pixel_size_nm, sections=1, channels=1):
    """Write a TIFF of `shape` (pages, rows, columns) with the size of its pixels.

    `pages` holds the bands (h, W) of each page, of any height, from the top down: the `channels` of a section follow each other,
    and so do the `sections` of a time point. For several pages, an ImageJ description says which is which.
    """
    tags = {}
    if shape[0] > 1:
        counts = {"images": shape[0], "channels": channels, "slices": sections, "frames": shape[0] // (channels * sections)}
        tags["description"] = IMAGEJ.format(**counts)
    if pixel_size_nm is not None and min(pixel_size_nm) > NM_PER_CM / 2**32:  # a TIFF has 32 bits for their number
        height, width = pixel_size_nm
        tags |= {"resolution": (NM_PER_CM / width, NM_PER_CM / height), "resolutionunit": "CENTIMETER"}
    dtype = np.dtype(dtype)
    with tifffile.TiffWriter(path, bigtiff=np.prod(shape, dtype=float) * dtype.itemsize > 2**31) as file:
        for bands in pages:
            file.write(
                (imagecodecs.deflate_encode(np.ascontiguousarray(strip), LEVEL) for strip in _strips(bands, dtype, STRIP)),
                shape=shape[1:],
                dtype=dtype,
                rowsperstrip=STRIP,
                compression="zlib",
                photometric="minisblack",
                metadata=None,
                **tags,
            )
            tags.pop("description", None)  # of the first page alone


def write_volume(path, pages, dtype, source, pixel_size_nm, classes=1):
    """Write an OME-Zarr volume as `write_tiff` writes a TIFF, with the axes and the place of the volume `source`."""
    array, axis = ome.create(path, dtype, pixel_size_nm, source, classes), ome.class_axis(source, classes)
    for page, bands in enumerate(pages):
        fill(array, page, bands, classes=axis)


def temporary(path, shape, dtype):
    """Create an uncompressed array (..., pages, rows, columns) on disk, which may be larger than memory."""
    chunks = (*[1] * (len(shape) - 2), min(STRIP, shape[-2]), shape[-1])
    return zarr.create_array(path, shape=shape, chunks=chunks, dtype=dtype, compressors=None, overwrite=True)


def fill(array, page, bands, row=0, classes=None):
    """Write bands of any height into a page of a Zarr array (..., H, W), from `row` down, whole chunks at a time.

    With several classes, the bands are (h, W, K), and `classes` is the axis of the array where they go.
    """
    for strip in _strips(bands, array.dtype, array.chunks[-2]):
        array[_rows(array, page, row, row + len(strip), classes)] = strip if classes is None else np.moveaxis(strip, -1, 0)
        row += len(strip)


def read_rows(array, page, start, stop, classes):
    """Rows of a page of a Zarr array (..., H, W), whose pages are counted along all leading axes but that of the `classes`."""
    rows = array[_rows(array, page, start, stop, classes)]
    return rows if classes is None else np.moveaxis(rows, 0, -1)


def _rows(array, page, start, stop, classes):
    pages = [length for axis, length in enumerate(array.shape[:-2]) if axis != classes]
    place = [*map(int, np.unravel_index(page, pages))]
    if classes is not None:
        place.insert(classes, slice(None))
    return (*place, slice(start, stop))


def _strips(bands, dtype, height):
    """Cut bands of any height into strips of `height` rows; the last one may be lower."""
    waiting = np.empty((0, 0), dtype)
    for band in bands:
        waiting = np.concatenate([waiting, np.asarray(band, dtype)]) if len(waiting) else np.asarray(band, dtype)
        while len(waiting) >= height:
            yield waiting[:height]
            waiting = waiting[height:]
    if len(waiting):
        yield waiting
