"""Predict many images into one folder: the ones that fail do not keep the others from being done."""

import errno
import sys
from contextlib import contextmanager, suppress
from dataclasses import asdict, replace
from pathlib import Path

from tqdm import tqdm

from pipeline.errors import UserError
from pipeline.prediction.few import Few
from pipeline.prediction.inputs import Input, gather
from pipeline.prediction.record import SHEET, Record, alone, digest
from pipeline.prediction.stack import opened
from pipeline.tasks.classification.prediction import classify, sheets, thumbnail
from pipeline.tasks.segmentation.prediction import file_names, segment


def predict_files(model, path, images, out, settings, choices, cluster, overwrite=False):
    """Predict files, folders, patterns and volumes into a folder; what an earlier run finished there is kept.

    Parameters
    ----------
    model : pipeline.inference.model.TrainedModel
    path : path-like
        Of the model's file.
    images : sequence of str
    out : path-like
    settings : pipeline.params.Inference
    choices : pipeline.tasks.segmentation.prediction.Choices
        With ``threshold=None`` the model's own is taken.
    cluster : pipeline.prediction.volume.Cluster
    overwrite : bool

    Returns
    -------
    int
        Images whose results are in the folder.

    Raises
    ------
    UserError
        After all other images were predicted: one line for each image that could not be.
    """
    with alone(out):
        return _predict_files(model, path, images, out, settings, choices, cluster, overwrite)


def _predict_files(model, path, images, out, settings, choices, cluster, overwrite):
    inputs, failures = gather(images)
    failed, doubted = Few(failures.append), Few(_warn)
    classification = model.card["task"] == "classification"
    if choices.threshold is None and not classification:
        choices = replace(choices, threshold=model.card["threshold"])
    deciding = settings.model_dump(mode="json", exclude={"batch_size"})
    run = {"model": digest(path), "settings": deciding, "choices": _plain(asdict(choices))}
    record = Record(out, run, ["predictions.csv", f"{SHEET}*.png"] if classification else ["images.csv"], overwrite)
    waiting = [image for image in inputs if not record.done(image)]
    if len(waiting) < len(inputs):
        print(f"{len(inputs) - len(waiting)} of {len(inputs)} images are done already", file=sys.stderr)

    @contextmanager
    def attempt(path):
        """Read or write one thing; if it fails, the others are done all the same."""
        try:
            yield
        except (UserError, OSError, MemoryError) as error:
            failed.add(path, _line(path, error))

    waiting = tqdm(waiting, desc="images", disable=None)
    try:
        if classification:
            _classify(model, waiting, record, choices, attempt, doubted.add)
        else:
            _segment(model, waiting, record, settings, choices, cluster, attempt, doubted.add)
    finally:
        doubted.close()
        with attempt(record.table):
            record.close()
    if classification:
        with attempt(record.out / f"{SHEET}.png"):
            _write_sheets(record, [Input(Path(record.images[name]["source"]["path"]), name) for name in sorted(record.images)])
    failed.close()
    if failures:
        raise UserError("\n".join(failures))
    return sum(record.done(image) for image in inputs)


def _segment(model, images, record, settings, choices, cluster, attempt, doubt):
    for image in images:
        with attempt(image.path), opened(image.path) as stack:
            folder = record.workspace(image, file_names(image.path, image.name))
            files, rows = segment(model, stack, image.name, folder, settings, choices, cluster, doubt)
            record.finish(image, files, rows)


def _classify(model, images, record, choices, attempt, doubt):
    def claimed():
        for image in images:
            with attempt(image.path):
                record.claim(image)
                yield image

    for image, rows in classify(model, claimed(), attempt, choices.grey_range, doubt):
        with attempt(image.path):
            record.finish(image, [], rows)


def _write_sheets(record, images):
    """Draw the contact sheets over all images of the folder that can still be read where they were."""

    def pictures():
        for image in images:
            with suppress(UserError, OSError), opened(image.path) as stack:
                yield thumbnail(stack), record.images[image.name]["rows"][0]

    sheets(pictures(), record.out)


def _line(path, error):
    if isinstance(error, UserError):
        return str(error)
    if isinstance(error, OSError) and error.errno == errno.ENOSPC:
        return f"{path}: no space left for its results; make space and run the same command again, what is done is kept"
    reason = getattr(error, "strerror", None) or str(error) or type(error).__name__
    return f"{path}: {reason}{f': {error.filename}' if getattr(error, 'filename', None) else ''}"


def _plain(values):
    """Choices as JSON gives them back: tuples are lists."""
    return {key: list(value) if isinstance(value, tuple) else value for key, value in values.items()}


def _warn(line):
    tqdm.write(f"warning: {line}", file=sys.stderr)
