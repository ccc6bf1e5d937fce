"""What the tables of both kinds of networks share, and the headline: shares in percent, differences in percentage points."""

from pipeline.reporting.numbers import COUNT, INDEX, LOSS, MISSING, SHARE, Cell, cell, fixed, spread
from pipeline.reporting.reported import REPORTED
from pipeline.reporting.table import Row, Table
from pipeline.scoring.statistics import FEWEST_UNITS

# Of `metrics.json`, with average precision, kappa and Brier score of `detail.json`: title, how it is written, what it means.
METRICS = {
    "iou": ("IoU", SHARE, "foreground, pooled over all test pixels"),
    "dice": ("Dice", SHARE, "foreground, pooled over all test pixels"),
    "mean_iou": ("Mean IoU", SHARE, "of foreground and background"),
    "iou_background": ("IoU background", SHARE, "pooled"),
    "accuracy": ("Accuracy", SHARE, "share that is right; of pixels, high where little is foreground"),
    "loss": ("Loss", LOSS, "on the test images; lower is better"),
    "precision": ("Precision", SHARE, "share of the prediction that is foreground"),
    "recall": ("Recall", SHARE, "share of the foreground that is predicted"),
    "dice_per_image": ("Dice per image", SHARE, "mean over test images"),
    "nsd": ("NSD", SHARE, "normalised surface Dice, mean over test images"),
    "pq": ("Panoptic quality", SHARE, "of objects: F1 times the IoU of those found"),
    "balanced_accuracy": ("Balanced accuracy", SHARE, "mean recall over classes"),
    "macro_f1": ("Macro F1", SHARE, "mean F1 over classes"),
    "auroc": ("AUROC", SHARE, "mean over classes, each against the rest"),
    "average_precision": ("Average precision", SHARE, "mean over classes, each against the rest"),
    "kappa": ("Cohen's kappa", INDEX, "agreement beyond chance"),
    "ece": ("Calibration error", SHARE, "expected, over 15 bins of confidence; lower is better"),
    "brier": ("Brier score", INDEX, "squared error of the probabilities, 0 to 2; lower is better"),
}
HEADLINE = {"segmentation": ("iou", "dice"), "classification": ("accuracy",)}


def score(network, key):
    """Write a network's score with its interval: a `Cell`."""
    values = network.metrics if key in network.metrics else network.detail
    return cell(values[key], METRICS[key][1], network.detail["intervals"].get(key))


def trivial(network, key):
    """Write what the trivial predictor scores, where it is defined: a `Cell`."""
    return cell(network.detail["trivial"].get(key), METRICS[key][1])


def reported(dataset, key):
    """Write what the internship report has: a `Cell`."""
    return Cell(REPORTED[dataset.info.name].get(key, MISSING))


def headline(datasets):
    """One entry per trained network for the top of the page and the summary.

    Returns
    -------
    list of dict
        ``dataset``, ``source``, ``phantom``, ``network``, and ``scores``: dicts of ``metric`` and ``cells`` (score,
        trivial predictor, reported).
    """
    return [
        {"dataset": dataset.info.name, "source": dataset.info.source, "phantom": dataset.info.phantom, "network": network.title}
        | {
            "scores": [
                {"metric": METRICS[key][0], "cells": [score(network, key), trivial(network, key), reported(dataset, key)]}
                for key in HEADLINE[dataset.info.task]
            ]
        }
        for dataset in datasets
        for network in dataset.networks
    ]


def seeds(dataset):
    """Mean and spread over the networks of several seeds: a `Table`, or None where one was trained."""
    repeats = [network.detail["repeats"] for network in dataset.networks]
    keys = [key for key in METRICS if any(key in summary for summary in repeats)]
    if not keys:
        return None
    rows = [
        Row(METRICS[key][0], METRICS[key][2], [_spread(summary.get(key), METRICS[key][1]) for summary in repeats]) for key in keys
    ]
    counts = sorted({summary[key]["n"] for summary in repeats for key in summary})
    trained = f"{counts[0]} to {counts[-1]}" if len(counts) > 1 else str(counts[-1])
    note = f"Mean ± standard deviation of {trained} networks, trained from different seeds and scored on the same test images."
    return Table("Over seeds", [network.title for network in dataset.networks], rows, len(repeats), note=note)


def _spread(summary, style):
    return spread(summary["mean"], summary["sd"], style) if summary else Cell(MISSING)


def intervals_note(network):
    """Say what the brackets mean, and why there may be none."""
    detail = network.detail
    unit, missing = detail["unit"], [key for key, limits in detail["intervals"].items() if limits is None and key != "ece"]
    where = ", each an independent unit" if unit["name"] == "image" else f" in {units_in_words(unit)}"
    text = f"{fixed(detail['test_images'], COUNT)} test images{where}. "
    if unit["count"] < FEWEST_UNITS:
        return text + f"No intervals: they need at least {FEWEST_UNITS} independent units."
    text += "In brackets: 95 % interval over these independent units."
    text += " A score without brackets is undefined in some units, or alike in all." if missing else ""
    never = " The calibration error never has them: chance makes it larger, so they would miss the truth."
    return text + (never if "ece" in detail["intervals"] else "")


def units_in_words(unit):
    """Count the independent units, as "4 blocks of 2 images"."""
    head, _, rest = unit["name"].partition(" ")
    return f"{unit['count']} {head}{'' if unit['count'] == 1 else 's'}{' ' * bool(rest)}{rest}"


KEPT = {"loss": "lowest loss", "metric": "highest metric"}  # by `train.monitor`


def training(dataset):
    """How each network was trained: a `Table` of size, epochs, seed, arithmetic, software and, for segmentation, threshold."""
    lines = [
        ("Parameters", "", lambda network: _integer(network.card["parameters"])),
        ("Epochs", "", lambda network: str(network.card["epochs"])),
        ("Epoch kept", "on validation", lambda network: f"{network.card['best_epoch']}, {KEPT[network.card['monitor']]}"),
        ("Seed", "", lambda network: str(network.card["seed"])),
        ("Arithmetic", "", lambda network: str(network.card["precision"])),
        ("Keras", "", lambda network: str(network.card["keras"])),
        ("Backend", "", lambda network: str(network.card["backend"])),
    ]
    if dataset.segmentation:
        lines.append(("Threshold", "highest Dice on validation", lambda network: f"{network.detail['threshold']:.3f}"))
    rows = [Row(title, meaning, [Cell(value(network)) for network in dataset.networks]) for title, meaning, value in lines]
    return Table("Training", [network.title for network in dataset.networks], rows, 0, first="")


def _integer(value):
    return f"{value:,}" if isinstance(value, int) else str(value)
