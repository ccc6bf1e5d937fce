"""Open an image file of any kind: its pages, read one at a time, and what the file says of its pixels.

Training and prediction read the user's files by this one reader. The content decides, not the suffix.
"""

from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from pipeline.errors import UserError
from pipeline.images.io import Values, decode, decoding, is_ome_zarr, is_tiff, is_volume, numbers


@dataclass(frozen=True)
class Stack:
    """Pages of one size and type.

    ``stored(page, start, stop)`` returns rows of a page, (stop - start, W, channels), in the numbers of the file.
    """

    path: Path
    pages: int
    shape: tuple  # rows and columns of a page
    channels: int
    colour: bool  # the channels are red, green and blue
    stored: callable
    sections: int = 1  # pages of one position and time point, which follow each other in depth
    pixel_size_nm: tuple | None = None  # height and width of a pixel
    depth_nm: float | None = None  # distance of sections
    left_out: str | None = None  # what of the file is not read

    def read(self, page, start, stop):
        """Read rows of a page, (stop - start, W, channels): bool, 8, 16 or 32 bit integers, float32 or float64.

        Raises `UserError` if the file is damaged there, or holds numbers of another type.
        """
        with decoding(self.path):
            return numbers(self.stored(page, start, stop), self.path)

    def all_pages(self):
        """Read all pages: a list of arrays (H, W, channels). Raises `UserError` also if something would be left out."""
        with decoding(self.path):
            return [numbers(page, self.path) for page in self.all_stored()]

    def all_stored(self):
        """Read as `all_pages` does, in the numbers of the file, of any type."""
        if self.left_out:
            raise UserError(f"{self.path}: {self.left_out}; save them in files of their own")
        return [self.stored(page, 0, self.shape[0]) for page in range(self.pages)]


@contextmanager
def opened(path, kept=1, values=Values.LIGHT):
    """Open an image file, a file of a volume or an OME-Zarr folder as a `Stack`.

    A TIFF is read by its series and axes: positions, time points and sections are pages, channels and samples are channels (the
    channels of masks are pages, too); masks inside the file and lower resolutions are left out. PNG, JPEG, BMP, GIF and WebP
    have one page. A page is decoded as a whole when it is first asked for, and of a TIFF so many pages are `kept`; OME-Zarr and
    HDF5 are read in parts, other volumes at once. Raises `UserError` if it is no image or damaged.
    """
    from pipeline.images import ome_zarr, tiff, volumes  # they make a `Stack`, and import what takes long

    path = Path(path)
    with ExitStack() as files:
        with decoding(path):
            if is_tiff(path):
                stack = tiff.stack(path, files, kept, values)
            elif is_ome_zarr(path):
                stack = ome_zarr.stack(path)
            elif is_volume(path):
                stack = volumes.stack(path, files)
            else:
                stack = _single(path, values)
        yield stack


def read_pages(path):
    """Read all pages of an image file: a list of arrays (H, W, C) (see `opened` and `Stack.all_pages`)."""
    with opened(path) as stack:
        return stack.all_pages()


def described(channels, colour):
    """Say what an image of so many channels is; three are RGB if nobody knows (`colour` is None)."""
    colour = channels == 3 if colour is None else colour
    return "grey" if channels == 1 else "RGB" if colour else f"{channels} channels"


def _single(path, values):
    pixels, colour = decode(path, values)
    return Stack(path, 1, pixels.shape[:2], pixels.shape[-1], colour, lambda page, start, stop: pixels[start:stop])
