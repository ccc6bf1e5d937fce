"""What the report shows of classification networks: their metrics, tables, curves and pictures."""

import pandas as pd

from pipeline.reporting import charts
from pipeline.reporting import tables as shared
from pipeline.reporting.format import COUNT, INDEX, LOSS, SHARE, Metric, number

METRICS = {
    "accuracy": Metric("Accuracy", SHARE, "share of images that are classified correctly"),
    "balanced_accuracy": Metric("Balanced accuracy", SHARE, "mean recall over classes"),
    "macro_f1": Metric("Macro F1", SHARE, "mean F1 over classes"),
    "auroc": Metric("AUROC", SHARE, "mean over classes, each against the rest"),
    "average_precision": Metric("Average precision", SHARE, "mean over classes, each against the rest"),
    "kappa": Metric("Cohen's kappa", INDEX, "agreement beyond chance"),
    "ece": Metric("Calibration error", SHARE, "over 15 bins; lower is better; no interval, because chance only raises it"),
    "brier": Metric("Brier score", INDEX, "squared error of the probabilities, 0 to 2; lower is better"),
    "loss": Metric("Loss", LOSS, "on the test images; lower is better"),
}
PER_CLASS = {
    "support": ("images", COUNT),
    "precision": ("precision", SHARE),
    "recall": ("recall", SHARE),
    "f1": ("F1", SHARE),
    "auroc": ("AUROC", SHARE),
    "average_precision": ("average precision", SHARE),
}


def leaderboard(info):
    return "accuracy", "macro_f1"


def tables(dataset):
    """List the tables in the order of the page."""
    networks = dataset.networks
    columns = [*((n.title, shared.scored(n)) for n in networks), *shared.references(dataset)]
    shown = [shared.metric_table("All classes", METRICS, columns, shared.note_on_scores(dataset)), shared.differences(dataset)]
    shown += [*(shared.each_class(network, PER_CLASS) for network in networks), *map(_confusion, networks)]
    shown += [shared.folds(dataset), shared.seeds(dataset)]
    return [found for found in shown if found]


def curves(dataset):
    """List the charts as (title, note, SVG)."""
    reliability = charts.reliability({network.title: network.tables["reliability"] for network in dataset.networks})
    note = "Confidence of the prediction, and how often it is right; on the diagonal, both agree."
    return [*charts.of_each_class(dataset.networks), ("Reliability", note, reliability)]


def images(dataset):
    """Describe the test images one by one, the hardest for the best network first (see `segmentation.tables.images`)."""
    networks = dataset.ranked
    frame = networks[0].tables["per_image"][["image", "unit", "actual"]].copy()
    columns = [(key, key, "", None) for key in frame]
    pictures = pd.DataFrame({network.name: network.tables["per_image"]["picture"] for network in networks})
    frame["picture"] = pictures.max(axis=1)  # each network shows its own mistakes
    for network in networks:
        for key, title, style in (
            ("predicted", "predicted", None),
            ("confidence", "confidence", SHARE),
            ("probability_of_actual", "probability of the actual class", SHARE),
        ):
            frame[f"{key} {network.name}"] = network.tables["per_image"][key]
            columns.append((f"{key} {network.name}", title, network.title, style))
    sorted_by = f"probability_of_actual {networks[0].name}"
    return frame.sort_values([sorted_by, "image"], kind="stable"), columns, sorted_by


def captions(dataset):
    """Say what each image is, and what each network takes it for (see `segmentation.tables.captions`)."""
    first = dataset.networks[0].tables["per_image"]

    def answers(frame):
        return "predicted " + frame["predicted"] + " (" + frame["confidence"].map(lambda value: number(value, SHARE)) + " %)"

    texts = {network.title: answers(network.tables["per_image"]) for network in dataset.networks}
    return pd.DataFrame({"image": "actual class: " + first["actual"]} | texts).set_index(first["image"])


def _confusion(network):
    """Count the test images by true class (rows) and predicted class (columns), with the shares of each row as shades."""
    answers, classes = network.tables["per_image"], network.tables["per_class"]["class"]
    counts = pd.crosstab(answers["actual"], answers["predicted"]).reindex(index=classes, columns=classes, fill_value=0)
    return shared.confusion(network, counts, "images")
