"""The pictures of the page, embedded: test images with what the networks made of them as small layers above."""

import base64
import io

import numpy as np
from PIL import Image

from pipeline import paths
from pipeline.images.overlay import errors

MADE = {"prediction": "png", "errors": "png", "gradcam": "webp"}  # of an image by a network, with the suffixes of the files
TITLES = {"gradcam": "Grad-CAM"}  # of layers that are not called like their files
SHEETS = {
    "mistakes": "The most confident mistakes",
    "gradcam": "Grad-CAM of the worst, the median and the best images",
    "volume": "A volume, cut across its sections",
}
PANEL_WIDTH, TILE_WIDTH = 1152, 360  # pixels, at most: as wide as the page shows them
HIGHEST = 16383  # pixels; WebP holds no more
QUALITY = 80  # of WebP: no loss that the eye sees, a quarter of the PNG's size
TILES = 6  # pictures at the top of a data set: one row on a wide screen


def gallery(dataset, frame, captions):
    """Collect the test images that have a picture, in the order of the test set; `frame` and `captions` are the task's."""
    pictures = []
    for name, stem in frame[frame["picture"] != ""].sort_index()[["image", "picture"]].itertuples(index=False):
        path, (truth, *answers) = _image(dataset, stem), captions.loc[name]
        words = [] if truth == name else [truth]
        words += [f"{network.title}: {answer}" for network, answer in zip(dataset.networks, answers, strict=True)]
        with Image.open(path) as picture:
            width, height = picture.size
        pictures.append(
            {
                **{"id": picture_id(dataset, stem), "name": name, "width": width, "height": height},
                **{"caption": "; ".join(words), "layers": _layers(dataset, stem)},
                "source": data_uri(path.read_bytes(), "image/webp"),
            }
        )
    return pictures


def views(pictures):
    """List the ways to show the pictures, as (view, title)."""
    layers = {layer["view"]: layer["label"] for picture in pictures for layer in picture["layers"]}
    return [("image", "image"), *layers.items()]


def strip(dataset, frame, captions):
    """Show typical test images, with what each network made of them: a list of dicts of ``source``, ``title``, ``text``."""
    files = frame["picture"].map(lambda stem: len(_files(dataset, stem, "*")) if stem else 0)
    pictured = frame[(files == files.max()) & (files > 0)]  # by as many networks as possible
    count = min(max(1, TILES // (2 + len(dataset.networks))), len(pictured))
    tiles = []
    for part in range(count):  # the middle of equal parts: of one part, the median image
        name, stem = pictured.iloc[int((part + 0.5) * len(pictured) / count)][["image", "picture"]]
        image = Image.open(_image(dataset, stem)).convert("RGB")
        tiles.append({"source": _webp(image, TILE_WIDTH), "title": "image", "text": captions.loc[name, "image"]})
        for kind, network, path in _made(dataset, stem):
            if kind == "prediction":  # the errors show it, too
                continue
            picture, text = Image.open(path), captions.loc[name, network.title] if network else ""
            title = f"Grad-CAM, {network.title}" if kind == "gradcam" else network.title if network else kind
            if kind == "errors":
                picture = Image.fromarray(errors(np.asarray(image), np.asarray(picture)))
            tiles.append({"source": _webp(picture.convert("RGB"), TILE_WIDTH), "title": title, "text": text})
    return tiles


def panels(dataset, network, frame):
    """Embed the panels of one network in the order of the table of images: dicts of ``source``, ``caption``, ``id``."""
    images = {paths.of_image(row.image): row for row in frame.itertuples()}
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
    return f"{dataset.name}-{stem}"


def photograph(path):
    """Embed a picture as WebP; as PNG, a dozen panels of noisy micrographs would make a page of many megabytes."""
    with Image.open(path) as picture:
        return _webp(picture, PANEL_WIDTH)


def data_uri(content, mime):
    return f"data:{mime};base64,{base64.b64encode(content).decode()}"


def _files(dataset, stem, kind):
    """The pictures of one kind that networks have of an image, in the order of the networks: a list of (network, path)."""
    return [(n, path) for n in dataset.networks for path in sorted((n.folder / "gallery").glob(f"{stem}-{kind}"))]


def _image(dataset, stem):
    return _files(dataset, stem, "image.webp")[0][1]


def _made(dataset, stem):
    """What the networks made of an image: (kind, network, path); the mask is that of the image, of no network."""
    yield from (("mask", None, path) for _, path in _files(dataset, stem, "mask.png")[:1])
    for network in dataset.networks:
        paths_of_kinds = ((kind, network.folder / f"gallery/{stem}-{kind}.{suffix}") for kind, suffix in MADE.items())
        yield from ((kind, network, path) for kind, path in paths_of_kinds if path.exists())


def _layers(dataset, stem):
    layers = []
    for kind, network, path in _made(dataset, stem):
        title, source = TITLES.get(kind, kind), data_uri(path.read_bytes(), f"image/{path.suffix[1:]}")
        view, label = (f"{kind}-{dataset.networks.index(network)}", f"{title}, {network.title}") if network else (kind, title)
        layers.append({"view": view, "kind": kind, "title": title, "label": label, "source": source})
    return layers


def _webp(picture, width):
    small = picture.copy()  # `thumbnail` works in place
    small.thumbnail((width, HIGHEST))
    buffer = io.BytesIO()
    small.save(buffer, "webp", quality=QUALITY, method=2)  # 4 takes twice as long for 5 % less
    return data_uri(buffer.getvalue(), "image/webp")
