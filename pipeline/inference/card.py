"""A model's card: what prediction needs to know besides the network."""

import json
import sys
import zipfile
from pathlib import Path

from pipeline import paths
from pipeline.errors import UserError


def read_card(path):
    """Read and check the card of a ``.keras`` file: the one inside or, in older files, the ``.json`` file beside it.

    The card inside was written together with the weights. If the file beside it differs, it was edited or belongs to another
    training; then the card inside counts, and a warning goes to stderr. Raises a UserError if there is no card, or not that of a
    trained model.

    Returns
    -------
    card : dict
    place : pathlib.Path
        The file that it was read from.
    """
    path = Path(path)
    beside = path.with_suffix(".json")
    if not path.is_file():
        raise UserError(f"{path}: {'a folder' if path.is_dir() else 'no such file'}; `dvc repro` or `dvc pull` makes models")
    text, place = _inside(path), path
    if text is None:
        if not beside.is_file():
            raise UserError(f"{path}: has no card inside, unlike models of this pipeline; copy {beside.name} beside it")
        text, place = beside.read_bytes(), beside
    card = _checked(text, place)
    if place is path and beside.is_file() and (differing := _differing(card, beside)):
        remedy = f"remove {beside.name}, or set another threshold with --threshold"
        print(f"warning: {beside}: differs from the card in {path.name} ({differing}), which is used; {remedy}", file=sys.stderr)
    return card, place


def files_of(model, ensemble):
    """List the files to load for a model: its own and, for an `ensemble`, those of its further folds and seeds."""
    if not ensemble:
        return [model]
    folder = paths.repeats_beside(model)
    further = sorted(folder.glob("*.keras"))
    if not further:
        raise UserError(f"--ensemble: no network in {folder}; set train.repeats or split.folds above 1 to train some")
    return [model, *further]


def _inside(path):
    """The card in a ``.keras`` file, or None."""
    try:
        with zipfile.ZipFile(path) as file:
            return file.read(paths.CARD) if paths.CARD in file.namelist() else None
    except Exception as error:  # zipfile and zlib each raise their own
        raise UserError(f"{path}: not a model that this pipeline trained, or damaged: {error}") from error


def _checked(text, place):
    try:
        card = json.loads(text)
        decides = card["task"] == "segmentation" and len(card["classes"]) == 2
        thresholds = ["threshold", "threshold_flips"] if decides else []
        missing = {"name", "network", "channels", "resize", "intensity_range", *thresholds} - card.keys()
        if missing:
            raise KeyError(*sorted(missing))
    except (ValueError, KeyError, TypeError) as error:
        raise UserError(f"{place}: not the card of a trained model ({type(error).__name__}: {error})") from error
    return card


def _differing(card, beside):
    """Name a few entries in which a file differs from a card; empty if there are none."""
    try:
        other = json.loads(beside.read_bytes())
        if not isinstance(other, dict):
            raise TypeError
        names = [name for name in sorted({*card, *other}) if card.get(name) != other.get(name)]
    except (ValueError, TypeError):
        return "not a card"
    return ", ".join(names[:3]) + (", ..." if len(names) > 3 else "")
