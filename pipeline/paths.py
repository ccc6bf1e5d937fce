"""The only place that spells a path. All are relative to the project's root, where DVC runs every stage."""

import os
from pathlib import Path

import platformdirs

PARAMS = Path("params.yaml")
REPORT = Path("reports/index.html")
SUMMARY = Path("reports/summary.md")


def downloads():
    """Per-user cache of downloaded files, shared by all experiments; PIPELINE_DOWNLOADS names another folder."""
    return Path(os.environ.get("PIPELINE_DOWNLOADS") or platformdirs.user_cache_dir("biomedical-image-pipeline"))


def raw(dataset):
    """Images of one dataset in the standard layout: ``dataset.json``, ``images.csv``, ``images/``, ``masks/``."""
    return Path("data/raw", dataset)


def patches(dataset):
    """Packed patches: ``split.csv``, ``manifest.csv`` and, per split, ``images.npy`` with ``masks.npy`` or ``labels.npy``."""
    return Path("data/patches", dataset)


def preview(dataset):
    """A picture of some training patches, as the network will see them."""
    return Path("reports", dataset, "patches.png")


def model(dataset, network):
    return Path("models", dataset, f"{network}.keras")


def model_card(dataset, network):
    """What prediction needs to know beside the weights (input size, classes, threshold)."""
    return Path("models", dataset, f"{network}.json")


def repeats(dataset, network):
    """Folder of the networks of further seeds (`train.repeats`): ``<seed>.keras``, its card and its curves."""
    return Path("models", dataset, f"{network}_repeats")


def checkpoint(dataset, network, key):
    """Where an interrupted training goes on. Not an output of its stage: DVC removes those before a stage runs."""
    return Path(".checkpoints", f"{dataset}-{network}-{key}.npz")


def audit(dataset):
    """What the leakage audit of the split found, in numbers."""
    return Path("reports", dataset, "audit.json")


def leakage(dataset, suffix):
    """The near-duplicates that stand on two sides of the split: a table (csv), and a picture of the strongest (png)."""
    return Path("reports", dataset, f"leakage.{suffix}")


def report(dataset, network):
    """Everything that is written about one trained network: curves, metrics, tables, panels."""
    return Path("reports", dataset, network)
