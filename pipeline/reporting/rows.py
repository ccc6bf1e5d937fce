"""The table of single test images: the hardest first, each with its picture."""

from dataclasses import dataclass

import pandas as pd

from pipeline.reporting.gallery import picture_id
from pipeline.reporting.numbers import COUNT, LENGTH, MISSING, SHARE, cell, change, defined

MOST = 500  # rows; the page stays quick with more, but who reads them? All are in per_image.csv
COMPARED = {"dice": ("Dice", SHARE), "nsd": ("NSD", SHARE), "hd95": ("HD95, px", LENGTH)}


@dataclass(frozen=True)
class Column:
    """One column: its header, the header above it that it shares with its neighbours, and whether it holds names."""

    title: str
    above: str = ""
    text: bool = False


@dataclass(frozen=True)
class Entry:
    """What a cell shows, and the number by which it is sorted (None: by its text, or undefined)."""

    text: str
    value: float | None = None


@dataclass(frozen=True)
class Images:
    """The table.

    Attributes
    ----------
    columns : list of Column
    rows : list of tuple
        The picture's id in the page (empty without one) and the entries.
    sorted_by : int
        Column by which the rows ascend.
    total : int
        Test images; more than there are rows, where there are many.
    """

    columns: list
    rows: list
    sorted_by: int
    total: int

    @property
    def groups(self):
        """The headers above: a list of (title, number of columns)."""
        spans = []
        for column in self.columns:
            if spans and column.above and spans[-1][0] == column.above:
                spans[-1][1] += 1
            else:
                spans.append([column.above, 1])
        return spans


def images(dataset):
    """Build the table of a dataset.

    Parameters
    ----------
    dataset : pipeline.reporting.results.DatasetResult

    Returns
    -------
    Images
    """
    return _segmented(dataset) if dataset.segmentation else _classified(dataset)


def captions(dataset):
    """What to say about each image below its picture: dict of str to str."""
    if not dataset.segmentation:
        records = dataset.networks[0].tables["per_image"].to_dict("records")
        return {r["image"]: f"{r['actual']}, taken for {r['predicted']} ({_percent(r['confidence'])} %)" for r in records}
    merged = _side_by_side(dataset)
    return {
        row["image"]: "Dice: "
        + ", ".join(f"{network.title} {_percent(row[f'dice_{n}'])}" for n, network in enumerate(dataset.networks))
        for row in merged.to_dict("records")
    }


def _percent(value):
    return str(cell(value, SHARE))


def _side_by_side(dataset):
    """One row per image, each column of a network with its number: ``dice_0``, ``dice_1``."""
    tables = [network.tables["per_image"] for network in dataset.networks]
    numbered = [table.drop(columns=["image", "unit", "picture"]).add_suffix(f"_{n}") for n, table in enumerate(tables)]
    return pd.concat([tables[0][["image", "unit", "picture"]], *numbered], axis=1)


def _segmented(dataset):
    numbers = range(len(dataset.networks))
    titles = [network.title for network in dataset.networks]
    columns = [Column("image", text=True), Column("unit", text=True), Column("foreground")]
    for key, (title, _) in COMPARED.items():
        columns += [Column(name, title) for name in titles] + [Column("difference", title)] * (key == "dice" and len(titles) == 2)
    columns += [Column("true", "objects"), *(Column(name, "objects") for name in titles)]
    merged = _side_by_side(dataset).sort_values(["dice_0", "image"], kind="stable")
    rows = []
    for row in merged.head(MOST).to_dict("records"):
        entries = [Entry(row["image"]), Entry(row["unit"]), _entry(row["reference_fraction_0"], SHARE)]
        for key, (_, style) in COMPARED.items():
            entries += [_entry(row[f"{key}_{n}"], style) for n in numbers]
            if key == "dice" and len(titles) == 2:
                entries.append(_entry(row["dice_1"] - row["dice_0"], SHARE, change))
        entries += [_entry(row["objects_reference_0"], COUNT), *(_entry(row[f"objects_predicted_{n}"], COUNT) for n in numbers)]
        rows.append((_picture(dataset, row["picture"]), entries))
    return Images(columns, rows, 3, len(merged))


def _classified(dataset):
    frame = dataset.networks[0].tables["per_image"].sort_values(["probability_of_actual", "image"], kind="stable")
    columns = [Column(name, text=True) for name in ("image", "unit", "actual", "predicted")]
    columns += [Column("confidence"), Column("probability of the actual class")]
    rows = [
        (
            _picture(dataset, row["picture"]),
            [
                *(Entry(row[key]) for key in ("image", "unit", "actual", "predicted")),
                *(_entry(row[key], SHARE) for key in ("confidence", "probability_of_actual")),
            ],
        )
        for row in frame.head(MOST).to_dict("records")
    ]
    return Images(columns, rows, 5, len(frame))


def _picture(dataset, stem):
    return picture_id(dataset, stem) if stem else ""


def _entry(value, style, write=cell):
    return Entry(str(write(value, style)), value) if defined(value) else Entry(MISSING)
