"""Apply a trained model to your own images: ``python -m pipeline.predict MODEL IMAGE... --out DIR``.

Or from Python, on arrays::

    from pipeline.predict import load, predict

    model = load("models/mitochondria/unet.keras")
    result = predict(model, image)          # ndarray (H, W) or (H, W, C)
    result.mask, result.probability, result.labels, result.objects

`load` takes several models, too, which then predict as one.
"""

import argparse
import math
import os
import sys
import warnings

import numpy as np

from pipeline import params, paths, tasks
from pipeline.errors import UserError, counted, plain_errors
from pipeline.images.intensity import BY_IMAGE
from pipeline.images.io import is_ome_zarr, numbers
from pipeline.images.sections import context_of, join
from pipeline.inference.card import files_of
from pipeline.params import Inference
from pipeline.params.messages import advice
from pipeline.prediction.card_summary import card_summary
from pipeline.prediction.expectations import differences, to_channels
from pipeline.prediction.inputs import gather
from pipeline.prediction.run import Choices, Job, predict_files
from pipeline.prediction.volume import Cluster
from pipeline.startup import keep_memory, load_keras

DEFAULTS = Inference(tile=(1024, 1024), overlap=(192, 192), batch_size=2, flips=False)  # outside the project's folder
FOR_VOLUMES = ("workers", "memory", "scheduler")


def load(path):
    """Load a trained model, ``models/<dataset>/<network>.keras`` (see `load_trained`).

    The models of a list of paths predict as one: with the mean of their probabilities and the mean of their thresholds.
    """
    load_keras()
    from pipeline.inference.ensemble import load_all

    return load_all([path] if isinstance(path, str | os.PathLike) else list(path))


def predict(model, image, threshold=None, split=None, smallest=None, pixel_size_nm=None, settings=DEFAULTS):
    """Predict one image.

    Parameters
    ----------
    model : pipeline.inference.model.TrainedModel
    image : ndarray, shape (H, W) or (H, W, C)
        Bool, integers of at most 32 bit, or floats. For a model with a context of k sections, a list of 2k + 1 of them, of which
        the middle one is predicted.
    threshold : float, optional
        Probability from which a pixel is foreground; by default the one chosen on validation.
    split : bool, optional
        Whether to separate objects that touch; by default as validation chose.
    smallest : int, optional
        Objects of fewer pixels are left out of labels and table; by default as validation chose, and 1 keeps all.
    pixel_size_nm : tuple of float, optional
        Height and width of a pixel, for micrometres in the table.
    settings : pipeline.params.Inference

    Returns
    -------
    pipeline.tasks.segmentation.prediction.Prediction, or dict of str to float
        Probability, mask, labels and objects, and of several models their disagreement; from a classifier, the probability of
        each class.

    Raises
    ------
    UserError
        If the image has other channels than the training images or an unsupported type, or an argument is out of range.

    Warns
    -----
    UserWarning
        If grey values or pixel size are far from those of the training images.
    """
    _check_choices(threshold, smallest, pixel_size_nm)
    task = _task(model)
    decided = {"threshold": threshold, "split": split, "smallest": smallest}
    if unused := [name for name in task.without_effect(model.card) if decided.get(name) is not None]:
        raise UserError(f"{', '.join(unused)}: no effect on this {model.card['task']} model; leave it out")
    context = context_of(model.card)
    if context and len(image) != 2 * context + 1:
        raise UserError(f"image: expected {2 * context + 1} sections, the one to predict in the middle, received {len(image)}")
    sections = [_image(section, model.card) for section in (image if context else [image])]
    scaled = [model.scaled(section) for section in sections]
    for message in differences(model.card, scaled[context], pixel_size_nm):
        warnings.warn(message, stacklevel=2)
    choices = _choices(model, settings, decided | {"pixel_size_nm": pixel_size_nm})
    return task.predict_array(model, sections[context], join(scaled, "image"), choices, settings)


def describe(path, model):
    """Say in plain lines what a model is, what it expects, and how good it was."""
    try:
        return card_summary(path, model.card, _task(model).card_lines(model.card))
    except KeyError as error:
        raise UserError(f"{path}: the model's card has no entry {error}; train the model again") from error


def _image(image, card):
    """An array of the user's as (H, W, C), in the channels that a model expects."""
    image = np.asarray(image)
    image = image[..., None] if image.ndim == 2 else image
    if image.ndim != 3 or 0 in image.shape:
        raise UserError(f"image: expected an array (H, W) or (H, W, C), received one of shape {image.shape}")
    return to_channels(numbers(image, "image"), card, "image", image.shape[-1] == 3)


def _task(model):
    return tasks.part(model.card["task"], "prediction")


def _choices(model, settings, given):
    """What the user has `given`, a dict; what is None there is as validation chose it."""
    chosen = {"threshold": model.threshold(settings), "split": model.split, "smallest": model.smallest}
    return Choices(**chosen | {name: value for name, value in given.items() if value is not None})


def _check_choices(threshold, smallest, pixel_size_nm):
    if threshold is not None and not 0 <= threshold <= 1:
        raise UserError(f"threshold: expected a probability, received {threshold}")
    if smallest is not None and smallest < 1:
        raise UserError(f"smallest: expected at least one pixel, received {smallest}")
    sizes = np.atleast_1d((1, 1) if pixel_size_nm is None else pixel_size_nm)
    if len(sizes) != 2 or not all(0 < size < np.inf for size in sizes):
        raise UserError(f"pixel_size_nm: expected height and width above 0, received {pixel_size_nm}")


def _parser():
    parser = argparse.ArgumentParser(prog="python -m pipeline.predict", description=__doc__.splitlines()[0].replace("``", "`"))
    add = parser.add_argument
    add("model", metavar="MODEL", help="models/<dataset>/<network>.keras")
    add("images", metavar="IMAGE", nargs="*", help="images or volumes (docs/images.md), folders of them, patterns in quotes")
    add("--out", metavar="DIR", help="folder for the results, created if needed")
    add("--ensemble", action="store_true", help="use MODEL with its additional folds and seeds, and show their disagreement")
    add("--describe", action="store_true", help="print what the model is, what it expects, and its scores")
    add("--overwrite", action="store_true", help="replace results of another run in DIR")
    add("--threshold", type=float, metavar="P", help="least probability of foreground (default: chosen on validation)")
    add("--split", action=argparse.BooleanOptionalAction, help="separate objects that touch (default: chosen on validation)")
    add("--smallest", type=int, metavar="PIXELS", help="leave out smaller objects (default: chosen on validation; 1: none)")
    add("--median", type=int, default=1, metavar="SECTIONS", help="take the median probability over this odd number of sections")
    add("--solids", action="store_true", help="count each object of a volume once across all its sections")
    add("--range", nargs="+", metavar=("LOW", "HIGH"), help="darkest and brightest intensity, or 'image': those of each image")
    add("--pixel-size", type=float, nargs="+", metavar="NM", help="height and width of a pixel in nm, or one number for both")
    add("--flips", action="store_true", help="average over eight flips and turns: slower, but slightly better")
    add("--tile", type=int, metavar="PIXELS", help="side of the window that slides over large images")
    add("--overlap", type=int, metavar="PIXELS", help="pixels that neighbouring windows share")
    add("--batch-size", type=int, metavar="WINDOWS", help="windows at a time (default: 2, or 1 if memory is short)")
    add("--device", metavar="cpu|gpu:N", help="where to compute (default: the first GPU, if there is one)")
    add("--workers", type=int, default=1, metavar="N", help="processes for an OME-Zarr volume (default: 1)")
    add("--memory", default="auto", metavar="SIZE", help="memory limit of each process, such as 2GiB")
    add("--scheduler", metavar="tcp://...", help="a running Dask scheduler, instead of processes")
    return parser


def _arguments(parser, arguments):
    given = parser.parse_intermixed_args(arguments)
    if not given.describe and not (given.images and given.out):
        parser.error("give IMAGE... and --out DIR, or --describe")
    if given.median < 1 or given.median % 2 == 0:
        parser.error(f"--median: expected an odd number of sections, received {given.median}")
    given.range = _range(parser, given.range)
    if given.workers < 1:
        parser.error(f"--workers: expected at least 1, received {given.workers}")
    if given.pixel_size is not None:
        given.pixel_size = tuple(given.pixel_size * 2 if len(given.pixel_size) == 1 else given.pixel_size)
    try:
        _check_choices(given.threshold, given.smallest, given.pixel_size)
    except UserError as error:
        parser.error(f"--{str(error).replace('pixel_size_nm', 'pixel-size')}")
    return given


def _range(parser, values):
    if values is None:
        return None
    if values == [BY_IMAGE]:
        return BY_IMAGE
    try:
        low, high = map(float, values)
        if not -math.inf < low < high < math.inf:
            raise ValueError
    except ValueError:
        parser.error(f"--range: expected LOW below HIGH, or {BY_IMAGE}, received {' '.join(values)}")
    return low, high


def _settings(given):
    """The params' inference section, or its defaults outside the project, with what the command line changes."""
    settings = params.load().inference if paths.PARAMS.exists() else DEFAULTS
    changes = {"batch_size": given.batch_size, "flips": given.flips or None}
    changes |= {name: [value] * 2 for name, value in (("tile", given.tile), ("overlap", given.overlap)) if value is not None}
    changed = settings.model_dump() | {name: value for name, value in changes.items() if value is not None}
    try:
        return Inference.model_validate(changed)
    except ValueError as error:
        mistake = error.errors()[0]
        option = f"--{mistake['loc'][0]}".replace("_", "-") if mistake["loc"] else "--tile, --overlap"
        raise UserError(f"{option}: {advice(mistake)}") from error


def _choose_device(device):
    """Hide the other GPUs before Keras looks for them."""
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
        raise UserError(f"--device: {keras.backend.backend()} finds no GPU here; give cpu, or leave --device out")


def _stated(parser, given, names):
    """Those of the options that the user has changed, in words."""
    return ", ".join(f"--{name.replace('_', '-')}" for name in names if getattr(given, name) != parser.get_default(name))


def main(arguments=None):
    parser = _parser()
    given = _arguments(parser, arguments)
    _choose_device(given.device)
    models = files_of(given.model, given.ensemble)
    if given.describe:
        print(describe(given.model, load(models)))
        return
    keep_memory()
    settings, (inputs, missing) = _settings(given), gather(given.images)
    if not inputs:  # at once, because Keras takes seconds to start
        raise UserError("\n".join(missing))
    model = load(models)
    _check_device(given.device)
    task = _task(model)
    if unused := _stated(parser, given, task.without_effect(model.card)):
        raise UserError(f"{unused}: no effect on this {model.card['task']} model; leave it out")
    unused = _stated(parser, given, FOR_VOLUMES)
    if unused and not any(is_ome_zarr(image.path) for image in inputs):
        print(f"warning: {unused}: no effect, because no image is an OME-Zarr volume", file=sys.stderr)
    if given.batch_size is None:
        settings = task.fit_to_memory(model, settings)
    chosen = {name: getattr(given, name) for name in ("threshold", "median", "split", "smallest", "solids")}
    choices = _choices(model, settings, chosen | {"intensity_range": given.range, "pixel_size_nm": given.pixel_size})
    job = Job(settings, choices, Cluster(models, given.workers, given.memory, given.scheduler), missing)
    count = predict_files(task, model, inputs, given.out, job, given.overwrite)
    print(f"{counted(count, 'image')} predicted into {given.out}", file=sys.stderr)


if __name__ == "__main__":
    with plain_errors():
        main()
