"""What a training starts from: pretrained weights, or the weights of a finished model."""

import hashlib
from pathlib import Path

import keras
import pandas as pd

from pipeline import paths
from pipeline.atomic import digest, read_json
from pipeline.errors import UserError, in_one_line
from pipeline.inference.card import read_card
from pipeline.networks.common.pretrained import OWN


def pretrained(network):
    """Find the pretrained weights that a network's settings name: the file and its origin, or two Nones if they name none.

    The stage `weights` has put them there. Raises a UserError if it has not, or if other weights are there.
    """
    settings = network.settings
    asked = getattr(settings, "encoder_weights", None) or getattr(settings, "weights", None)
    if asked is None:
        return None, None
    folder = paths.weights(network.name)
    known = folder / paths.ORIGIN
    origin = read_json(known) if known.exists() else {"asked": None, "encoder": None}
    encoder = getattr(settings, "encoder", network.name)
    if (origin["asked"], origin["encoder"]) != (asked, encoder):
        found = f"those of {origin['encoder']}, {origin['asked']}" if origin["asked"] else "none"
        raise UserError(f"{folder}: expected the weights {asked} of {encoder}, found {found}; `dvc repro weights` fetches them")
    return folder / origin["file"], {key: value for key, value in origin.items() if key not in ("asked", "file")}


def begun_from(network, start, dataset, tested):
    """Find the model that each fold goes on from (see `start_file`): a list of paths, or of None.

    `tested` has the fingerprint of the test images of each fold (`tested_images`). Without a model to go on from, those that give
    pretrained weights must not have seen these images either. Nothing is trained before all of this is known.
    """
    weights, origin = pretrained(network)
    formers = [start_file(start, dataset, network.name, images, fold, len(tested)) for fold, images in enumerate(tested)]
    if weights and weights.suffix == OWN and start is None:
        for fold, images in enumerate(tested):
            warn_of_seen(f"{network.name}: the pretrained weights {origin['name']}", weights, dataset, images, fold, len(tested))
    return formers


def start_file(start, dataset, network, tested, fold=0, folds=1):
    """Find the model that ``train.start`` names: a file, or the one of this data set, network and fold in a copy of ``models/``.

    Returns None if `start` is None. Raises a UserError if there is no such file, and what `warn_of_seen` raises.
    """
    if start is None:
        return None
    path = Path(start)
    if path.is_dir():
        path = path / dataset / f"{network}.keras"
        path = paths.repeats_beside(path) / f"fold-{fold}.keras" if fold else path
    if not path.is_file():
        remedy = "copy it out of models/, which DVC empties before it trains"
        raise UserError(
            f"train.start: {path}: no such file; name a .keras file, or a folder of <dataset>/<network>.keras; {remedy}"
        )
    own = "a folder laid out as models/ that has a network of each fold, or "
    warn_of_seen(f"train.start: {path}", path, dataset, tested, fold, folds, own)
    return path


def warn_of_seen(what, path, dataset, tested, fold, folds, own=""):
    """Warn if the model at `path` is of this data set, but other images than those that are `tested` now were kept from it.

    Raises a UserError if there are several `folds`, and it was not trained on this fold of as many: then it has seen images that
    this fold tests. `what` begins the message; `own` says what helps beside a model of another data set.
    """
    card = _card(path)
    if card.get("name", dataset) != dataset:
        return
    if folds > 1 and (card.get("fold"), card.get("folds")) != (fold, folds):
        raise UserError(
            f"{what} may have seen images that fold {fold} of {folds} tests; name {own}a model of another data set with its card"
        )
    if card.get("tested", tested) != tested:
        print(f"warning: {what} had another split of {dataset}, and may have seen images that test it now", flush=True)


def tested_images(folder):
    """Compute a fingerprint of six letters from the names of the test images of packed patches."""
    table = pd.read_csv(folder / "split.csv", dtype=str, keep_default_na=False)
    names = "\n".join(sorted(table.loc[table["split"] == "test", "name"]))
    return hashlib.md5(names.encode(), usedforsecurity=False).hexdigest()[:6]


def go_on_from(path, model, network):
    """Give a fresh model the weights of the one at `path`; return what the new card says of it and of its pretrained weights.

    Images are standardised with the statistics of the new training images. The schedule and the optimizer start anew. Raises a
    UserError if the file is not a model, or one of another shape.
    """
    try:
        former = keras.saving.load_model(path, compile=False, safe_mode=True)
        model.set_weights(former.get_weights())
    except Exception as error:  # Keras lets through whatever zipfile, h5py or its own checks raise
        reason = in_one_line(error)
        raise UserError(f"train.start: {path} is not a {network} with these settings and classes: {reason}") from error
    found = {"file": path.as_posix(), "sha256": digest(path)}
    card = _card(path)
    try:
        found["epochs"] = card["epochs"] + card.get("start", {"epochs": 0})["epochs"]  # all that led to it
    except (KeyError, TypeError):
        found["epochs"] = None  # it has no card
    return {"start": found} | {key: card[key] for key in ("pretrained",) if key in card}


def learned_from(path):
    """Names of the data sets that a model, and those that it began with, were trained on: a sorted list, empty without a path."""
    card = _card(path) if path and path.suffix == OWN else {}
    return sorted({name for name in [card.get("name"), *card.get("learned_from", [])] if name})


def _card(path):
    """The card of a model (see `read_card`); an empty one if it has none."""
    try:
        return read_card(path)[0]
    except UserError:
        return {}
