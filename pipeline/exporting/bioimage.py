"""A package of the BioImage Model Zoo: ONNX weights, what goes in and comes out, test tensors, and where it all is from."""

import json
import re
import zipfile

import numpy as np
from bioimageio.core import save_bioimageio_package, test_model
from bioimageio.spec import ValidationContext
from bioimageio.spec.model import v0_5 as spec
from PIL import Image

from pipeline.errors import UserError
from pipeline.exporting import onnx
from pipeline.exporting.citation import publications, spdx
from pipeline.exporting.documentation import document, title
from pipeline.exporting.specimen import cover, specimen
from pipeline.inference.model import alignment

WEIGHTS = "weights.onnx"
# In cells of the coarsest features, of 16 pixels after four poolings. The two convolutions a level of a U-Net see six cells far:
# so much of each border of a tile lacks surroundings, and is not to be used.
HALO, SIZE = 6, 16
TAGS = {
    "mitochondria": ["electron-microscopy", "mitochondria"],
    "polyps": ["other", "endoscopy", "polyp"],
    "tissue": ["transmission-light-microscopy", "tissue", "histology"],
}


def write(network, card, path):
    """Write a package and have the Zoo's own validator run it.

    Parameters are those of `pipeline.exporting.onnx.write`; `path` becomes a zip.

    Raises
    ------
    UserError
        If the validator does not pass it.
    """
    folder = path.with_name("package")
    folder.mkdir()
    onnx.write(network, card, folder / WEIGHTS)
    cell = alignment(network)
    size = network.input_shape[1:3] if None not in network.input_shape[1:3] else card["resize"] or (SIZE * cell, SIZE * cell)
    image = specimen(card["name"], tuple(size), card["channels"], resize=card["resize"] is not None)
    probability = np.asarray(network(image[None] * np.float32(1 / 255), training=False))
    np.save(folder / "input.npy", image[None])
    np.save(folder / "output.npy", probability)
    pixels = probability[0, ..., 0] if card["task"] == "segmentation" else None
    Image.fromarray(cover(image, pixels)).save(folder / "cover.png")
    (folder / "README.md").write_text(document(card), encoding="utf-8")
    # Everything that it names is a file in the folder or a DOI, so that no check asks the network.
    with ValidationContext(root=folder, progressbar=False):
        save_bioimageio_package(_describe(card, tuple(size), cell, folder), output_path=path)
    summary = test_model(path)
    if summary.status != "passed":
        first = next((error.msg.splitlines()[0] for detail in summary.details for error in detail.errors), summary.status)
        raise UserError(f"{path.name}: expected a package that the validator passes, received: {first}; nothing was written")


def read(path):
    """Load the weights in a package as a function of images (N, H, W, C), float32 in [0, 1]."""
    with zipfile.ZipFile(path) as package:
        return onnx.read(package.read(WEIGHTS))


def _describe(card, size, cell, folder):
    """The description of a model in the current format, for `bioimageio.spec`."""
    licence = spdx(card.get("licence") or "")
    segmentation = card["task"] == "segmentation"
    return spec.ModelDescr(
        name=re.sub(r"[^\w+() -]", " ", f"{title(card)} for {card['name']}", flags=re.ASCII),
        description=f"{title(card)}, {card['kind']} of {card['name']}: {', '.join(card['classes'])}.",
        authors=[spec.Author(name="unknown")],
        cite=[spec.CiteEntry(text=text, doi=spec.Doi(doi)) for text, doi in publications(card)],
        license=spec.LicenseId(licence) if _is_spdx(licence) else None,
        tags=[
            "2d",
            "tensorflow",
            "semantic-segmentation" if segmentation else "image-classification",
            *(["unet"] if segmentation else []),
            *TAGS.get(card["name"], []),
        ],
        documentation=spec.FileDescr(source=folder / "README.md"),
        covers=[spec.FileDescr(source=folder / "cover.png")],
        inputs=[_input(card, size, cell, folder)],
        outputs=[_output(card, cell, folder)],
        weights=spec.WeightsDescr(onnx=spec.OnnxWeightsDescr(source=folder / WEIGHTS, opset_version=onnx.OPSET)),
        config=spec.Config(biomedical_image_pipeline={"card": json.dumps(card)}),
    )


def _input(card, size, cell, folder):
    tiled = card["task"] == "segmentation" and card["resize"] is None
    sides = [spec.ParameterizedSize(min=SIZE * cell, step=cell) if tiled else side for side in size]
    single = spec.EnsureDtypeDescr(kwargs=spec.EnsureDtypeKwargs(dtype="float32"))
    names = ["grey"] if card["channels"] == 1 else ["red", "green", "blue"]
    return spec.InputTensorDescr(
        id=spec.TensorId("image"),
        axes=[
            spec.BatchAxis(),
            *(
                spec.SpaceInputAxis(id=spec.AxisId(axis), size=side, concatenable=tiled, **_spacing(card, number))
                for number, (axis, side) in enumerate(zip("yx", sides, strict=True))
            ),
            spec.ChannelAxis(channel_names=names),
        ],
        data=spec.IntervalOrRatioDataDescr(type="uint8", range=(0, 255)),
        # The last step too: without it, what is scaled would be turned into 8 bit again.
        preprocessing=[single, spec.ScaleLinearDescr(kwargs=spec.ScaleLinearKwargs(gain=1 / 255)), single],
        test_tensor=spec.FileDescr(source=folder / "input.npy"),
    )


def _output(card, cell, folder):
    if card["task"] == "classification":
        axes = [spec.BatchAxis(), spec.ChannelAxis(channel_names=card["classes"])]
    else:
        tiled = card["resize"] is None
        kind, halo = (spec.SpaceOutputAxisWithHalo, {"halo": HALO * cell}) if tiled else (spec.SpaceOutputAxis, {})
        space = [
            kind(
                id=spec.AxisId(axis),
                size=spec.SizeReference(tensor_id=spec.TensorId("image"), axis_id=spec.AxisId(axis)),
                **halo,
                **_spacing(card, number),
            )
            for number, axis in enumerate("yx")
        ]
        axes = [spec.BatchAxis(), *space, spec.ChannelAxis(channel_names=card["classes"][1:])]
    return spec.OutputTensorDescr(
        id=spec.TensorId("probability"),
        axes=axes,
        data=spec.IntervalOrRatioDataDescr(type="float32", range=(0, 1)),
        test_tensor=spec.FileDescr(source=folder / "output.npy"),
    )


def _spacing(card, axis):
    """Pixel size of the network's input along rows (0) or columns (1); unknown once images are resized."""
    if card.get("pixel_size_nm") is None or card["resize"] is not None:
        return {}
    return {"unit": "nanometer", "scale": card["pixel_size_nm"][axis]}


def _is_spdx(licence):
    try:
        spec.LicenseId(licence)
    except ValueError:
        return False
    return True
