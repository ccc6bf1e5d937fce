"""The tables of classification networks: the headline, each class, and which class is taken for which."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from pipeline.reporting import tables
from pipeline.reporting.numbers import COUNT, SHARE, cell, fixed
from pipeline.reporting.reported import NOTES
from pipeline.reporting.table import Row, Table
from pipeline.scoring.confusion import confusion_rates

HEADLINE = ("accuracy", "balanced_accuracy", "macro_f1", "auroc", "average_precision", "kappa", "ece", "brier", "loss")
PER_CLASS = ("precision", "recall", "f1", "auroc", "average_precision")
SHADES = 10  # of the confusion matrix, from none to full


def all_tables(dataset):
    """Build the tables in the order of the page: a list of `Table`."""
    return [scores(dataset), per_class(dataset)]


def scores(dataset):
    """All test images, beside the trivial predictor and the figures of the internship report."""
    networks = dataset.networks
    rows = []
    for key in HEADLINE:
        title, _, meaning = tables.METRICS[key]
        cells = [tables.score(network, key) for network in networks]
        rows.append(Row(title, meaning, [*cells, tables.trivial(networks[0], key), tables.reported(dataset, key)]))
    note = f"{tables.intervals_note(networks[0])} {NOTES[dataset.info.name]}"
    headers = [*(network.title for network in networks), "trivial", "reported"]
    return Table("All classes", headers, rows, len(networks), note=note)


def per_class(dataset):
    """Each class against the rest."""
    frame = dataset.networks[0].tables["per_class"]
    rows = [
        Row(
            row["class"],
            "",
            [cell(row["support"], COUNT), *(cell(row[key], SHARE) for key in PER_CLASS)],
        )
        for row in frame.to_dict("records")
    ]
    headers = ["images", "precision", "recall", "F1", "AUROC", "average precision"]
    return Table("Each class", headers, rows, len(headers), first="class")


@dataclass(frozen=True)
class Confusion:
    """A confusion matrix as text.

    Attributes
    ----------
    classes : list of str
    rows : list of tuple
        The true class, and per predicted class its count, its share of the row and its shade from 0 to 10.
    """

    classes: list
    rows: list


def confusion(dataset):
    """Count the test images by true and predicted class."""
    frame, classes = dataset.networks[0].tables["per_image"], list(dataset.info.classes)
    counts = pd.crosstab(frame["actual"], frame["predicted"]).reindex(index=classes, columns=classes, fill_value=0).to_numpy()
    rates = confusion_rates(counts)
    shades = np.ceil(SHADES * np.nan_to_num(rates)).astype(int)
    rows = [
        (name, [(fixed(c, COUNT), str(cell(r, SHARE)), int(s)) for c, r, s in zip(*row, strict=True)])
        for name, *row in zip(classes, counts, rates, shades, strict=True)
    ]
    return Confusion(classes, rows)
