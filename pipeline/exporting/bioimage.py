"""A package of the BioImage Model Zoo: ONNX weights, what goes in and comes out, test tensors, and their origin."""

import json
import re
import tempfile
import zipfile
from pathlib import Path

import numpy as np
from bioimageio.core import save_bioimageio_package, test_model
from bioimageio.spec import ValidationContext
from bioimageio.spec.model import v0_5 as spec
from PIL import Image

from pipeline.errors import UserError
from pipeline.exporting import onnx
from pipeline.exporting.documentation import document, publications
from pipeline.images.intensity import BY_IMAGE, PERCENTILES, scaled
from pipeline.images.resize import gives_one_shape, resize_image
from pipeline.images.sections import channels_seen, context_of, join, nearest, ranges_seen, sections_seen
from pipeline.images.sheet import displayable
from pipeline.images.stack import described

WEIGHTS = "weights.onnx"
CHANNELS = {"grey": ["grey"], "RGB": ["red", "green", "blue"]}
# In cells of the coarsest features, of 16 pixels after four poolings. The two convolutions a level of a U-Net see six cells far:
# so much of each border of a tile lacks surroundings and is not to be used. The test image has 16 cells a side.
HALO, SIZE = 6, 16


def write(network, model, task, path):
    """Write a package (a zip) and have the Zoo's own validator run it; raise `UserError` if it rejects the package."""
    card = model.card
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        onnx.write(network, model, task, folder / WEIGHTS)
        # Only networks for images of any size take tiles of any size.
        cell = model.align if task.PER_PIXEL and not gives_one_shape(card["resize"]) else None
        image = _example(card, task, (SIZE * cell, SIZE * cell) if cell else tuple(card["resize"]))
        pairs = [(0, 255)] if card["intensity_range"] == BY_IMAGE else ranges_seen(card)
        low, high = np.asarray(pairs, np.float32).T
        measured = low + image / np.float32(255) * (high - low)  # with the intensities of the training images
        sections = np.split(measured, sections_seen(card), axis=-1)
        seen = join([scaled(section, card["intensity_range"]) for section in sections], path)
        probability = np.asarray(network(seen[None], training=False))
        np.save(folder / "input.npy", measured[None])
        np.save(folder / "output.npy", probability)
        cover = _cover(nearest(image, context_of(card), 0), probability[0] if task.PER_PIXEL else None)
        Image.fromarray(cover).save(folder / "cover.png")
        (folder / "README.md").write_text(document(card, task.describe(card)), encoding="utf-8")
        # It names files of the folder and DOIs only, so that no check needs the network.
        with ValidationContext(root=folder, progressbar=False):
            save_bioimageio_package(spec.ModelDescr(**_description(card, task, image.shape[:2], cell, folder)), output_path=path)
    summary = test_model(path)
    if summary.status != "passed":
        first = next((error.msg.splitlines()[0] for detail in summary.details for error in detail.errors), summary.status)
        raise UserError(f"the validator of the BioImage Model Zoo rejects the package: {first}; nothing was written")


def read(path):
    """Load the weights in a package as a function of images (N, H, W, C), float32 in [0, 1]."""
    with zipfile.ZipFile(path) as package:
        return onnx.read(package.read(WEIGHTS))


def _example(card, task, size):
    """A generated image (*size, C), uint8, for the test and the cover: it shows no patient and needs no licence."""
    image = task.example(card["channels"], sections_seen(card))
    if not gives_one_shape(card["resize"]):
        missing = [(0, max(0, wanted - found)) for wanted, found in zip(size, image.shape, strict=False)]
        return np.pad(image, [*missing, (0, 0)], mode="symmetric")[: size[0], : size[1]]
    return np.round(resize_image(image / np.float32(255), size) * 255).astype(np.uint8)


def _scaling(card):
    """The package's preprocessing step that corresponds to `pipeline.images.intensity.scaled`, without the clipping."""
    if card["intensity_range"] == BY_IMAGE:
        if card["channels"] == 3 and context_of(card):
            raise UserError(
                "bioimage: this format cannot give each colour section its own intensity range; choose another format"
            )
        axes = ["channel", "y", "x"] if card["channels"] == 3 else ["y", "x"]  # as `robust_range`
        limits = dict(zip(("min_percentile", "max_percentile"), PERCENTILES, strict=True))
        return {"id": "scale_range", "kwargs": {"axes": axes, **limits}}
    gain = [1 / (high - low) for low, high in ranges_seen(card)]
    offset = [-low * factor for (low, _), factor in zip(ranges_seen(card), gain, strict=True)]
    return {"id": "scale_linear", "kwargs": {"axis": "channel", "gain": gain, "offset": offset}}


def _cover(image, probability):
    """A square picture, RGB uint8; with the probability of each pixel (H, W, C), that of foreground is beside it."""
    side, parts = min(image.shape[:2]), [image]
    if probability is not None:  # of several channels, the first is the background
        foreground = probability if probability.shape[-1] == 1 else 1 - probability[..., :1]
        parts.append(np.round(foreground * 255).astype(np.uint8))
    return np.concatenate([displayable(part[:side, :side]) for part in parts], axis=1)


def _description(card, task, size, cell, folder):
    """The content of the package's ``rdf.yaml``."""
    numbered = [f"channel {number + 1}" for number in range(channels_seen(card))]
    named = CHANNELS.get(described(card["channels"], card.get("colour"))) if not context_of(card) else None
    single = {"id": "ensure_dtype", "kwargs": {"dtype": "float32"}}
    image = {
        "id": "image",
        "axes": _axes(card, named or numbered),
        "data": {"type": "float32"},
        "preprocessing": [single, _scaling(card), {"id": "clip", "kwargs": {"min": 0, "max": 1}}],
        "test_tensor": {"source": folder / "input.npy"},
    }
    probability = {
        "id": "probability",
        "axes": _axes(card, task.channels(card), task.PER_PIXEL),
        "data": {"type": "float32", "range": (0, 1)},
        "test_tensor": {"source": folder / "output.npy"},
    }
    for axis, side in zip(image["axes"][1:3], size, strict=True):
        axis |= {"size": {"min": SIZE * cell, "step": cell} if cell else side, "concatenable": bool(cell)}
    for axis in probability["axes"][1:-1]:
        axis |= {"size": {"tensor_id": "image", "axis_id": axis["id"]}} | ({"halo": HALO * cell} if cell else {})
    return {
        "name": re.sub(r"[^\w+() -]", " ", f"{card['title']} for {card['name']}", flags=re.ASCII),
        "description": f"{card['title']}, {card['task']} of {card['name']}: {', '.join(card['classes'])}.",
        "authors": [{"name": "unknown"}],
        "cite": [{"text": text, "doi": doi} for text, doi in publications(card)],
        "license": _spdx(card.get("licence") or ""),
        "tags": ["2d", "tensorflow", task.TAG, card["network"], card["name"]],
        "documentation": {"source": folder / "README.md"},
        "covers": [{"source": folder / "cover.png"}],
        "inputs": [image],
        "outputs": [probability],
        "weights": {"onnx": {"source": folder / WEIGHTS, "opset_version": onnx.OPSET}},
        "config": {"biomedical_image_pipeline": {"card": json.dumps(card)}},
    }


def _axes(card, channels, per_pixel=True):
    """Batch, rows and columns with the size of pixels unless all images get one shape, and channels."""
    space = [{"type": "space", "id": name} for name in ("yx" if per_pixel else "")]
    if card.get("pixel_size_nm") is not None and not gives_one_shape(card["resize"]):
        for axis, scale in zip(space, card["pixel_size_nm"], strict=False):
            axis |= {"unit": "nanometer", "scale": scale / (card["resize"] or 1)}
    return [{"type": "batch"}, *space, {"type": "channel", "channel_names": channels}]


def _spdx(licence):
    """The identifier that SPDX gives a licence, such as CC-BY-4.0 for "CC BY 4.0"; None for others."""
    if re.fullmatch(r"CC BY[A-Z-]* \d\.\d", licence):
        licence = licence.replace(" ", "-")
    try:
        return spec.LicenseId(licence)
    except ValueError:
        return None
