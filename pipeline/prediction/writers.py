"""Write planes of results band by band: compressed TIFF for images, OME-Zarr for volumes."""

from contextlib import contextmanager

import imagecodecs
import numpy as np
import tifffile

from pipeline.prediction import ome

STRIP = 256  # rows of a TIFF's strip
LEVEL = 1  # of compression; with libdeflate a third of zlib's time for probabilities, which become 3 % larger
NM_PER_CM = 1e7


class Tiff:
    """Multi-page TIFF with the size of its pixels.

    Parameters
    ----------
    path : pathlib.Path
    pages : int
    shape : tuple of int
        Rows and columns.
    dtype : numpy dtype
    pixel_size_nm : tuple of float, or None
    """

    def __init__(self, path, pages, shape, dtype, pixel_size_nm):
        self.path, self.pages, self.shape, self.dtype = path, pages, shape, np.dtype(dtype)
        self.tags = {}
        if pixel_size_nm is not None:
            height, width = pixel_size_nm
            self.tags = {"resolution": (NM_PER_CM / width, NM_PER_CM / height), "resolutionunit": "CENTIMETER"}

    def write(self, planes):
        """Write all pages.

        Parameters
        ----------
        planes : iterable of iterable of ndarray, shape (h, W)
            Bands of any height, from the top down, page after page.
        """
        size = self.pages * self.shape[0] * self.shape[1] * self.dtype.itemsize
        with tifffile.TiffWriter(self.path, bigtiff=size > 2**31) as file:
            for bands in planes:
                file.write(
                    (imagecodecs.deflate_encode(np.ascontiguousarray(strip), LEVEL) for strip in _strips(bands, self.dtype)),
                    shape=self.shape,
                    dtype=self.dtype,
                    rowsperstrip=STRIP,
                    compression="zlib",
                    photometric="minisblack",
                    metadata=None,
                    **self.tags,
                )


class Zarr:
    """OME-Zarr volume (see `Tiff`), in the format of `source`."""

    def __init__(self, path, pages, shape, dtype, pixel_size_nm, source):
        self.path = path
        self.array = ome.create(path, pages, shape, dtype, pixel_size_nm, source)

    def write(self, planes):
        for page, bands in enumerate(planes):
            row = 0
            for strip in _strips(bands, self.array.dtype, ome.CHUNK):
                self.array[page, row : row + len(strip)] = strip
                row += len(strip)


class Raw:
    """Numbers of all pages in one plain file, appended in order and read by rows: larger than memory, never mapped into it.

    Parameters
    ----------
    path : pathlib.Path
    shape : tuple of int
        Rows and columns of a page.
    dtype : numpy dtype
    """

    def __init__(self, path, shape, dtype):
        self.path, self.shape, self.dtype = path, shape, np.dtype(dtype)

    @contextmanager
    def filled(self):
        """Open it for writing, from its beginning; yields ``append(band)``."""
        with open(self.path, "wb") as file:
            yield lambda band: file.write(np.ascontiguousarray(band, self.dtype).data)

    def read(self, page, start, stop):
        """Rows start to stop of a page, ndarray (stop - start, W)."""
        width = self.shape[1]
        first = (page * self.shape[0] + start) * width
        band = np.fromfile(self.path, self.dtype, (stop - start) * width, offset=first * self.dtype.itemsize)
        return band.reshape(stop - start, width)


def _strips(bands, dtype, height=STRIP):
    """Cut bands of any height into strips of `height` rows; the last one may be lower."""
    waiting, rows = [], 0
    for band in bands:
        band = np.asarray(band, dtype)
        while rows + len(band) >= height:
            waiting.append(band[: height - rows])
            yield np.concatenate(waiting)
            band, waiting, rows = band[height - rows :], [], 0
        if len(band):
            waiting.append(band)
            rows += len(band)
    if waiting:
        yield np.concatenate(waiting)
