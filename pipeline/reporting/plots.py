"""The tables that ``dvc plots`` draws: one for each kind of plot, with all data sets and networks."""

import numpy as np
import pandas as pd

from pipeline.atomic import write_table

POINTS = 100  # of a curve, at most: as many as a plot can show


def learning_curves(datasets):
    """Loss and score by epoch: columns dataset, network, role, quantity, epoch, value."""
    columns = ["dataset", "network", "role", "quantity", "epoch", "value"]
    pieces = []
    for dataset, network in _pairs(datasets):
        curves = network.tables["curves"].drop(columns="learning_rate")
        piece = curves.melt("epoch", var_name="quantity")
        piece["role"] = np.where(piece["quantity"].str.startswith("val_"), "validation", "training")
        piece["quantity"] = np.where(piece["quantity"].str.endswith("loss"), "loss", "score")
        pieces.append(piece.assign(dataset=dataset.name, network=network.title))
    return _joined(pieces, columns)


def precision_recall(datasets):
    """Precision and recall over all thresholds: columns dataset, network, class, recall, precision."""
    pieces = []
    for dataset, network in _pairs(datasets):
        curves = network.tables["precision_recall"]
        if "class" not in curves:
            curves = curves.assign(**{"class": dataset.info["classes"][-1]})  # background, foreground
        for _, curve in curves.groupby("class", sort=False):
            places = np.linspace(0, len(curve) - 1, min(len(curve), POINTS)).round().astype(int)
            pieces.append(curve.iloc[places].assign(dataset=dataset.name, network=network.title))
    return _joined(pieces, ["dataset", "network", "class", "recall", "precision"])


def confusion(datasets):
    """Test images of a classification, or pixels of several classes: columns model, actual, predicted, count."""
    pieces = []
    for dataset, network in _pairs(datasets):
        if "confusion" in network.tables:
            counts = network.tables["confusion"].rename(columns={"pixels": "count"})
        elif "predicted" in network.tables["per_image"]:
            counts = network.tables["per_image"].groupby(["actual", "predicted"]).size().reset_index(name="count")
        else:
            continue
        pieces.append(counts.assign(model=f"{dataset.name}, {network.title}"))
    return _joined(pieces, ["model", "actual", "predicted", "count"])


def write_plots(datasets, folder):
    folder.mkdir(parents=True, exist_ok=True)
    for make in (learning_curves, precision_recall, confusion):
        write_table(folder / f"{make.__name__}.csv", make(datasets))


def _pairs(datasets):
    return [(dataset, network) for dataset in datasets for network in dataset.networks]


def _joined(pieces, columns):
    return pd.concat([piece[columns] for piece in pieces]) if pieces else pd.DataFrame(columns=columns)
