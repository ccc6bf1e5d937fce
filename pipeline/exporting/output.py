"""Where an export is written: it replaces nothing by accident."""

import os
from contextlib import contextmanager
from pathlib import Path

from pipeline.atomic import whole
from pipeline.errors import UserError

FORMATS = {"onnx": ".onnx", "savedmodel": None, "openvino": None, "bioimage": ".zip"}  # suffix of the file; None: a folder
CARD = "card.json"  # in every exported folder; a folder without it is not an export, and is never replaced


def check(path, name, overwrite):
    """Raise `UserError` if the name of an export has the wrong suffix, or something is there that may not be replaced."""
    path, suffix = Path(path), FORMATS[name]
    if suffix and path.suffix != suffix:
        raise UserError(f"{path}: for {name}, the file name must end in {suffix}; change --out")
    if not os.path.lexists(path):
        return
    if not overwrite:
        raise UserError(f"{path} exists; choose another --out, or replace it with --overwrite")
    if not (path.is_file() if suffix else (path / CARD).is_file()):
        raise UserError(f"{path} is not an earlier export and will not be replaced; choose another --out")


@contextmanager
def output(path):
    """Write an output whole or not at all, as `whole` does; raise `UserError` if the place cannot be written to."""
    try:
        with whole(path) as part:
            yield part
    except OSError as error:
        raise UserError(f"{path}: cannot be written: {error.strerror or error}; change --out") from error
