"""Apply a trained model to your own images: ``python -m pipeline.predict MODEL IMAGE... --out DIR``.

A segmentation model writes, for each image, ``<stem>_mask.png`` (0 and 255), ``<stem>_probability.tif`` (float32 in
[0, 1]) and ``<stem>_overlay.png``; VGG16 writes one ``predictions.csv`` with the probability of each class.
"""

import argparse
import sys
from pathlib import Path

import numpy as np
import tifffile
from tqdm import tqdm

from pipeline import params
from pipeline.errors import UserError, plain_errors
from pipeline.images.io import read_image, write_png
from pipeline.startup import load_keras


def predict(model_path, images, out, threshold=None):
    """Predict images and write the results into a folder.

    Parameters
    ----------
    model_path : path-like
        A ``.keras`` file with its card beside it.
    images : sequence of path-like
        Grey or RGB, 8 or 16 bit, of any size.
    out : path-like
        Made if needed.
    threshold : float, optional
        Probability at or above which a pixel is foreground; by default the one chosen on validation.

    Raises
    ------
    UserError
        After all other images were predicted: one line for each image that could not be.
    """
    settings = params.load().inference
    load_keras()
    from pipeline.inference.model import load_trained

    names = [Path(image).stem for image in images]
    doubles = sorted({name for name in names if names.count(name) > 1})
    if doubles:
        raise UserError(f"expected images of different names, received several of: {', '.join(doubles)}")
    model = load_trained(model_path)
    out = Path(out)
    out.mkdir(parents=True, exist_ok=True)
    write = (
        _classifications(model, out)
        if model.card["kind"] == "classification"
        else _segmentations(model, out, settings, threshold)
    )
    failures = []
    for path in tqdm(images, desc="images", disable=None):
        try:
            image = read_image(path)
            expected = model.card["channels"]
            if image.shape[-1] != expected:
                raise UserError(f"{path}: expected {expected} channels as in training, received {image.shape[-1]}")
            write(Path(path), image)
        except UserError as error:
            failures.append(str(error))
    if failures:
        raise UserError("\n".join(failures))


def _segmentations(model, out, settings, threshold):
    threshold = model.card["threshold"] if threshold is None else threshold

    def write(path, image):
        probability = model.segment(image, settings)
        mask = probability >= threshold
        write_png(out / f"{path.stem}_mask.png", mask.astype(np.uint8) * 255)
        tifffile.imwrite(out / f"{path.stem}_probability.tif", probability, compression="zlib")
        write_png(out / f"{path.stem}_overlay.png", _overlay(image, mask))

    return write


def _classifications(model, out):
    table = out / "predictions.csv"
    classes = model.card["classes"]
    table.write_text(",".join(["image", "predicted", *classes]) + "\n", encoding="utf-8")

    def write(path, image):
        probability = model.classify(image)
        row = [path.name, classes[int(probability.argmax())], *(f"{p:.6g}" for p in probability)]
        with open(table, "a", encoding="utf-8") as file:
            file.write(",".join(row) + "\n")

    return write


def _overlay(image, mask):
    """The image in grey with the mask's outline in orange, as uint8 RGB."""
    from skimage.segmentation import find_boundaries

    grey = image if image.dtype == np.uint8 else (image / max(int(image.max()), 1) * 255).astype(np.uint8)
    picture = np.broadcast_to(grey, (*mask.shape, 3)).copy()
    picture[find_boundaries(mask)] = (213, 94, 0)  # vermilion of the Okabe–Ito palette, told apart by everyone
    return picture


def main(arguments=None):
    parser = argparse.ArgumentParser(prog="python -m pipeline.predict", description=__doc__.splitlines()[0])
    parser.add_argument("model", metavar="MODEL", help="models/<dataset>/<network>.keras")
    parser.add_argument("images", metavar="IMAGE", nargs="+", help="PNG, JPEG or TIFF")
    parser.add_argument("--out", metavar="DIR", required=True, help="folder for the results")
    parser.add_argument("--threshold", type=float, help="probability of foreground (default: the one chosen on validation)")
    given = parser.parse_args(arguments)
    predict(given.model, given.images, given.out, given.threshold)
    print(f"{len(given.images)} images predicted into {given.out}", file=sys.stderr)


if __name__ == "__main__":
    with plain_errors():
        main()
