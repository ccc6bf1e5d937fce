"""Write pages band by band: compressed TIFF for images, OME-Zarr for volumes, and plain arrays for what is still needed."""

import imagecodecs
import numpy as np
import tifffile
import zarr

from pipeline.prediction import ome

STRIP = 256  # rows of a TIFF's strip
LEVEL = 1  # of compression; with libdeflate a third of zlib's time for probabilities, which become 3 % larger
NM_PER_CM = 1e7


def write_tiff(path, pages, dtype, shape, pixel_size_nm):
    """Write a TIFF of `shape` (pages, rows, columns) with the size of its pixels.

    `pages` holds the bands (h, W) of each page, of any height, from the top down.
    """
    tags = {}
    if pixel_size_nm is not None:
        height, width = pixel_size_nm
        tags = {"resolution": (NM_PER_CM / width, NM_PER_CM / height), "resolutionunit": "CENTIMETER"}
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


def write_volume(path, pages, dtype, source, pixel_size_nm):
    """Write an OME-Zarr volume as `write_tiff` writes a TIFF, with the axes and the place of the volume `source`."""
    array = ome.create(path, dtype, pixel_size_nm, source)
    for page, bands in enumerate(pages):
        fill(array, page, bands)


def temporary(path, shape, dtype):
    """Create an uncompressed array (pages, rows, columns) on disk, which may be larger than memory."""
    chunks = (1, min(STRIP, shape[1]), shape[2])
    return zarr.create_array(path, shape=shape, chunks=chunks, dtype=dtype, compressors=None, overwrite=True)


def fill(array, page, bands, row=0):
    """Write bands of any height into a page of a Zarr array (..., H, W), from `row` down, whole chunks at a time."""
    for strip in _strips(bands, array.dtype, array.chunks[-2]):
        array[_rows(array, page, row, row + len(strip))] = strip
        row += len(strip)


def read_rows(array, page, start, stop):
    """Rows of a page of a Zarr array (..., H, W), whose pages are counted along all leading axes."""
    return array[_rows(array, page, start, stop)]


def _rows(array, page, start, stop):
    return (*map(int, np.unravel_index(page, array.shape[:-2])), slice(start, stop))


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
