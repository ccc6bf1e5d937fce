"""Read and write images and masks. Pixels come in row/column order and in one of few types, whatever the file holds."""

import struct
import warnings
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import tifffile
from PIL import Image, ImageOps

from pipeline.errors import UserError

TIFF = (".tif", ".tiff", ".btf", ".tf2", ".tf8")
LOSSY = (".jpg", ".jpeg")
SUFFIXES = (".png", *LOSSY, *TIFF, ".bmp", ".gif", ".webp")
PILLOW = ("PNG", "JPEG", "BMP", "GIF", "WEBP")  # and no others: some of Pillow's readers run programs
TIFF_MARKS = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")  # first bytes of a TIFF and of a BigTIFF
ORIENTATION = 0x0112  # tag of TIFF and EXIF; 1 is upright
# Photometric interpretations of a TIFF that are read, and plain names of others that are common.
PLAIN = {"MINISBLACK", "RGB", "PALETTE", "YCBCR"}
MEANING = {"MINISWHITE": "grey values whose 0 is white", "SEPARATED": "CMYK"}
Image.MAX_IMAGE_PIXELS = 30_000**2 // 2  # Pillow's limit is twice this: whole slides are read, forged headers are not
warnings.simplefilter("ignore", Image.DecompressionBombWarning)  # Pillow warns from half of its limit on


def read_pages(path):
    """Read an image file as a list of pages; only a TIFF can have more than one.

    Parameters
    ----------
    path : path-like
        PNG, JPEG or TIFF; 1, 8 or 16 bit; grey, palette, RGB, or either with alpha.

    Returns
    -------
    list of ndarray, shape (H, W, 1) or (H, W, 3), bool, uint8 or uint16
        Without alpha; palettes become colours; RGB is always 8 bit; EXIF rotation is applied.

    Raises
    ------
    UserError
        If the file is empty, damaged or no image, or if it holds numbers of another type.
    """
    path = Path(path)
    with decoding(path):
        pages = _read_tiff(path) if path.suffix.lower() in TIFF else [_read_pillow(path)]
    return [eight_bit_colours(grey_or_rgb(small_integers(page), path)) for page in pages]


@contextmanager
def decoding(path):
    """Turn what a decoder raises on damaged bytes into one line."""
    try:
        if Path(path).is_file() and not Path(path).stat().st_size:
            raise UserError(f"{path}: the file is empty")
        yield
    except UserError:
        raise
    except Exception as error:  # OSError, struct.error, KeyError, zlib.error, ...
        reason = (str(error) or type(error).__name__).splitlines()[0]
        raise UserError(f"{path}: cannot be read as an image: {reason}") from error


def is_tiff(path):
    """Whether a file is a TIFF, by its first bytes."""
    with open(path, "rb") as file:
        return file.read(4) in TIFF_MARKS


def upright(pixels, orientation):
    """Turn and flip pixels (H, W, ...) as the orientation of TIFF or EXIF says, 1 to 8; cameras and scanners store it aside."""
    if orientation in (5, 6, 7, 8):
        pixels = pixels.swapaxes(0, 1)
    if orientation in (3, 4, 7, 8):
        pixels = pixels[::-1]
    return pixels[:, ::-1] if orientation in (2, 3, 6, 7) else pixels


def read_image(path):
    """Read a single image as uint8 or uint16 of shape (H, W, C), C = 1 or 3 (see `read_pages`)."""
    page = _only_page(path)
    return page.astype(np.uint8) * 255 if page.dtype == bool else page


def read_mask(path):
    """Read a mask of ``data/raw``, shape (H, W): bool, or uint8 class numbers with 255 for pixels that are ignored.

    `pipeline.images.masks` reads any other.
    """
    page = _only_page(path)[..., 0]
    if page.dtype not in (bool, np.uint8):
        raise UserError(f"{path}: expected a mask of 1 or 8 bit, received {page.dtype}")
    return page


def write_png(path, pixels):
    """Write bool (as 1 bit), uint8 or uint16 pixels of shape (H, W), (H, W, 1) or (H, W, 3) as PNG."""
    pixels = np.asarray(pixels)
    if pixels.ndim == 3 and pixels.shape[-1] == 1:
        pixels = pixels[..., 0]
    Image.fromarray(pixels).save(path, compress_level=1)  # several times faster than the default, 10 % larger


def grey_or_rgb(page, path):
    """Bring a decoded page to shape (H, W, 1) or (H, W, 3), bool, uint8 or uint16; `path` is named in errors."""
    if page.ndim == 2:
        page = page[..., None]
    if page.ndim != 3 or page.shape[-1] not in (1, 2, 3, 4) or 0 in page.shape:
        raise UserError(f"{path}: expected grey or RGB, received an array of shape {page.shape}")
    page = page[..., : 1 if page.shape[-1] <= 2 else 3]  # with 2 or 4 channels, the last is alpha
    if page.dtype == np.dtype(">u2"):
        page = page.astype(np.uint16)
    if page.dtype not in (bool, np.uint8, np.uint16):
        raise UserError(f"{path}: expected 1, 8 or 16 bit unsigned integers, received {page.dtype}")
    return page


def small_integers(page):
    """Convert 32-bit integers to 16 bit if all fit: Pillow reads some PNGs so, and many label images are saved so."""
    fits = page.dtype == np.int32 and page.size and page.min() >= 0 and page.max() <= 65535
    return page.astype(np.uint16) if fits else page


def eight_bit_colours(page):
    """Reduce 16-bit RGB to 8 bit, as Pillow does when it reads such a PNG; it cannot write one."""
    return (page >> 8).astype(np.uint8) if page.dtype == np.uint16 and page.shape[-1] == 3 else page


def check_pages(file, path):
    """Check that an open `tifffile.TiffFile` holds grey values or RGB, which tifffile does not, and that no page is missing."""
    for name in {page.keyframe.photometric.name for page in file.pages} - PLAIN:
        remedy = "; save it without the inverting lookup table" if name == "MINISWHITE" else ""
        raise UserError(f"{path}: expected grey or RGB, received {MEANING.get(name, name)}{remedy}")
    check_end(file, path)


def check_end(file, path):
    """Check that no page of an open `tifffile.TiffFile` is missing: tifffile reads a truncated file as a shorter one."""
    layout, last = file.tiff, file.pages[-1].offset
    file.filehandle.seek(last)
    (tags,) = struct.unpack(layout.tagnoformat, file.filehandle.read(layout.tagnosize))
    file.filehandle.seek(last + layout.tagnosize + tags * layout.tagsize)
    (following,) = struct.unpack(layout.offsetformat, file.filehandle.read(layout.offsetsize))
    if following:
        raise UserError(f"{path}: the file is truncated after page {len(file.pages)}; copy or save it again")


def _only_page(path):
    pages = read_pages(path)
    if len(pages) != 1:
        raise UserError(f"{path}: expected one image, received {len(pages)} pages")
    return pages[0]


def _read_tiff(path):
    with tifffile.TiffFile(path) as file:
        check_pages(file, path)
        return [_page(page) for page in file.pages]


def _page(page):
    if page.photometric.name == "PALETTE":
        return page.asrgb()
    pixels = page.asarray()
    return np.moveaxis(pixels, 0, -1) if page.axes == "SYX" else pixels  # colours in separate planes


def _read_pillow(path):
    with Image.open(path) as image:
        if image.mode == "P":
            image = image.convert("RGB")
        elif image.mode in ("CMYK", "YCbCr", "LAB", "HSV"):
            raise UserError(f"{path}: expected grey or RGB, received {image.mode}")
        return np.asarray(ImageOps.exif_transpose(image))  # cameras store a rotation beside the pixels; masks are upright
