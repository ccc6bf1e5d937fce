"""Export a trained model for other software: ``python -m pipeline.export MODEL --format FORMAT --out PATH``.

The exported network takes images (N, H, W, C), float32 in [0, 1], and returns probabilities, not logits: sigmoid of each
pixel (N, H, W, 1) for segmentation or, with several classes, softmax (N, H, W, K); softmax (N, K) for classification.
Formats: ``onnx`` (a file), ``savedmodel`` and ``openvino`` (folders), ``bioimage`` (a package of the BioImage Model Zoo,
``.zip``).
"""

import argparse
import os
from contextlib import contextmanager
from pathlib import Path

from pipeline import paths, tasks
from pipeline.atomic import whole
from pipeline.errors import UserError, plain_errors
from pipeline.inference.card import files_of
from pipeline.startup import load_keras, silent_stderr

FORMATS = {"onnx": ".onnx", "savedmodel": None, "openvino": None, "bioimage": ".zip"}  # suffix of the file; None: a folder


def export(model_path, name, out, overwrite=False, ensemble=False):
    """Write a model in another format and compare it with Keras; it appears whole or not at all.

    `name` is one of `FORMATS`. Missing parent folders of `out` are made; with `overwrite`, an earlier export is replaced. With
    `ensemble`, the model and its further folds and seeds are one network, which returns the mean of their probabilities.

    Returns the number of weights, and the largest absolute difference of probabilities from Keras. Raises a `UserError` if the
    model cannot be loaded, the output exists or cannot be written, or that difference exceeds 1e-4.
    """
    check(out, name, overwrite)
    load_keras()
    from pipeline.exporting.convert import convert
    from pipeline.inference.ensemble import load_all

    with silent_stderr():  # TensorFlow writes to it
        model = load_all(files_of(model_path, ensemble))
    with output(out) as path:
        difference = convert(model, tasks.part(model.card["task"], "exporting"), name, path)
    return sum(member.network.count_params() for member in model.members), difference


def check(path, name, overwrite):
    """Raise `UserError` if the name of an export has the wrong suffix, or something is there that may not be replaced.

    A folder without a card is not an export, and is never replaced.
    """
    path, suffix = Path(path), FORMATS[name]
    if suffix and path.suffix != suffix:
        raise UserError(f"{path}: for {name}, the file name must end in {suffix}; change --out")
    if not os.path.lexists(path):
        return
    if not overwrite:
        raise UserError(f"{path} exists; choose another --out, or replace it with --overwrite")
    if not (path.is_file() if suffix else (path / paths.CARD).is_file()):
        raise UserError(f"{path} is not an earlier export and will not be replaced; choose another --out")


@contextmanager
def output(path):
    """Write an output whole or not at all, as `whole` does; raise `UserError` if the place cannot be written to."""
    try:
        with whole(path) as part:
            yield part
    except OSError as error:
        raise UserError(f"{path}: cannot be written: {error.strerror or error}; change --out") from error


def main(arguments=None):
    parser = argparse.ArgumentParser(prog="python -m pipeline.export", description=__doc__.splitlines()[0].replace("``", "`"))
    parser.add_argument("model", metavar="MODEL", help="models/<dataset>/<network>.keras")
    parser.add_argument("--format", required=True, choices=FORMATS, help="onnx, bioimage: a file; savedmodel, openvino: a folder")
    parser.add_argument("--out", metavar="PATH", required=True, help="what to write: *.onnx for onnx, *.zip for bioimage")
    parser.add_argument("--ensemble", action="store_true", help="export MODEL and its additional folds and seeds as one network")
    parser.add_argument("--overwrite", action="store_true", help="replace an earlier export")
    given = parser.parse_args(arguments)
    weights, difference = export(given.model, given.format, given.out, given.overwrite, given.ensemble)
    print(f"{given.out}: {weights:,} weights, differs from Keras by at most {difference:.1e}")


if __name__ == "__main__":
    with plain_errors():
        main()
