"""The tables of segmentation networks: pixels pooled, image by image, borders, objects, probabilities."""

from functools import partial

from pipeline.reporting import tables
from pipeline.reporting.numbers import COUNT, INDEX, LENGTH, MISSING, NANOMETRES, SHARE, Cell, cell, change, difference, fixed
from pipeline.reporting.reported import NOTES
from pipeline.reporting.table import Row, Table

OVERLAP = ("iou", "dice", "mean_iou", "iou_background", "accuracy", "loss", "precision", "recall")
PER_IMAGE = {"dice": ("Dice", SHARE, "foreground"), "iou": ("IoU", SHARE, "foreground")}
BOUNDARY = {
    "nsd": ("NSD", SHARE, "normalised surface Dice: share of the borders that agree"),
    "hd95": ("HD95, pixels", LENGTH, "95th percentile of the distance between the borders"),
    "assd": ("ASSD, pixels", LENGTH, "mean distance between the borders"),
    "hd95_nm": ("HD95, nm", NANOMETRES, "the same in nanometres"),
    "assd_nm": ("ASSD, nm", NANOMETRES, "the same in nanometres"),
}
OBJECTS = {
    "reference": ("Objects in the masks", COUNT, "connected pieces of foreground"),
    "predicted": ("Objects predicted", COUNT, ""),
    "count_error": ("Count error", COUNT, "predicted minus true; too many here and too few there cancel"),
    "precision": ("Precision", SHARE, "share of the predicted objects that match one, IoU ≥ 0.5"),
    "recall": ("Recall", SHARE, "share of the objects that were found, IoU ≥ 0.5"),
    "f1": ("F1", SHARE, "of both; the recognition quality of PQ"),
    "precision_75": ("Precision, IoU ≥ 0.75", SHARE, "asks for a good outline"),
    "recall_75": ("Recall, IoU ≥ 0.75", SHARE, ""),
    "f1_75": ("F1, IoU ≥ 0.75", SHARE, ""),
    "sq": ("Segmentation quality", SHARE, "mean IoU of the objects found"),
    "pq": ("Panoptic quality", SHARE, "F1 times segmentation quality"),
    "average_precision": ("Average precision", SHARE, "objects ranked by confidence, IoU ≥ 0.5"),
    "splits": ("Splits", COUNT, "objects predicted in pieces"),
    "merges": ("Merges", COUNT, "predicted objects that join several"),
}
PROBABILITY = {
    "average_precision": ("Average precision", SHARE, "area under precision–recall, over all thresholds"),
    "auroc": ("AUROC", SHARE, "area under the ROC curve; high where little is foreground"),
    "ece": ("Calibration error", SHARE, "expected, over 15 bins; lower is better"),
    "brier": ("Brier score", INDEX, "squared error of the probabilities; lower is better"),
}
COMPARED = {
    "dice": "dice_per_image",
    "nsd": "nsd",
    "hd95": "hd95",
    "assd": "assd",
}  # means over images whose difference has an interval


def all_tables(dataset, found):
    """Build the tables in the order of the page.

    Parameters
    ----------
    dataset : pipeline.reporting.results.DatasetResult
    found : dict of str to pipeline.scoring.statistics.Difference
        As `pipeline.reporting.comparison.differences` gives them.

    Returns
    -------
    list of Table
    """
    return [
        overlap(dataset, found),
        per_image(dataset, found),
        boundary(dataset, found),
        objects(dataset, found),
        probability(dataset),
    ]


def overlap(dataset, found):
    """Pooled over all test pixels, beside the trivial predictor and the figures of the internship report."""
    networks = dataset.networks
    rows = []
    for key in OVERLAP:
        title, style, meaning = tables.METRICS[key]
        cells = [tables.score(network, key) for network in networks]
        cells += _difference(networks, found.get(key), style, lambda network, key=key: network.metrics[key])
        cells += [tables.trivial(networks[0], key), tables.reported(dataset, key)]
        rows.append(Row(title, meaning, cells))
    note = f"{tables.intervals_note(networks[0])} {_of_difference(networks)}{NOTES[dataset.info.name]}"
    return Table("Overlap, all test pixels pooled", [*_headers(networks), "trivial", "reported"], rows, len(networks), note=note)


def per_image(dataset, found):
    """Mean, median and quartiles over test images."""
    return _distributions(
        "Overlap, image by image", dataset, found, PER_IMAGE, "Each image weighs the same, whatever its foreground."
    )


def boundary(dataset, found):
    """Distances between borders, in pixels and in nanometres where the size of a pixel is known."""
    detail = dataset.networks[0].detail
    keys = {key: row for key, row in BOUNDARY.items() if key in detail["per_image"]}
    note = f"Borders agree within {detail['tolerance']:g} pixels."
    counts = [network.detail["per_image"]["hd95"]["undefined"] for network in dataset.networks]
    if any(counts):
        listed = ", ".join(f"{network.title} {count}" for network, count in zip(dataset.networks, counts, strict=True))
        note += f" Images left out of HD95 and ASSD, as mask or prediction is empty: {listed}."
    if detail["pixel_size_nm"] is None:
        note += " The size of a pixel is not known, so there are no nanometres."
    return _distributions("Borders, image by image", dataset, found, keys, note)


def objects(dataset, found):
    """Objects found, missed and invented."""
    cells = partial(_plain_cells, dataset.networks, "objects")
    intervals = {"f1": "object_f1", "pq": "pq"}
    rows = [
        Row(title, meaning, cells(key, style, intervals.get(key), found.get(intervals.get(key))))
        for key, (title, style, meaning) in OBJECTS.items()
    ]
    return Table("Objects, all test images pooled", _headers(dataset.networks), rows, len(dataset.networks))


def probability(dataset):
    """How good the probabilities are before any threshold."""
    cells = partial(_plain_cells, dataset.networks, "probability")
    rows = [Row(title, meaning, cells(key, style)) for key, (title, style, meaning) in PROBABILITY.items()]
    return Table("Probabilities, all test pixels pooled", _headers(dataset.networks), rows, len(dataset.networks))


def _plain_cells(networks, part, key, style, interval=None, compared=None):
    cells = [cell(network.detail[part][key], style, network.detail["intervals"].get(interval)) for network in networks]
    return cells + _difference(networks, compared, style, lambda network: network.detail[part][key])


def _distributions(title, dataset, found, metrics, note):
    networks = dataset.networks
    rows = []
    for key, (name, style, meaning) in metrics.items():
        compared = COMPARED.get(key)
        summaries = [network.detail["per_image"][key] for network in networks]
        means = [
            cell(summary["mean"], style, network.detail["intervals"].get(compared))
            for network, summary in zip(networks, summaries, strict=True)
        ]
        means += _difference(
            networks, found.get(compared), style, lambda network, key=key: network.detail["per_image"][key]["mean"]
        )
        rows.append(Row(name, meaning, means + [_quartiles(summary, style) for summary in summaries]))
    headers = [f"{network.title}, mean" for network in networks] + ["difference"] * (len(networks) == 2)
    headers += [f"{network.title}, median [quartiles]" for network in networks]
    return Table(title, headers, rows, len(networks), note=note)


def _quartiles(summary, style):
    if summary["median"] is None:
        return Cell(MISSING)
    median, q1, q3 = (fixed(summary[key], style) for key in ("median", "q1", "q3"))
    return Cell(median, f"[{q1}–{q3}]")


def _headers(networks):
    return [network.title for network in networks] + ["difference"] * (len(networks) == 2)


def _of_difference(networks):
    return f"Difference: {networks[1].title} minus {networks[0].title}. " if len(networks) == 2 else ""


def _difference(networks, compared, style, value):
    """One cell of the second network minus the first, if there are two, with its interval where it was compared."""
    if len(networks) != 2:
        return []
    if compared is not None:
        return [change(compared.difference, style, compared.interval)]
    first, second = networks
    return [difference(value(second), value(first), style)]
