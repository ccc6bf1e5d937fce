"""The pictures of the page, embedded: test images with what the networks made of them as small layers above."""

import base64
import io
import re

import numpy as np
from PIL import Image

from pipeline import paths
from pipeline.images.colours import PALETTE
from pipeline.images.figures import errors

TRUE_POSITIVE, FALSE_POSITIVE, FALSE_NEGATIVE = 1, 2, 3  # in the palette images of errors; 0 is correct background
STRENGTH = 166  # alpha of the errors, of 255: the structure below stays visible
TITLES = {"gradcam": "Grad-CAM"}  # of layers that are not called like their files
SHEETS = {"mistakes": "The most confident mistakes", "gradcam": "Grad-CAM of the worst, the median and the best images"}
PANEL_WIDTH, TILE_WIDTH = 1152, 360  # pixels, at most: as wide as the page shows them
HIGHEST = 16383  # pixels; WebP holds no more
QUALITY = 80  # of WebP: no loss that the eye sees, a quarter of the PNG's size
TILES = 6  # pictures at the top of a data set: one row on a wide screen


def gallery(dataset, frame, captions):
    """Collect the test images that have a picture, in the order of the test set.

    Parameters
    ----------
    dataset : pipeline.reporting.read.Dataset
    frame, captions : DataFrame
        As the task's ``images`` and ``captions`` give them.

    Returns
    -------
    list of dict
        ``id``, ``name``, ``caption``, ``source``, ``width``, ``height`` and ``layers``: dicts of ``view``, ``kind``, ``title``,
        ``source``.
    """
    pictures = []
    for name, stem in frame[frame["picture"] != ""].sort_index()[["image", "picture"]].itertuples(index=False):
        path = _files(dataset, stem, "image.webp")[0][1]
        words = [f"{title}: {text}" for title, text in captions.loc[name].items() if title != "image"]
        truth = captions.loc[name, "image"]
        with Image.open(path) as picture:
            width, height = picture.size
        pictures.append(
            {
                **{"id": picture_id(dataset, stem), "name": name, "width": width, "height": height},
                "caption": "; ".join(words if truth == name else [truth, *words]),
                "source": data_uri(path.read_bytes(), "image/webp"),
                "layers": _layers(dataset, stem),
            }
        )
    return pictures


def views(dataset, pictures):
    """List the ways to show the pictures, as (view, title)."""
    found = {layer["view"]: layer for picture in pictures for layer in picture["layers"]}
    titles = {f"-{number}": network.title for number, network in enumerate(dataset.networks)}
    ways = {view: layer["title"] for view, layer in found.items()}
    for view in ways:
        end = re.search(r"-\d+$", view)
        ways[view] += f", {titles[end[0]]}" if end else ""
    return [("image", "image"), *ways.items()]


def strip(dataset, frame, captions):
    """Show typical test images: each image, its mask, and what each network made of it.

    Returns
    -------
    list of dict
        ``source``, ``title`` and ``text`` of each tile.
    """
    shown = frame["picture"].map(lambda stem: bool(stem) * (len(_files(dataset, stem, "errors.png")) + len(_files(dataset, stem, "gradcam.webp"))))
    pictured = frame[(shown == shown.max()) & (shown > 0)]  # by as many networks as possible
    count = min(max(1, TILES // (2 + len(dataset.networks))), len(pictured))
    places = ((np.arange(count) + 0.5) * len(pictured) / max(count, 1)).astype(int)  # the middle of equal parts: one is the median
    tiles = []
    for name, stem in pictured.iloc[places][["image", "picture"]].itertuples(index=False):
        image = np.asarray(Image.open(_files(dataset, stem, "image.webp")[0][1]).convert("RGB"))
        tiles.append(_tile(Image.fromarray(image), "image", captions.loc[name, "image"]))
        for number, (network, path) in enumerate(_files(dataset, stem, "errors.png")):
            kinds = np.asarray(Image.open(path))
            mask, prediction = _masks(kinds)
            tiles += [] if number else [_tile(Image.fromarray(mask), "mask", "")]
            tiles.append(_tile(Image.fromarray(errors(image, mask, prediction)), network.title, captions.loc[name, network.title]))
        for network, path in _files(dataset, stem, "gradcam.webp"):
            tiles.append(_tile(Image.open(path), f"Grad-CAM, {network.title}", captions.loc[name, network.title]))
    return tiles


def panels(dataset, network, frame):
    """Embed the panels of one network, the worst image first: dicts of ``source``, ``caption`` and ``id`` of the image."""
    images = {re.sub(r"[^\w.-]", "_", row.image): row for row in frame.itertuples()}
    order, found = list(images), []
    for path in paths.panels(dataset.name).glob(f"{network.name}-*.png"):
        title = path.stem.removeprefix(f"{network.name}-")
        name = title if title in images else title.removeprefix("attention-")
        row = images.get(name)
        caption = SHEETS.get(title, title) if row is None else row.image + (", attention" if name != title else "")
        linked = picture_id(dataset, row.picture) if row is not None and row.picture and name == title else ""
        place = order.index(name) if row is not None else len(order)
        found.append((place, title != name, title, {"source": photograph(path), "caption": caption, "id": linked}))
    return [panel for *_, panel in sorted(found, key=lambda entry: entry[:3])]


def picture_id(dataset, stem):
    """Name the place of a picture in the page."""
    return f"{dataset.name}-{stem}"


def photograph(path):
    """Embed a picture as WebP; as PNG, a dozen panels of noisy micrographs would make a page of many megabytes."""
    with Image.open(path) as picture:
        return _webp(picture, PANEL_WIDTH)


def data_uri(content, mime):
    """Embed a file."""
    return f"data:{mime};base64,{base64.b64encode(content).decode()}"


def _files(dataset, stem, kind):
    """The files of one kind of an image, of those networks that have one: a list of (network, path)."""
    found = [(network, network.folder / "gallery" / f"{stem}-{kind}") for network in dataset.networks]
    return [(network, path) for network, path in found if path.exists()]


def _layers(dataset, stem):
    layers = []

    def add(kind, source, network=None):
        view = kind if network is None else f"{kind}-{dataset.networks.index(network)}"
        layers.append({"view": view, "kind": kind, "title": TITLES.get(kind, kind), "source": source})

    for number, (network, path) in enumerate(_files(dataset, stem, "errors.png")):
        kinds = np.asarray(Image.open(path))
        mask, prediction = _masks(kinds)
        if not number:  # the mask is that of the image, whatever the network
            add("mask", _png(Image.fromarray(mask)))
        add("prediction", _png(Image.fromarray(prediction)), network)
        coloured = Image.fromarray(kinds)
        coloured.putpalette(PALETTE)
        add("errors", _png(coloured, bits=2, transparency=bytes([0, STRENGTH, STRENGTH, STRENGTH])), network)
    for network, path in _files(dataset, stem, "gradcam.webp"):
        add("gradcam", data_uri(path.read_bytes(), "image/webp"), network)
    return layers


def _masks(kinds):
    """Mask and prediction, from the kinds of error."""
    return np.isin(kinds, (TRUE_POSITIVE, FALSE_NEGATIVE)), np.isin(kinds, (TRUE_POSITIVE, FALSE_POSITIVE))


def _tile(picture, title, text):
    return {"source": _webp(picture.convert("RGB"), TILE_WIDTH), "title": title, "text": text}


def _webp(picture, width):
    buffer = io.BytesIO()
    picture.thumbnail((width, HIGHEST))
    picture.save(buffer, "WEBP", quality=QUALITY, method=2)  # 4 takes twice as long for 5 % less
    return data_uri(buffer.getvalue(), "image/webp")


def _png(picture, **options):
    buffer = io.BytesIO()
    picture.save(buffer, "PNG", optimize=True, **options)
    return data_uri(buffer.getvalue(), "image/png")
