"""Apply a trained model to your own images: ``python -m pipeline.predict MODEL IMAGE... --out DIR``.

Or from Python, on arrays::

    from pipeline.predict import load, predict

    model = load("models/mitochondria/unet.keras")
    result = predict(model, image)          # ndarray (H, W) or (H, W, C), uint8 or uint16
    result.mask, result.probability, result.labels, result.objects
"""

import argparse
import math
import os
import sys
import warnings
from dataclasses import dataclass

import numpy as np
import pandas as pd

from pipeline import params, paths
from pipeline.errors import UserError, plain_errors
from pipeline.images.io import eight_bit_colours, grey_or_rgb
from pipeline.params import Inference
from pipeline.prediction import checks
from pipeline.prediction.describe import describe
from pipeline.prediction.inputs import gather
from pipeline.prediction.objects.label import label_rows
from pipeline.prediction.objects.units import COLUMNS, table_row
from pipeline.prediction.run import predict_files
from pipeline.prediction.volume import Cluster
from pipeline.startup import keep_memory, load_keras
from pipeline.tasks.segmentation.prediction import Choices

ANYWHERE = Inference(tile=(1024, 1024), overlap=(192, 192), batch_size=2, flips=False)  # where there is no params.yaml


@dataclass(frozen=True)
class Prediction:
    """What a segmentation model says of an image.

    Attributes
    ----------
    probability : ndarray, shape (H, W), float32 in [0, 1]
    mask : ndarray, shape (H, W), bool
    labels : ndarray, shape (H, W), int32
        0 is background; objects count from 1.
    objects : pandas.DataFrame
        One row an object, with the columns of ``<name>_objects.csv``.
    """

    probability: np.ndarray
    mask: np.ndarray
    labels: np.ndarray
    objects: pd.DataFrame


def load(path):
    """Load a trained model (``models/<dataset>/<network>.keras``, its card beside it).

    Returns
    -------
    pipeline.inference.model.TrainedModel

    Raises
    ------
    UserError
        If the file is missing, damaged or of another kind.
    """
    load_keras()
    from pipeline.inference.model import load_trained

    return load_trained(path)


def predict(model, image, threshold=None, split=False, smallest=1, pixel_size_nm=None, settings=ANYWHERE):
    """Predict one image.

    Parameters
    ----------
    model : pipeline.inference.model.TrainedModel
    image : ndarray, shape (H, W) or (H, W, C), uint8 or uint16
    threshold : float, optional
        Probability at or above which a pixel is foreground; by default the one chosen on validation.
    split : bool
        Separate objects that touch.
    smallest : int
        Objects of fewer pixels are left out of labels and table.
    pixel_size_nm : tuple of float, optional
        Height and width of a pixel, for micrometres in the table.
    settings : pipeline.params.Inference

    Returns
    -------
    Prediction, or for VGG16 dict of str to float
        Probability of each class.

    Raises
    ------
    UserError
        If the image has other channels than the training images, or another kind of number, or a choice is impossible.

    Warns
    -----
    UserWarning
        If grey values or pixel size are far from those of the training images.
    """
    _check_choices(threshold, smallest, pixel_size_nm)
    image = np.asarray(image)
    if image.dtype == bool:
        image = image.astype(np.uint8) * 255
    image = checks.fitting(eight_bit_colours(grey_or_rgb(image, "image")), model.card["channels"], "image")
    for doubt in checks.doubts(model.card, image, pixel_size_nm):
        warnings.warn(doubt, stacklevel=2)
    if model.card["task"] == "classification":
        return dict(zip(model.card["classes"], map(float, model.classify([image])[0]), strict=True))
    probability = model.segment(image, settings)
    mask = probability >= (model.card["threshold"] if threshold is None else threshold)
    bands = list(label_rows([(mask, image)], split, smallest))
    objects = [table_row(measured, pixel_size_nm) for _, found in bands for measured in found]
    labels = np.concatenate([labels for labels, _ in bands])
    return Prediction(probability, mask, labels, pd.DataFrame(objects, columns=list(COLUMNS)))


def _check_choices(threshold, smallest, pixel_size_nm):
    if threshold is not None and not 0 <= threshold <= 1:
        raise UserError(f"threshold: expected a probability, received {threshold}")
    if smallest < 1:
        raise UserError(f"smallest: expected at least one pixel, received {smallest}")
    sizes = () if pixel_size_nm is None else np.atleast_1d(pixel_size_nm)
    if pixel_size_nm is not None and not (len(sizes) == 2 and all(0 < size < np.inf for size in sizes)):
        raise UserError(f"pixel_size_nm: expected height and width above 0, received {pixel_size_nm}")


def _arguments(arguments):
    parser = argparse.ArgumentParser(prog="python -m pipeline.predict", description=__doc__.splitlines()[0])
    add = parser.add_argument
    add("model", metavar="MODEL", help="models/<dataset>/<network>.keras")
    add("images", metavar="IMAGE", nargs="*", help="PNG, JPEG, TIFF, OME-TIFF or OME-Zarr; a folder or a pattern of them")
    add("--out", metavar="DIR", help="folder for the results")
    add("--describe", action="store_true", help="print the model's card and stop")
    add("--overwrite", action="store_true", help="replace what another run wrote into DIR")
    add("--threshold", type=float, help="probability of foreground (default: the one chosen on validation)")
    add("--split", action="store_true", help="separate objects that touch")
    add("--smallest", type=int, default=1, metavar="PIXELS", help="leave out smaller objects")
    add("--median", type=int, default=1, metavar="SECTIONS", help="median of the probability over so many sections (odd)")
    add("--range", type=float, nargs=2, metavar=("LOW", "HIGH"), help="grey values that become black and white")
    add("--pixel-size", type=float, nargs="+", metavar="NM", help="height and width of a pixel, or one for both")
    add("--flips", action="store_true", help="average over eight flips and turns: slower, a little better")
    add("--tile", type=int, metavar="PIXELS", help="side of the window that slides over large images")
    add("--overlap", type=int, metavar="PIXELS", help="that neighbouring windows share")
    add("--batch-size", type=int, metavar="WINDOWS", help="windows at a time (default: 2; 1 in short memory)")
    add("--device", metavar="cpu|gpu:N", help="where to compute (default: the first GPU, if there is one)")
    add("--workers", type=int, default=1, help="processes for a volume")
    add("--memory", default="auto", metavar="SIZE", help="of each process, such as 2GiB")
    add("--scheduler", metavar="tcp://...", help="a running Dask scheduler instead")
    given = parser.parse_intermixed_args(arguments)
    if not given.describe and not (given.images and given.out):
        parser.error("expected IMAGE... and --out DIR, or --describe")
    if given.median < 1 or given.median % 2 == 0:
        parser.error(f"--median: expected an odd number of sections, received {given.median}")
    if given.range and not -math.inf < given.range[0] < given.range[1] < math.inf:
        parser.error(f"--range: expected LOW below HIGH, received {given.range[0]:g} {given.range[1]:g}")
    if given.workers < 1:
        parser.error(f"--workers: expected at least 1, received {given.workers}")
    given.pixel_size = tuple(given.pixel_size * (2 // len(given.pixel_size) or 1)) if given.pixel_size else None
    try:
        _check_choices(given.threshold, given.smallest, given.pixel_size)
    except UserError as error:
        parser.error(f"--{str(error).replace('pixel_size_nm', 'pixel-size')}")
    return given


def _refuse_without_effect(given):
    """A model that classifies whole images has no pixels to choose from: say so instead of going on as if."""
    chosen = {
        "--threshold": given.threshold is not None,
        "--split": given.split,
        "--smallest": given.smallest != 1,
        "--median": given.median != 1,
        "--flips": given.flips,
        "--tile": given.tile is not None,
        "--overlap": given.overlap is not None,
    }
    if any(chosen.values()):
        names = ", ".join(name for name, is_chosen in chosen.items() if is_chosen)
        raise UserError(f"{names}: no effect with {given.model}, which classifies whole images; leave it out")


def _settings(given):
    """The params' inference section, or its defaults away from the project, with what the command line changes."""
    settings = params.load().inference if paths.PARAMS.exists() else ANYWHERE
    changes = {"batch_size": given.batch_size, "flips": given.flips or None}
    changes |= {name: [value] * 2 for name, value in (("tile", given.tile), ("overlap", given.overlap)) if value is not None}
    changed = settings.model_dump() | {name: value for name, value in changes.items() if value is not None}
    try:
        return Inference.model_validate(changed)
    except ValueError as error:
        finding = error.errors()[0]
        reason = finding["msg"].removeprefix("Value error, ").removeprefix("Input should be ")
        if not finding["loc"]:
            raise UserError(f"--tile, --overlap: {reason}") from error
        option = f"--{finding['loc'][0]}".replace("_", "-")
        raise UserError(f"{option}: expected {reason}, received {finding['input']}") from error


def _choose_device(device):
    """Hide the GPUs that are not meant, before Keras looks for them."""
    if device is None:
        return
    kind, _, number = device.partition(":")
    if kind not in ("cpu", "gpu") or (number and not number.isdigit()):
        raise UserError(f"--device: expected cpu, gpu or gpu:N, received {device}")
    os.environ["CUDA_VISIBLE_DEVICES"] = "-1" if kind == "cpu" else number or "0"
    if kind == "cpu":
        os.environ.setdefault("JAX_PLATFORMS", "cpu")


def _check_device(device):
    import keras

    if device is not None and device.startswith("gpu") and not keras.distribution.list_devices("gpu"):
        raise UserError(f"--device: expected a GPU, received {device}; {keras.backend.backend()} finds none here")


def main(arguments=None):
    given = _arguments(arguments)
    _choose_device(given.device)
    if given.describe:
        print(describe(given.model, load(given.model)))
        return
    keep_memory()
    grey_range = tuple(given.range) if given.range else None
    choices = Choices(given.threshold, given.median, given.split, given.smallest, grey_range, given.pixel_size)
    cluster = Cluster(given.model, given.workers, given.memory, given.scheduler)
    settings, (found, missing) = _settings(given), gather(given.images)
    if not found:  # told at once: Keras takes seconds to start
        raise UserError("\n".join(missing))
    model = load(given.model)
    _check_device(given.device)
    if model.card["task"] == "classification":
        _refuse_without_effect(given)
    elif given.batch_size is None:
        from pipeline.prediction.memory import windows_that_fit

        settings = settings.model_copy(update={"batch_size": windows_that_fit(model.network, settings.tile, settings.batch_size)})
    count = predict_files(model, given.model, given.images, given.out, settings, choices, cluster, given.overwrite)
    print(f"{count} images predicted into {given.out}", file=sys.stderr)


if __name__ == "__main__":
    with plain_errors():
        main()
