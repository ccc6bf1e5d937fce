"""What the report shows of segmentation networks: their metrics, tables, curves and pictures."""

import pandas as pd

from pipeline.reporting import charts
from pipeline.reporting import tables as shared
from pipeline.reporting.format import COUNT, INDEX, LENGTH, LOSS, SHARE, Metric, number, quartiles

POOLED = {
    "iou": Metric("IoU", SHARE, "foreground, pooled over all test pixels; with several classes, their mean"),
    "dice": Metric("Dice", SHARE, "foreground, pooled over all test pixels"),
    "mean_iou": Metric("Mean IoU", SHARE, "of all classes, with the background"),
    "iou_background": Metric("IoU background", SHARE, "pooled"),
    "accuracy": Metric("Accuracy", SHARE, "correct pixels; high where there is little foreground"),
    "loss": Metric("Loss", LOSS, "on the test images; lower is better"),
    "precision": Metric("Precision", SHARE, "share of the prediction that is foreground"),
    "recall": Metric("Recall", SHARE, "share of the foreground that is predicted"),
}
AVERAGED = {
    "dice_per_image": Metric("Dice per image", SHARE, "mean over test images"),
    "nsd": Metric("NSD", SHARE, "normalised surface Dice: share of the borders that agree"),
    "hd95": Metric("HD95, pixels", LENGTH, "95th percentile of the distance between the borders"),
    "assd": Metric("ASSD, pixels", LENGTH, "mean distance between the borders"),
}
METRICS = {
    **POOLED,
    **AVERAGED,
    "object_f1": Metric("F1 of objects", SHARE, "objects found, IoU ≥ 0.5"),
    "pq": Metric("Panoptic quality", SHARE, "F1 of objects times the mean IoU of those found"),
}
OVERLAP_PER_IMAGE = {"dice": Metric("Dice", SHARE, "foreground"), "iou": Metric("IoU", SHARE, "foreground")}
BORDERS = {key: AVERAGED[key] for key in ("nsd", "hd95", "assd")} | {
    "hd95_nm": Metric("HD95, nm", COUNT, "the same in nanometres"),
    "assd_nm": Metric("ASSD, nm", COUNT, "the same in nanometres"),
}
OBJECTS = {
    "reference": Metric("Objects in the masks", COUNT, "connected pieces of foreground"),
    "predicted": Metric("Objects predicted", COUNT),
    "count_error": Metric("Count error", COUNT, "predicted minus true; surpluses and deficits in different images cancel"),
    "precision": Metric("Precision", SHARE, "share of the predicted objects that match one, IoU ≥ 0.5"),
    "recall": Metric("Recall", SHARE, "share of the objects that were found, IoU ≥ 0.5"),
    "f1": Metric("F1", SHARE, "harmonic mean of both; the recognition quality of PQ"),
    "precision_75": Metric("Precision, IoU ≥ 0.75", SHARE, "requires a better outline"),
    "recall_75": Metric("Recall, IoU ≥ 0.75", SHARE),
    "f1_75": Metric("F1, IoU ≥ 0.75", SHARE),
    "sq": Metric("Segmentation quality", SHARE, "mean IoU of the objects found"),
    "pq": Metric("Panoptic quality", SHARE, "F1 times segmentation quality"),
    "average_precision": Metric("Average precision", SHARE, "objects ranked by confidence, IoU ≥ 0.5"),
    "splits": Metric("Splits", COUNT, "objects predicted in several pieces"),
    "merges": Metric("Merges", COUNT, "predicted objects that join several"),
}
VOLUMES = {
    "nsd": Metric("NSD", SHARE, "share of the surfaces that agree"),
    "hd95_nm": Metric("HD95, nm", COUNT, "95th percentile of the distance between the surfaces"),
    "assd_nm": Metric("ASSD, nm", COUNT, "mean distance between the surfaces"),
    "reference": Metric("Objects in the masks", COUNT, "pieces of foreground that are connected across sections"),
    "predicted": OBJECTS["predicted"],
    "f1": METRICS["object_f1"],
    "pq": METRICS["pq"],
}
PROBABILITIES = {
    "average_precision": Metric("Average precision", SHARE, "area under precision–recall, over all thresholds"),
    "auroc": Metric("AUROC", SHARE, "area under the ROC curve; high where there is little foreground"),
    "ece": Metric("Calibration error", SHARE, "expected calibration error, over 15 bins; lower is better"),
    "brier": Metric("Brier score", INDEX, "squared error of the probabilities; lower is better"),
}
PER_CLASS = {
    "share": ("pixels", SHARE),
    "iou": ("IoU", SHARE),
    "trivial_iou": ("trivial IoU", SHARE),
    "dice": ("Dice", SHARE),
    "precision": ("precision", SHARE),
    "recall": ("recall", SHARE),
    "nsd": ("NSD", SHARE),
    "average_precision": ("average precision", SHARE),
    "objects_reference": ("objects in the masks", COUNT),
    "objects_predicted": ("objects predicted", COUNT),
    "object_f1": ("F1 of objects", SHARE),
    "pq": ("PQ", SHARE),
}
# Keys of `detail["intervals"]` for what stands elsewhere under another name.
OF_IMAGES, OF_OBJECTS = {"dice": "dice_per_image", "nsd": "nsd"}, {"f1": "object_f1", "pq": "pq"}


def tables(dataset):
    """List the tables in the order of the page."""
    networks, detail = dataset.networks, dataset.networks[0].detail
    borders = {key: metric for key, metric in BORDERS.items() if key in detail["per_image"]}
    pooled = [*((n.title, shared.scored(n)) for n in networks), *shared.references(dataset)]
    objects = [(n.title, _written(n, n.detail["objects"], OF_OBJECTS)) for n in networks]
    probabilities = [(n.title, shared.written(n.detail["probability"])) for n in networks]
    shown = [
        shared.metric_table("Overlap, all test pixels pooled", POOLED, pooled, shared.note_on_scores(dataset)),
        *(found for network in networks if "per_class" in network.tables for found in _classes(network)),
        shared.differences(dataset),
        _per_image("Overlap, image by image", OVERLAP_PER_IMAGE, networks, "Each image has the same weight."),
        _per_image("Borders, image by image", borders, networks, _note_on_borders(dataset)),
        shared.metric_table("Objects, all test images pooled", _objects(dataset.info), objects, _note_on_objects(networks)),
        _volumes(dataset),
        shared.metric_table("Probabilities, all test pixels pooled", PROBABILITIES, probabilities),
        shared.folds(dataset),
        shared.seeds(dataset),
    ]
    return [table for table in shown if table]


def curves(dataset):
    """List the charts as (title, note, SVG)."""

    def each(name):
        return {network.title: network.tables[name] for network in dataset.networks}

    if "threshold" not in dataset.networks[0].card:
        note = "Probability of the predicted class, and how often it is right; on the diagonal, both agree."
        return [*charts.of_each_class(dataset.networks), ("Reliability", note, charts.reliability(each("reliability")))]
    chosen = {network.title: network.card["threshold"] for network in dataset.networks}
    of = " of fold 0" if "folds" in dataset.info else ""
    note = "On the diagonal, probabilities are right. Hollow: below 0.1 % of pixels."
    return [
        ("Precision and recall", "Test pixels, over all thresholds.", charts.precision_recall(each("precision_recall"))),
        ("ROC", "Test pixels; the diagonal is chance.", charts.roc(each("roc"))),
        ("Reliability", note, charts.reliability(each("reliability"))),
        ("Threshold", f"The dot marks the threshold{of} that was chosen.", charts.thresholds(each("threshold"), chosen)),
    ]


def images(dataset):
    """Describe the test images one by one, the hardest for the best network first.

    Returns a DataFrame with a row for each image; its columns as (key in the frame, title, title above that neighbours share,
    style of the numbers or None for names); and the key by which the rows ascend.
    """
    networks, first = dataset.ranked, dataset.networks[0].tables["per_image"]
    frame = first[["image", "unit", "picture", "reference_fraction", "objects_reference"]].copy()
    columns = [("image", "image", "", None), ("unit", "unit", "", None), ("reference_fraction", "foreground", "", SHARE)]

    def add(key, above, style):
        for network in networks:
            frame[f"{key} {network.name}"] = network.tables["per_image"][key]
            columns.append((f"{key} {network.name}", network.title, above, style))

    add("dice", "Dice", SHARE)
    dices = frame.iloc[:, -len(networks) :]
    if len(networks) > 1:
        frame["range"] = dices.max(axis=1) - dices.min(axis=1)
        columns.append(("range", "range", "Dice", SHARE))
    add("nsd", "NSD", SHARE)
    add("hd95", "HD95, px", LENGTH)
    columns.append(("objects_reference", "true", "objects", COUNT))
    add("objects_predicted", "objects", COUNT)
    sorted_by = f"dice {networks[0].name}"
    return frame.sort_values([sorted_by, "image"], kind="stable"), columns, sorted_by


def captions(dataset):
    """Say how each network did on each image: a DataFrame of texts, with a column for each network, indexed by image."""
    first = dataset.networks[0].tables["per_image"]
    texts = {n.title: "Dice " + n.tables["per_image"]["dice"].map(lambda v: number(v, SHARE)) for n in dataset.networks}
    return pd.DataFrame({"image": first["image"]} | texts).set_index(first["image"])


def _classes(network):
    """Score each class against the rest, and count its pixels by what was predicted: two tables."""
    note = "Each class against the rest, all test pixels pooled. Means of the foreground leave out the first class. "
    note += "The trivial IoU is that of calling every pixel this class."
    classes = network.tables["per_class"]["class"]
    counts = network.tables["confusion"].pivot(index="actual", columns="predicted", values="pixels").loc[classes, classes]
    return [shared.each_class(network, PER_CLASS, note), shared.confusion(network, counts, "pixels")]


def _written(network, values, names):
    """Return the function that writes a network's `values`; `names` maps their keys to those of the intervals."""
    return shared.written(values, {key: network.detail["intervals"].get(name) for key, name in names.items()})


def _per_image(title, metrics, networks, note):
    """Mean with its interval, then median and quartiles, of each network."""
    means, medians = [], []
    for network in networks:
        found = network.detail["per_image"]
        of_key = {key: summary["mean"] for key, summary in found.items()}
        means.append((f"{network.title}, mean", _written(network, of_key, OF_IMAGES)))
        written = lambda key, style, found=found: quartiles(found[key], style)  # noqa: E731
        medians.append((f"{network.title}, median [quartiles]", written))
    return shared.metric_table(title, metrics, means + medians, note)


def _objects(info):
    """`OBJECTS`, with what an object of the masks is in this data set."""
    name, style, _ = OBJECTS["reference"]
    numbered = {"reference": Metric(name, style, "as the label images number them, even if they touch")}
    return OBJECTS | numbered if info.get("instances") else OBJECTS


def _volumes(dataset):
    """Surfaces and objects in three dimensions; None where the images are not sections of a volume."""
    detail = dataset.networks[0].detail
    if "volumes" not in detail:
        return None
    columns = [(n.title, shared.written(n.detail["volumes"])) for n in dataset.networks]
    tolerance = detail["tolerance"] * max(detail["pixel_size_nm"])
    note = f"Consecutive test sections, scored as one solid. Surfaces agree within {tolerance:g} nm. Objects of any size count."
    return shared.metric_table("Volumes", VOLUMES, columns, note)


def leaderboard(info):
    """The metrics of the leaderboard. Pixels do not say whether objects that touch are told apart, which label images ask for."""
    return ("dice", "iou", "pq") if info.get("instances") else ("dice", "iou")


def _note_on_objects(networks):
    split, sizes = [], []
    for network in networks:
        chosen = network.detail.get("folds", [network.card])
        separated = [one.get("separation") == "watershed" for one in chosen]
        smallest = list(dict.fromkeys(one.get("smallest", 1) for one in chosen))
        if any(separated):
            split.append(network.title if all(separated) else f"{network.title} ({sum(separated)} of {len(chosen)} folds)")
        if smallest != [1]:
            sizes.append(f"{network.title} {' or '.join(map(str, sorted(smallest)))}")
    notes = [f"Predicted objects that touch are separated: {', '.join(split)}."] if split else []
    notes += [f"Predicted objects of fewer pixels do not count: {', '.join(sizes)}."] if sizes else []
    return " ".join([*notes, "Validation chose this."] if notes else [])


def _note_on_borders(dataset):
    detail = dataset.networks[0].detail
    note = f"Borders agree within {detail['tolerance']:g} pixels."
    counts = {network.title: network.detail["per_image"]["hd95"]["undefined"] for network in dataset.networks}
    if any(counts.values()):
        listed = ", ".join(f"{title} {count}" for title, count in counts.items())
        note += f" Images without HD95 and ASSD, because mask or prediction is empty: {listed}."
    if detail["pixel_size_nm"] is None:
        note += " The size of a pixel is unknown, so there are no nanometres."
    return note
