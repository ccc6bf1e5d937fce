"""Read and write the images and masks of ``data/raw``. Pixels come in row/column order, in the numbers that the file holds."""

import re
import warnings
from contextlib import contextmanager
from enum import Enum
from pathlib import Path

import imagecodecs
import numpy as np
import tifffile
from PIL import Image, UnidentifiedImageError

from pipeline.errors import UserError, in_one_line

TIFF = (".tif", ".tiff", ".btf", ".tf2", ".tf8")
ITK = (".nii", ".nii.gz", ".nrrd", ".mrc", ".mha")  # volumes that SimpleITK reads
HDF5 = (".h5", ".hdf5")
OME_ZARR = ".zarr"
# What counts as an image in a folder. Except for volumes, its content decides how it is read.
SUFFIXES = (".png", ".jpg", ".jpeg", *TIFF, ".bmp", ".gif", ".webp", *ITK, *HDF5)
PILLOW = ("PNG", "JPEG", "BMP", "GIF", "WEBP")  # and no others: some of Pillow's readers run programs
TIFF_MARKS = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")  # first bytes of a TIFF and of a BigTIFF
TYPES = tuple(map(np.dtype, ("bool", "u1", "u2", "u4", "i1", "i2", "i4", "f4", "f8")))
IGNORED = 255  # class number of pixels that neither train nor score
ORIENTATION = 0x0112  # tag of TIFF and EXIF; 1 is upright
TURNED = (5, 6, 7, 8)  # orientations that exchange rows and columns
Image.MAX_IMAGE_PIXELS = 30_000**2 // 2  # Pillow's limit is twice this: whole slides are read, forged headers are not
warnings.simplefilter("ignore", Image.DecompressionBombWarning)  # Pillow warns from half of its limit on


def read_image(path):
    """Read an image of ``data/raw``, PNG, JPEG or TIFF with one page (`pipeline.images.stack` reads any other).

    Returns an array (H, W, C) in the file's own numbers; 1 bit becomes uint8, 0 and 255. Raises `UserError` if the file is no
    image, or damaged.
    """
    return bits_as_grey(_only_page(path))


def bits_as_grey(pixels):
    """Turn pixels of 1 bit into uint8, 0 and 255; any others stay as they are."""
    return pixels * np.uint8(255) if pixels.dtype == bool else pixels


class Values(Enum):
    """What the numbers in a file are."""

    LIGHT = "an image: a palette shows colours, and alpha is left out"
    LABELS = "a mask: a palette shows colours, and alpha is kept"
    INDICES = "a mask: a palette is read by the numbers of its colours"


def decode(path, values=Values.LIGHT):
    """Decode a PNG, JPEG, BMP, GIF or WebP: its pixels (H, W, C), upright, and whether they are colours.

    Alpha that is kept is the last channel. Raises `UserError` for an animation and for colours that are not RGB; a decoder may
    raise anything.
    """
    with Image.open(path, formats=PILLOW) as image:
        # An MPO is a JPEG with a second view of the same scene; the first is the photograph.
        if getattr(image, "n_frames", 1) > 1 and image.format != "MPO":
            raise UserError(f"{path}: an animation of {image.n_frames} frames; save the frames as images, or as pages of a TIFF")
        orientation = image.getexif().get(ORIENTATION, 1)
        if image.format == "PNG" and _png_depth(path) == 16:
            pixels = imagecodecs.png_decode(Path(path).read_bytes())  # Pillow reduces 16-bit colours to 8 bit
        elif values is Values.INDICES and image.mode == "P":
            pixels = np.asarray(image)
        elif values is not Values.LIGHT and image.has_transparency_data:
            pixels = np.asarray(image.convert("RGBA"))
        elif image.mode in ("P", "PA"):
            pixels = np.asarray(image.convert("RGB"))
        elif image.mode in ("CMYK", "YCbCr", "LAB", "HSV"):
            raise UserError(f"{path}: expected grey or RGB, received {image.mode}; save it as RGB")
        else:
            pixels = np.asarray(image)
    pixels = pixels[..., None] if pixels.ndim == 2 else pixels
    samples = 1 if pixels.shape[-1] <= 2 else 3  # in these formats, a second or fourth one is alpha
    return upright(pixels[..., :samples] if values is Values.LIGHT else pixels, orientation), samples == 3


def is_image(path):
    """Whether a path is taken for an image or a volume, by its suffix or as an OME-Zarr folder."""
    return path.name.lower().endswith(SUFFIXES) or is_ome_zarr(path)


def is_volume(path):
    """Whether a path is an OME-Zarr folder, or a file with one of the suffixes `ITK` and `HDF5`."""
    return is_ome_zarr(path) or (path.is_file() and path.name.lower().endswith((*ITK, *HDF5)))


def is_ome_zarr(path):
    """Whether a path is an OME-Zarr folder, by its suffix or by what lies in it."""
    return path.suffix == OME_ZARR or any((path / mark).exists() for mark in ("zarr.json", ".zattrs", ".zgroup"))


def stem(path):
    """Name of a file without suffix; of ``a.ome.tif`` and of ``a.nii.gz`` it is ``a``."""
    return re.sub(r"\.(ome|nii)$", "", path.stem, flags=re.IGNORECASE)


def is_tiff(path):
    """Whether a path is a TIFF, by its first bytes."""
    return first_bytes(path, 4) in TIFF_MARKS


def first_bytes(path, count):
    """The first bytes of a file; none of a folder, as OME-Zarr is one."""
    if Path(path).is_dir():
        return b""
    with open(path, "rb") as file:
        return file.read(count)


def upright(pixels, orientation):
    """Turn and flip pixels (H, W, ...) as the orientation of TIFF or EXIF says, 1 to 8, which cameras store beside the pixels."""
    if orientation in TURNED:
        pixels = pixels.swapaxes(0, 1)
    if orientation in (3, 4, 7, 8):
        pixels = pixels[::-1]
    return pixels[:, ::-1] if orientation in (2, 3, 6, 7) else pixels


def numbers(pixels, path):
    """Bring decoded pixels to one of `TYPES`, in the byte order of this computer; float16 becomes float32.

    Raises `UserError`, which names `path`, for any other type.
    """
    kind = pixels.dtype.newbyteorder("=")
    kind = np.dtype(np.float32) if kind == np.float16 else kind
    if kind not in TYPES:
        raise UserError(f"{path}: expected integers of at most 32 bit or floats, received {kind}; save it as one of them")
    return pixels.astype(kind, copy=False)


@contextmanager
def decoding(path):
    """Turn what a decoder raises on damaged bytes into one line."""
    try:
        if Path(path).is_file() and not Path(path).stat().st_size:
            raise UserError(f"{path}: the file is empty")
        yield
    except UserError:
        raise
    except UnidentifiedImageError as error:
        raise UserError(f"{path}: cannot be read as an image: its content is neither {', '.join(PILLOW)} nor TIFF") from error
    except Exception as error:  # OSError, struct.error, zlib.error, TiffFileError, MemoryError for a forged header, ...
        reason = getattr(error, "strerror", None) or in_one_line(error)
        raise UserError(f"{path}: cannot be read as an image: {reason}") from error


def read_mask(path):
    """Read a mask of ``data/raw``, shape (H, W): bool, or uint8 class numbers with 255 for pixels that are ignored.

    `pipeline.images.masks` reads those of other people.
    """
    page = _only_page(path)[..., 0]
    if page.dtype not in (bool, np.uint8):
        raise UserError(f"{path}: expected a mask of 1 or 8 bit, received {page.dtype}")
    return page


def read_instances(path):
    """Read the object numbers of an image of ``data/raw``, shape (H, W), uint32, 0 for the background."""
    return tifffile.imread(path)


def write_instances(path, objects):
    """Write object numbers (H, W), 0 for the background, as a TIFF of 32 bit."""
    tifffile.imwrite(path, objects.astype(np.uint32, copy=False), compression="zlib", metadata=None, photometric="minisblack")


def write_image(path, pixels):
    """Write an image (H, W) or (H, W, C) without loss, as PNG or TIFF; return the path with its suffix.

    PNG holds uint8 in grey or RGB and uint16 in grey; TIFF holds every type of `TYPES` and any number of channels.
    """
    pixels = pixels[..., None] if pixels.ndim == 2 else pixels
    kind = pixels.dtype, pixels.shape[-1]
    if kind in ((np.uint8, 1), (np.uint8, 3), (np.uint16, 1)):
        path = Path(f"{path}.png")
        write_png(path, pixels)
        return path
    path, colour = Path(f"{path}.tif"), kind in ((np.uint16, 3), (np.uint32, 3))
    pixels = pixels[..., 0] if pixels.shape[-1] == 1 else pixels
    layout = {"photometric": "rgb" if colour else "minisblack"} | ({"planarconfig": "contig"} if pixels.ndim == 3 else {})
    tifffile.imwrite(path, pixels, compression="zlib", metadata=None, **layout)
    return path


def write_png(path, pixels):
    """Write bool (as 1 bit), uint8 or uint16 pixels of shape (H, W), (H, W, 1) or (H, W, 3) as PNG."""
    pixels = np.asarray(pixels)
    if pixels.ndim == 3 and pixels.shape[-1] == 1:
        pixels = pixels[..., 0]
    Image.fromarray(pixels).save(path, compress_level=1)  # several times faster than the default, 10 % larger


def _only_page(path):
    with decoding(path):
        if not is_tiff(path):
            return numbers(decode(path)[0], path)
        with tifffile.TiffFile(path) as file:
            if len(file.pages) > 1:
                raise UserError(f"{path}: expected one image, received {len(file.pages)} pages")
            pixels = file.pages[0].asarray()
        return numbers(pixels if pixels.ndim == 3 else pixels[..., None], path)


def _png_depth(path):
    with open(path, "rb") as file:
        return file.read(25)[24]
