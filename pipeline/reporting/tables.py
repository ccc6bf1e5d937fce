"""The numbers of the report as rows of text: shares in percent, differences in percentage points."""

import math

TITLES = {"unet": "U-Net", "attn_resunet": "Attention ResU-Net", "vgg16": "VGG16"}
MISSING = "–"  # of what is undefined or was not reported

# Per metric: its title, what it means, and whether it is a share (shown in percent) or a plain number.
SEGMENTATION_ROWS = {
    "iou": ("IoU", "foreground, pooled over all test pixels", True),
    "dice": ("Dice", "foreground, pooled over all test pixels", True),
    "dice_per_image": ("Dice per image", "mean over test images", True),
    "mean_iou": ("Mean IoU", "of foreground and background", True),
    "iou_background": ("IoU background", "pooled", True),
    "precision": ("Precision", "share of the prediction that is foreground", True),
    "recall": ("Recall", "share of the foreground that is predicted", True),
    "accuracy": ("Accuracy", "share of pixels that are right; high where little is foreground", True),
    "average_precision": ("Average precision", "area under precision–recall, over all thresholds", True),
    "loss": ("Loss", "on the test images; lower is better", False),
}
CLASSIFICATION_ROWS = {
    "accuracy": ("Accuracy", "share of images that are right", True),
    "balanced_accuracy": ("Balanced accuracy", "mean recall over classes", True),
    "macro_f1": ("Macro F1", "mean F1 over classes", True),
    "auroc": ("AUROC", "mean over classes, each against the rest", True),
    "ece": ("Calibration error", "expected, over 15 bins of confidence; lower is better", True),
    "loss": ("Cross-entropy", "in nats; lower is better", False),
}

# The tables of the internship report that this pipeline grows from, with its own digits; its loss is of validation.
REPORTED = {
    "mitochondria": {
        **{"accuracy": "99.47", "loss": "0.3255", "mean_iou": "95.19", "dice": "95.27"},
        **{"iou_background": "99.41", "iou": "94.56"},
    },
    "polyps": {
        **{"accuracy": "89.96", "loss": "0.25755", "mean_iou": "70.318", "dice": "68.395"},
        **{"iou_background": "88.66", "iou": "51.97"},
    },
    "tissue": {"accuracy": "77.72", "loss": "1.5588"},
}
REPORTED_NOTES = {
    "mitochondria": (
        "The reported column is the internship report's, on other images; its loss is that of validation. "
        "It contradicts itself: a Dice of 95.27 implies a foreground IoU of 90.97, not 94.56."
    ),
    "polyps": "The reported column is the internship report's, on Kvasir images; its loss is that of validation.",
    "tissue": "The reported column is the internship report's VGG16 after 50 epochs; its loss is that of validation.",
}


def number(value, percent):
    """Write a share as percent with two decimals, another number with four; an undefined one as a dash."""
    if not _defined(value):
        return MISSING
    return f"{100 * value:.2f}" if percent else f"{value:.4f}"


def difference(new, old, percent):
    """Write ``new - old`` with its sign, in percentage points for shares."""
    if not _defined(new) or not _defined(old):
        return MISSING
    text = f"{100 * (new - old):+.2f}" if percent else f"{new - old:+.4f}"
    return text.replace("-", "\N{MINUS SIGN}")


def headers(dataset):
    """Column titles of `comparison`, after the metric."""
    networks = [TITLES[network.name] for network in dataset.networks]
    return [*networks, *(["difference"] if len(networks) == 2 else []), "trivial", "reported"]


def comparison(dataset):
    """One row per metric: every network, their difference, the trivial predictor, the reported figure.

    Parameters
    ----------
    dataset : pipeline.reporting.results.DatasetResult

    Returns
    -------
    list of dict
        ``metric``, ``meaning``, ``cells`` (text, as long as `headers`).
    """
    metrics = [network.metrics for network in dataset.networks]
    rows = []
    for key, (title, meaning, percent) in _rows(dataset).items():
        cells = [number(values[key], percent) for values in metrics]
        if len(metrics) == 2:
            cells.append(difference(metrics[1][key], metrics[0][key], percent))
        cells.append(number(metrics[0].get(f"trivial_{key}"), percent))
        cells.append(REPORTED[dataset.info.name].get(key, MISSING))
        rows.append({"metric": title, "meaning": meaning, "cells": cells})
    return rows


def facts(network):
    """What stands under a network's name: size, epochs, precision and, for segmentation, the threshold."""
    card = network.card
    lines = {
        "parameters": f"{card['parameters']:,}" if isinstance(card["parameters"], int) else str(card["parameters"]),
        "epochs": f"{card['epochs']}, the best is {card['best_epoch']}",
        "arithmetic": str(card["precision"]),
    }
    if "threshold" in network.metrics:
        lines["threshold"] = f"{network.metrics['threshold']:.3f}, chosen on validation"
    return lines | {"test images": str(network.metrics["test_images"])}


def paired_sentence(dataset):
    """Say on how many test images each of two networks scores the higher Dice; plain counts, no test of significance."""
    first, second = dataset.networks
    pairs = first.per_image.merge(second.per_image, on="image", suffixes=("_1", "_2"))
    higher = int((pairs["dice_2"] > pairs["dice_1"]).sum())
    lower = int((pairs["dice_2"] < pairs["dice_1"]).sum())
    return (
        f"Of {len(pairs)} test images in {pairs['group_1'].nunique()} groups, {TITLES[second.name]} has the higher "
        f"Dice on {higher}, {TITLES[first.name]} on {lower}. The differences are one training run against another; "
        "they do not say how another seed would turn out."
    )


def headline(datasets):
    """One entry per trained network for the top of the page and the summary.

    Returns
    -------
    list of dict
        ``dataset``, ``source``, ``phantom``, ``network``, and ``scores``: dicts of ``metric`` and ``cells`` (score,
        trivial predictor, reported).
    """
    return [
        {"dataset": dataset.info.name, "source": dataset.info.source, "phantom": dataset.info.phantom}
        | {"network": TITLES[network.name], "scores": _headline_scores(dataset, network)}
        for dataset in datasets
        for network in dataset.networks
    ]


def _headline_scores(dataset, network):
    scores = []
    for key in ("iou", "dice") if dataset.info.kind == "segmentation" else ("accuracy",):
        cells = [number(network.metrics[key], True), number(network.metrics[f"trivial_{key}"], True)]
        cells.append(REPORTED[dataset.info.name].get(key, MISSING))
        scores.append({"metric": _rows(dataset)[key][0], "cells": cells})
    return scores


def _rows(dataset):
    return SEGMENTATION_ROWS if dataset.info.kind == "segmentation" else CLASSIFICATION_ROWS


def _defined(value):
    return value is not None and math.isfinite(value)
