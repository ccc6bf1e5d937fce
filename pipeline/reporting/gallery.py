"""Test images for the page: each embedded once, with what the networks made of it as small layers above it."""

import base64
import io
import re
from dataclasses import dataclass

import numpy as np
from PIL import Image

from pipeline.errors import UserError
from pipeline.images.colours import PALETTE

TRUE_POSITIVE, FALSE_POSITIVE, FALSE_NEGATIVE = 1, 2, 3  # of the palette image that evaluate writes; 0 is right background
STRENGTH = 166  # alpha of the errors, of 255: the structure below stays visible
STEM = r"[\w-]+"  # of a picture's files


@dataclass(frozen=True)
class Layer:
    """A picture that lies over the image: its kind, the number of its network (None: of all), and the picture itself."""

    kind: str
    network: int | None
    source: str

    @property
    def title(self):
        """What it is called."""
        return "Grad-CAM" if self.kind == "gradcam" else self.kind

    @property
    def view(self):
        """The name under which it is shown."""
        return self.kind if self.network is None else f"{self.kind}-{self.network}"


@dataclass(frozen=True)
class Picture:
    """One test image.

    Attributes
    ----------
    id : str
        Of its place in the page.
    name, caption : str
    width, height : int
        Pixels.
    source : str
        The image as a data URI.
    layers : list of Layer
    """

    id: str
    name: str
    caption: str
    width: int
    height: int
    source: str
    layers: list


def pictures(dataset, captions):
    """Collect the pictures of a dataset's test images, in the order of ``per_image.csv``.

    Parameters
    ----------
    dataset : pipeline.reporting.results.DatasetResult
    captions : dict of str to str
        By image.

    Returns
    -------
    list of Picture

    Raises
    ------
    UserError
        If a picture is missing, damaged, or its errors are of another size.
    """
    return [
        _picture(dataset, row["image"], row["picture"], captions.get(row["image"], ""))
        for row in dataset.networks[0].tables["per_image"].to_dict("records")
        if row["picture"]
    ]


def picture_id(dataset, stem):
    """Where in the page a picture stands."""
    return f"{dataset.info.name}-{stem}"


def views(dataset):
    """The ways in which the pictures of a dataset can be shown: a list of (view, title)."""
    if not dataset.segmentation:
        return [("image", "image"), ("gradcam-0", "Grad-CAM")]
    networks = enumerate(dataset.networks)
    of_networks = [(f"{kind}-{n}", f"{kind}, {network.title}") for n, network in networks for kind in ("prediction", "errors")]
    return [("image", "image"), ("mask", "mask"), *of_networks]


def data_uri(content, mime):
    """Embed a file."""
    return f"data:{mime};base64,{base64.b64encode(content).decode()}"


def _picture(dataset, name, stem, caption):
    if not re.fullmatch(STEM, stem):
        raise UserError(f"{dataset.networks[0].gallery}: expected pictures named by letters and digits, received {stem!r}")
    file = dataset.networks[0].gallery / f"{stem}-image.webp"
    source, (width, height) = _embedded(file)
    layers = _segmented(dataset, stem, (width, height)) if dataset.segmentation else _explained(dataset, stem)
    return Picture(picture_id(dataset, stem), name, caption, width, height, source, layers)


def _embedded(file):
    try:
        content = file.read_bytes()
        with Image.open(io.BytesIO(content)) as picture:
            picture.load()
            return data_uri(content, "image/webp"), picture.size
    except OSError as error:
        raise UserError(f"{file}: expected a picture, received: {error}") from error


def _explained(dataset, stem):
    return [
        Layer("gradcam", number, _embedded(network.gallery / f"{stem}-gradcam.webp")[0])
        for number, network in enumerate(dataset.networks)
    ]


def _segmented(dataset, stem, size):
    layers = []
    for number, network in enumerate(dataset.networks):
        file = network.gallery / f"{stem}-errors.png"
        kinds = _read_errors(file, size)
        mask = (kinds == TRUE_POSITIVE) | (kinds == FALSE_NEGATIVE)
        prediction = (kinds == TRUE_POSITIVE) | (kinds == FALSE_POSITIVE)
        if number == 0:  # the mask is that of the image, whatever network
            layers.append(Layer("mask", None, _black_and_white(mask)))
        layers += [Layer("prediction", number, _black_and_white(prediction)), Layer("errors", number, _coloured(kinds))]
    return layers


def _read_errors(file, size):
    try:
        with Image.open(file) as picture:
            kinds = np.asarray(picture)
    except OSError as error:
        raise UserError(f"{file}: expected a picture, received: {error}") from error
    if kinds.shape != size[::-1] or kinds.max(initial=0) > FALSE_NEGATIVE:
        raise UserError(
            f"{file}: expected a palette image of {size[0]} × {size[1]} with values from 0 to 3, "
            f"received shape {kinds.shape} with values up to {kinds.max(initial=0)}"
        )
    return kinds


def _black_and_white(mask):
    return _png(Image.fromarray(mask))


def _coloured(kinds):
    picture = Image.fromarray(kinds.astype(np.uint8))
    picture.putpalette(PALETTE)
    return _png(picture, bits=2, transparency=bytes([0, STRENGTH, STRENGTH, STRENGTH]))


def _png(picture, **options):
    buffer = io.BytesIO()
    picture.save(buffer, "PNG", optimize=True, **options)
    return data_uri(buffer.getvalue(), "image/png")
