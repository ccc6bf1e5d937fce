"""Read the masks of other people's files: the value of each pixel, and what the values mean by one rule for all files."""

from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np

from pipeline.errors import UserError
from pipeline.images.io import IGNORED, Values, bits_as_grey, decoding, first_bytes, is_volume
from pipeline.images.stack import opened

TWO_CLASSES = ({0, 1}, {0, 255}, {0, 65535})  # values that need no explanation
MOST = 2**32 - 1  # objects of a label image
JPEG = b"\xff\xd8"  # first bytes


class Mask(NamedTuple):
    """One page of a mask: (H, W), bool or uint8 class numbers, and (H, W), uint32 object numbers or None."""

    classes: np.ndarray
    instances: np.ndarray | None


@dataclass(frozen=True)
class MaskRule:
    """What the values of masks mean. At most one of the first four is set; without any, masks hold {0, 1} or {0, 255}.

    Attributes
    ----------
    threshold : int, optional
        Foreground is above it.
    labels : tuple of int
        Foreground is equal to one of them.
    classes : tuple of tuple of int
        The values of each class, in the order of the class numbers.
    instances : bool
        Each value above 0 is an object.
    ignore : tuple of int
        Values of pixels that neither train nor score.
    key : str
        The data set in ``params.yaml``, named in errors.
    """

    threshold: int | None = None
    labels: tuple = ()
    classes: tuple = ()
    instances: bool = False
    ignore: tuple = ()
    key: str = "datasets.<name>"

    def read(self, path):
        """Read a mask file.

        Parameters
        ----------
        path : path-like
            PNG, JPEG, BMP, GIF, WebP or TIFF, chosen by content, or a volume.

        Returns
        -------
        list of Mask
            One for each page. `Mask.classes` is bool for two classes without `ignore`, else uint8, 255 where ignored.

        Raises
        ------
        UserError
            If the file is damaged, or a value has no meaning.
        """
        values = mask_values(path, indexed=bool(self.labels or self.classes or self.instances), exact=self.threshold is None)
        return [self._meaning(page, path) for page in values]

    def read_page(self, path):
        """Read a mask file of one page, and return its `Mask.classes`."""
        masks = self.read(path)
        if len(masks) != 1:
            raise UserError(f"{path}: expected one mask, received {len(masks)} pages")
        return masks[0].classes

    def _meaning(self, values, path):
        ignored, objects = np.isin(values, self.ignore), None
        if self.classes:
            numbers = self._class_numbers(values, ignored, path)
            return Mask(numbers if self.ignore or len(self.classes) > 2 else numbers == 1, None)
        if self.threshold is not None:
            foreground = values > self.threshold
        elif self.labels:
            foreground = np.isin(values, self.labels)
        elif self.instances:
            objects = _objects(np.where(ignored, 0, values), path)
            foreground = objects > 0
        else:
            foreground = self._two_values(values, ignored, path)
        return Mask(np.where(ignored, np.uint8(IGNORED), foreground) if self.ignore else foreground, objects)

    def _class_numbers(self, values, ignored, path):
        known, numbers = ignored.copy(), np.full(values.shape, IGNORED, np.uint8)
        for number, meant in enumerate(self.classes):
            here = np.isin(values, meant)
            numbers[here] = number
            known |= here
        if not known.all():
            raise UserError(
                f"{path}: no class in {self.key}.classes has the values {_shown(values[~known])}; "
                f"add them to a class or to {self.key}.folder.ignore"
            )
        return numbers

    def _two_values(self, values, ignored, path):
        found = np.unique(values[~ignored])
        if not are_two_classes(found, is_jpeg(path)):
            raise UserError(
                f"{path}: expected mask values {{0, 1}} or {{0, 255}}, received {_shown(found)}; "
                f"set {self.key}.folder.mask_threshold (grey levels), {self.key}.classes (a value for each class) "
                f"or {self.key}.folder.instances (a value for each object)"
            )
        return values > 0


def is_jpeg(path):
    """Whether a path is a JPEG, by its first bytes."""
    return first_bytes(path, 2) == JPEG


def are_two_classes(found, jpeg):
    """Whether the values that were found are all of background and foreground; JPEG compression turns some zeros into ones."""
    return any(set(found.tolist()) <= values for values in (TWO_CLASSES[1:] if jpeg else TWO_CLASSES))


def mask_values(path, indexed=False, exact=True):
    """Read the value of each pixel of a mask file.

    Parameters
    ----------
    path : path-like
    indexed : bool
        Read a palette by the numbers of its colours, not by the grey that it shows.
    exact : bool
        Refuse colours that are different and equally bright.

    Returns
    -------
    list of ndarray, shape (H, W), integers
        One for each page. Black and white of 1 bit are 0 and 255; a colour has the value of its brightest channel; transparent
        pixels are black.

    Raises
    ------
    UserError
        If the file is damaged or no image, or if its numbers are not whole.
    """
    path = Path(path)
    with opened(path, values=Values.INDICES if indexed else Values.LABELS) as stack, decoding(path):
        if is_volume(path) and stack.channels > 1:
            raise UserError(f"{path}: expected one value for each pixel, received {stack.channels} channels")
        return [_integers(_brightest(page, path, exact), path) for page in stack.all_stored()]


def _brightest(pixels, path, exact):
    """Reduce pixels (H, W, C), C with alpha if it is even, to one channel."""
    if pixels.shape[-1] == 1:
        return pixels[..., 0]
    if pixels.shape[-1] in (2, 4):
        full = 1 if pixels.dtype.kind == "f" else np.iinfo(pixels.dtype).max
        opacity = pixels[..., -1:] / full
        pixels = pixels[..., :-1] * opacity
        pixels = pixels if full == 1 else np.rint(pixels).astype(np.int64)
    brightest = pixels.max(axis=-1)
    if exact and (pixels != pixels[..., :1]).any():
        flat = pixels.reshape(-1, pixels.shape[-1])
        _, first, inverse = np.unique(brightest, return_index=True, return_inverse=True)
        clash = (flat != flat[first[inverse.ravel()]]).any(axis=-1)
        if clash.any():
            other = clash.argmax()
            alike = " and ".join(str(tuple(flat[n].tolist())) for n in (first[inverse.flat[other]], other))
            raise UserError(
                f"{path}: the colours {alike} are equally bright; save the mask with a palette or a grey for each class, "
                "or set folder.mask_threshold if brightness alone separates the foreground"
            )
    return brightest


def _integers(values, path):
    if 0 in values.shape:
        raise UserError(f"{path}: the image has no pixels")
    values = bits_as_grey(values)
    if values.dtype.kind == "f":
        with np.errstate(invalid="ignore"):
            broken = values[~((values == np.rint(values)) & (np.abs(values) < 2**53))]
        if broken.size:
            raise UserError(f"{path}: expected whole numbers, received {broken[0]}; save the mask as integers")
        return values.astype(np.int64)
    if values.dtype.kind not in "iu" or (values.dtype.itemsize == 8 and (values > np.iinfo(np.int64).max).any()):
        raise UserError(f"{path}: expected integers below 2 ** 63, received {values.dtype}; save the mask as 8, 16 or 32 bit")
    return values.astype(np.int64 if values.dtype.itemsize == 8 else values.dtype.newbyteorder("="), copy=False)


def _objects(labels, path):
    if labels.min() < 0:
        raise UserError(f"{path}: expected objects of values above 0, received {labels.min()}")
    if labels.max() > MOST:
        found, labels = np.unique(labels, return_inverse=True)
        labels += found[0] > 0
    return labels.astype(np.uint32)


def _shown(values):
    found = np.unique(values)
    return "{" + ", ".join(map(str, found[:8].tolist())) + (", ..." if len(found) > 8 else "") + "}"
