"""The only place that spells a path. All are relative to the project's root, where DVC runs every stage."""

import os
import re
import zlib
from pathlib import Path

import platformdirs

PARAMS = Path("params.yaml")
RECIPES = Path("recipes")
PIPELINE = Path("dvc.yaml")
LOCK = Path("dvc.lock")
RUNNING = Path(".dvc/tmp/rwlock"), Path(".dvc/tmp/exps/rwlock")  # where DVC notes what its stages and experiments hold
NETWORKS = Path(__file__).parent / "networks"  # a module for each network
PAGE = Path("reports/index.html")
SUMMARY = Path("reports/summary.md")
ORIGIN = "origin.json"  # in the folder of a network's pretrained weights
PLOTS = Path("reports/plots")  # tables that `dvc plots` draws
CARD = "card.json"  # in a ``.keras`` file, which is a zip, and in the folder of an export


def downloads():
    """Per-user cache of downloaded files, shared by all experiments; PIPELINE_DOWNLOADS names another folder."""
    return Path(os.environ.get("PIPELINE_DOWNLOADS") or platformdirs.user_cache_dir("biomedical-image-pipeline"))


def raw(dataset):
    """Images of a data set in the standard layout: ``dataset.json``, ``images.csv``, ``images/``, ``masks/``."""
    return Path("data/raw", dataset)


def patches(dataset, fold=0):
    """Packed patches: ``split.csv``, ``manifest.csv`` and, per split, ``images.npy`` with ``masks.npy`` or ``labels.npy``.

    The further folds of a cross-validation lie inside the first: ``fold-1/``, ``fold-2/``, ...
    """
    return Path("data/patches", dataset, f"fold-{fold}" if fold else "")


def preview(dataset):
    """A picture of some training patches, as the network will see them."""
    return Path("reports", dataset, "patches.png")


def audit(dataset):
    """What the leakage audit of the split found, in numbers."""
    return Path("reports", dataset, "audit.json")


def leakage(dataset, suffix):
    """The near-duplicates on different sides of the split: a table (csv), and a picture of the strongest (png)."""
    return Path("reports", dataset, f"leakage.{suffix}")


def weights(network):
    """Pretrained weights of a network: ``origin.json``, which says what they are or that there are none, and their file."""
    return Path("data/weights", network)


def trained_networks(dataset):
    """Names of the networks that are trained on a data set."""
    return Path("models", dataset, "networks.json")


def model(dataset, network):
    """The network with its card: what prediction needs to know besides (input size, classes, threshold); beside it as .json."""
    return Path("models", dataset, f"{network}.keras")


def repeats(dataset, network):
    """Networks of further seeds and folds: ``<seed>.keras``, ``fold-<fold>.keras``, their cards and learning curves."""
    return repeats_beside(model(dataset, network))


def repeats_beside(model):
    """The folder of `repeats` for a model at any path."""
    return Path(model).with_name(f"{Path(model).stem}_repeats")


def checkpoint(dataset, network, key):
    """Where an interrupted training resumes. Not an output of its stage: DVC removes those before a stage runs."""
    return Path(".checkpoints", f"{dataset}-{network}-{key}.npz")


def training_log(dataset, network):
    """What training wrote about itself: ``curves.csv`` and, for segmentation, ``threshold.csv``."""
    return Path("reports", dataset, network)


def metrics(dataset, network):
    """The headline numbers on the test images."""
    return Path("reports", dataset, "metrics", f"{network}.json")


def details(dataset, network=""):
    """All other results on the test images: numbers, tables, small pictures; without a network, those of the data set."""
    return Path("reports", dataset, "details", network)


def transfer_metrics(key, network=""):
    """The headline numbers of a network of one data set on all images of another; without a network, their folder."""
    return Path("reports/transfers", key, f"{network}.json" if network else "")


def panels(dataset):
    """Pictures of test images with what each network made of them."""
    return Path("reports", dataset, "panels")


def of_image(name):
    """The part of a file name that stands for an image: other characters than letters, digits, ``.``, ``_`` and ``-`` become
    ``_``, and a checksum follows, so that "a b" and "a_b" differ.
    """
    plain = re.sub(r"[^\w.-]", "_", name)
    return plain if plain == name else f"{plain}-{zlib.crc32(name.encode()):08x}"


def results(dataset):
    """Which results of a data set exist, with their checksums: what the report depends on."""
    return Path("reports/results", f"{dataset}.json")


def transferred(key):
    """What the report says of such networks. It lies with the `results`, on which the report depends."""
    return Path("reports/results/transfers", f"{key}.json")
