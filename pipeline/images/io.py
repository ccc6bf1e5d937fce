"""Read and write images and masks. Row/column order; whatever the file's depth, the caller gets one of few types."""

import struct
import warnings
from pathlib import Path

import numpy as np
import tifffile
from PIL import Image, ImageOps, UnidentifiedImageError

from pipeline.errors import UserError

TIFF = (".tif", ".tiff")
LOSSY = (".jpg", ".jpeg")
SUFFIXES = (".png", *LOSSY, *TIFF)
# What the numbers of a TIFF may mean, by its own names, and those that are often met beside.
PLAIN = {"MINISBLACK", "RGB", "PALETTE", "YCBCR"}
MEANING = {"MINISWHITE": "grey values whose 0 is white", "SEPARATED": "CMYK"}
Image.MAX_IMAGE_PIXELS = 30_000**2 // 2  # Pillow refuses twice as many: a slide scanner's image passes, a forged header does not
warnings.simplefilter("ignore", Image.DecompressionBombWarning)  # between once and twice


def read_pages(path):
    """Read an image file as a list of pages (one, but for a multi-page TIFF).

    Parameters
    ----------
    path : path-like
        PNG, JPEG or TIFF; 1, 8 or 16 bit; grey, palette, RGB, or either with alpha.

    Returns
    -------
    list of ndarray, shape (H, W, 1) or (H, W, 3), bool, uint8 or uint16
        Alpha is dropped; a palette is resolved to its colours; RGB is always 8 bit; an EXIF turn is applied.

    Raises
    ------
    UserError
        If the file is empty, is no image, is damaged, or holds another kind of number.
    """
    path = Path(path)
    try:
        if path.stat().st_size == 0:
            raise UserError(f"{path}: expected an image, received an empty file")
        pages = _read_tiff(path) if path.suffix.lower() in TIFF else [_read_pillow(path)]
    except UserError:
        raise
    except (OSError, UnidentifiedImageError, SyntaxError, Image.DecompressionBombError) as error:
        raise UserError(f"{path}: expected a readable image, received: {_first_line(error)}") from error
    except Exception as error:  # decoders raise struct.error, KeyError, zlib.error, ... on damaged bytes
        raise UserError(f"{path}: expected a readable image, received damaged bytes ({_first_line(error)})") from error
    if not pages:
        raise UserError(f"{path}: expected a readable image, received a file without pages")
    return [eight_bit_colours(grey_or_rgb(small_integers(page), path)) for page in pages]


def read_image(path):
    """Read a single image as uint8 or uint16 of shape (H, W, C), C = 1 or 3 (see `read_pages`)."""
    pages = read_pages(path)
    if len(pages) != 1:
        raise UserError(f"{path}: expected one image, received {len(pages)} pages")
    page = pages[0]
    return page.astype(np.uint8) * 255 if page.dtype == bool else page


def to_mask(page, path, threshold=None, labels=None):
    """Turn one page of a mask file into booleans, by itself, whatever its depth.

    Parameters
    ----------
    page : ndarray, shape (H, W, C)
    path : path-like
        Named in the error, and a lossy suffix (JPEG) rules out an exact reading of {0, 1}.
    threshold : int, optional
        Foreground is what lies above it. Not applied to a mask that holds 0 and 1 only:
        in a folder of 8-bit masks, the 1-bit ones would silently turn out empty.
    labels : collection of int, optional
        Foreground is what equals one of them (label images); takes precedence over `threshold`.

    Returns
    -------
    ndarray, shape (H, W), bool

    Raises
    ------
    UserError
        If neither is given and the values are not {0, 1}, {0, 255} or {0, 65535}.
    """
    if page.shape[-1] == 3:
        if not (page == page[..., :1]).all() and threshold is None:
            raise UserError(f"{path}: expected a grey mask, received a coloured one; set mask_threshold to use its mean")
        page = page.mean(axis=-1) if threshold is not None else page[..., 0]
    else:
        page = page[..., 0]
    if page.dtype == bool:
        return page
    if labels is not None:
        return np.isin(page, list(labels))
    lossless = Path(path).suffix.lower() not in LOSSY
    if lossless and page.max(initial=0) <= 1:
        return page > 0
    if threshold is not None:
        return page > threshold
    values = np.unique(page)
    if len(values) <= 2 and values[0] in (0, 255, 65535) and values[-1] in (0, 255, 65535):
        return page > 0
    shown = ", ".join(str(v) for v in values[:8]) + (", ..." if len(values) > 8 else "")
    raise UserError(
        f"{path}: expected mask values {{0, 1}} or {{0, 255}}, received {{{shown}}}; set mask_threshold or mask_labels"
    )


def read_mask(path, threshold=None, labels=None):
    """Read a single mask as bool of shape (H, W) (see `to_mask`)."""
    pages = read_pages(path)
    if len(pages) != 1:
        raise UserError(f"{path}: expected one mask, received {len(pages)} pages")
    return to_mask(pages[0], path, threshold, labels)


def write_png(path, pixels):
    """Write bool (as 1 bit), uint8 or uint16 pixels of shape (H, W), (H, W, 1) or (H, W, 3) as PNG."""
    pixels = np.asarray(pixels)
    if pixels.ndim == 3 and pixels.shape[-1] == 1:
        pixels = pixels[..., 0]
    Image.fromarray(pixels).save(path, compress_level=1)  # 1: several times faster than the default, 10 % larger


def unit(image):
    """Scale unsigned integers to float32 in [0, 1] by the range of their type (not of the image)."""
    return image.astype(np.float32) / np.float32(np.iinfo(image.dtype).max)


def grey_or_rgb(page, path):
    """Bring one decoded page to shape (H, W, 1) or (H, W, 3), bool, uint8 or uint16."""
    if page.ndim == 2:
        page = page[..., None]
    if page.ndim != 3 or page.shape[-1] not in (1, 2, 3, 4) or 0 in page.shape:
        raise UserError(f"{path}: expected grey or RGB, received an array of shape {page.shape}")
    page = page[..., : 1 if page.shape[-1] <= 2 else 3]  # 2 and 4 channels: the last is alpha
    if page.dtype == np.dtype(">u2"):
        page = page.astype(np.uint16)
    if page.dtype not in (bool, np.uint8, np.uint16):
        raise UserError(f"{path}: expected 1, 8 or 16 bit unsigned integers, received {page.dtype}")
    return page


def small_integers(page):
    """Bring a page of 32-bit integers to 16 bit if all fit: so Pillow reads some PNGs, and label images are often saved."""
    fits = page.dtype == np.int32 and page.size and page.min() >= 0 and page.max() <= 65535
    return page.astype(np.uint16) if fits else page


def eight_bit_colours(page):
    """Reduce RGB of 16 bit to 8, as Pillow reads such a PNG; it cannot write one."""
    return (page >> 8).astype(np.uint8) if page.dtype == np.uint16 and page.shape[-1] == 3 else page


def check_pages(file, path):
    """Refuse a TIFF whose numbers are not grey values or RGB, or whose last page points to one that is not there.

    tifffile reads a cut file as a shorter one, and gives the numbers of an inverted or a CMYK file as they are.

    Parameters
    ----------
    file : tifffile.TiffFile
    path : path-like
        Named in the error.

    Raises
    ------
    UserError
    """
    for name in {page.keyframe.photometric.name for page in file.pages} - PLAIN:
        remedy = "; save it without the inverting lookup table" if name == "MINISWHITE" else ""
        raise UserError(f"{path}: expected grey or RGB, received {MEANING.get(name, name)}{remedy}")
    layout, last = file.tiff, file.pages[-1].offset
    file.filehandle.seek(last)
    (tags,) = struct.unpack(layout.tagnoformat, file.filehandle.read(layout.tagnosize))
    file.filehandle.seek(last + layout.tagnosize + tags * layout.tagsize)
    (following,) = struct.unpack(layout.offsetformat, file.filehandle.read(layout.offsetsize))
    if following:
        raise UserError(f"{path}: expected a readable image, received a file that is cut after page {len(file.pages)}")


def _read_tiff(path):
    with tifffile.TiffFile(path) as file:
        check_pages(file, path)
        return [_page(page) for page in file.pages]


def _page(page):
    if page.photometric.name == "PALETTE":
        return page.asrgb()
    pixels = page.asarray()
    return np.moveaxis(pixels, 0, -1) if page.axes == "SYX" else pixels  # colours as separate planes


def _read_pillow(path):
    with Image.open(path) as image:
        if image.mode == "P":
            image = image.convert("RGB")
        elif image.mode in ("CMYK", "YCbCr", "LAB", "HSV"):
            raise UserError(f"{path}: expected grey or RGB, received {image.mode}")
        return np.asarray(ImageOps.exif_transpose(image))  # cameras store the turn beside the pixels, masks are drawn upright


def _first_line(error):
    return (str(error) or type(error).__name__).splitlines()[0]
