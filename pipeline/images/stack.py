"""Open an image file of any kind: its pages, read one at a time, and what the file says of its pixels.

Training and prediction read the user's files by this one reader. The content decides, not the suffix.
"""

from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from pipeline.errors import UserError
from pipeline.images.io import decode, decoding, is_tiff, numbers


@dataclass(frozen=True)
class Stack:
    """Pages of one size and type.

    ``read(page, start, stop)`` returns rows of a page, (stop - start, W, channels), in the file's own numbers: bool, 8, 16 or
    32 bit integers, float32 or float64. It raises `UserError` if the file is damaged there.
    """

    path: Path
    pages: int
    shape: tuple  # rows and columns of a page
    channels: int
    colour: bool  # the channels are red, green and blue
    read: callable
    sections: int = 1  # pages of one position and time point, which follow each other in depth
    pixel_size_nm: tuple | None = None  # height and width of a pixel
    depth_nm: float | None = None  # distance of sections
    left_out: str | None = None  # what of the file is not read

    def all_pages(self):
        """Read all pages: a list of arrays (H, W, channels). Raises `UserError` also if something would be left out."""
        if self.left_out:
            raise UserError(f"{self.path}: {self.left_out}; save them in files of their own")
        return [self.read(page, 0, self.shape[0]) for page in range(self.pages)]


@contextmanager
def opened(path, kept=1):
    """Open an image file or an OME-Zarr folder as a `Stack`.

    A TIFF is read by its series and axes: positions, time points and sections are pages, channels and samples are channels;
    alpha, masks and lower resolutions are left out. PNG, JPEG, BMP, GIF and WebP have one page. A page is decoded as a whole
    when it is first asked for, and of a TIFF so many pages are `kept`; a volume is read by its chunks. Raises `UserError` if it
    is no image, is damaged, or holds numbers of another type.
    """
    from pipeline.images import ome_zarr, tiff  # they make a `Stack`, and import what takes long

    path = Path(path)
    with ExitStack() as files:
        with decoding(path):
            if ome_zarr.is_volume(path):
                stack = ome_zarr.stack(path)
            elif is_tiff(path):
                stack = tiff.stack(path, files, kept)
            else:
                stack = _single(path)
        yield stack


def read_pages(path):
    """Read all pages of an image file: a list of arrays (H, W, C) (see `opened` and `Stack.all_pages`)."""
    with opened(path) as stack:
        return stack.all_pages()


def described(channels, colour):
    """Say what an image of so many channels is; three are RGB if nobody knows (`colour` is None)."""
    colour = channels == 3 if colour is None else colour
    return "grey" if channels == 1 else "RGB" if colour else f"{channels} channels"


def _single(path):
    pixels, colour = decode(path)
    pixels = numbers(pixels, path)
    return Stack(path, 1, pixels.shape[:2], pixels.shape[-1], colour, lambda page, start, stop: pixels[start:stop])
