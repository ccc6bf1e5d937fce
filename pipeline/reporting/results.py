"""Read what the other stages wrote, and name every file that is missing or damaged with the stage that makes it."""

import json
from dataclasses import dataclass

import pandas as pd

from pipeline import paths
from pipeline.errors import UserError
from pipeline.images.dataset import DatasetInfo, read_info

NETWORKS = {"mitochondria": ("unet", "attn_resunet"), "polyps": ("unet", "attn_resunet"), "tissue": ("vgg16",)}
SEGMENTATION = (
    *("iou", "dice", "mean_iou", "iou_background", "accuracy", "precision", "recall", "loss", "dice_per_image"),
    *("average_precision", "threshold", "trivial_iou", "trivial_dice", "test_images"),
)
CLASSIFICATION = (*("accuracy", "balanced_accuracy", "macro_f1", "auroc", "ece", "loss", "trivial_accuracy", "test_images"),)


@dataclass(frozen=True)
class NetworkResult:
    """Everything that is known about one trained network.

    Attributes
    ----------
    name : str
        As in ``params.yaml``.
    metrics, card : dict
        ``metrics.json`` and the model card.
    curves, per_image, detail : DataFrame
        Learning curves; one row per test image; and ``precision_recall.csv`` or ``confusion.csv``.
    panels : list of Path
        In the order of their names.
    """

    name: str
    metrics: dict
    card: dict
    curves: pd.DataFrame
    per_image: pd.DataFrame
    detail: pd.DataFrame
    panels: list


@dataclass(frozen=True)
class DatasetResult:
    """One dataset with the networks that were trained on it, in the order of `NETWORKS`."""

    info: DatasetInfo
    preview: object
    networks: tuple


def read_results():
    """Read the results of every dataset and network.

    Returns
    -------
    list of DatasetResult

    Raises
    ------
    UserError
        One line for each file that is missing, or else for the first that cannot be read.
    """
    missing = [
        f"{path}: expected this file; `dvc repro {stage}` makes it"
        for dataset, networks in NETWORKS.items()
        for path, stage in _expected(dataset, networks)
        if not path.is_file()
    ]
    if missing:
        raise UserError("\n".join(missing))
    return [_read_dataset(dataset, networks) for dataset, networks in NETWORKS.items()]


def _expected(dataset, networks):
    yield paths.raw(dataset) / "dataset.json", f"download@{dataset}"
    yield paths.preview(dataset), f"patchify@{dataset}"
    for network in networks:
        classifies = network == "vgg16"
        train = "train-vgg16" if classifies else f"train-{network.replace('_', '-')}@{dataset}"
        yield paths.model_card(dataset, network), train
        yield paths.report(dataset, network) / "curves.csv", train
        for file in ("metrics.json", "per_image.csv", "confusion.csv" if classifies else "precision_recall.csv"):
            yield paths.report(dataset, network) / file, f"evaluate@{dataset}-{network}"


def _read_dataset(dataset, networks):
    file = paths.raw(dataset) / "dataset.json"
    try:
        info = read_info(file.parent)
    except (ValueError, KeyError, TypeError) as error:
        raise UserError(f"{file}: expected a description of the dataset, received: {error}") from error
    kind = "classification" if "vgg16" in networks else "segmentation"
    if (info.name, info.kind) != (dataset, kind):
        raise UserError(f"{file}: expected {dataset} ({kind}), received {info.name} ({info.kind})")
    results = tuple(_read_network(dataset, network) for network in networks)
    if kind == "classification":
        _check_classes(paths.report(dataset, networks[0]) / "confusion.csv", results[0].detail, info.classes)
    return DatasetResult(info, paths.preview(dataset), results)


def _check_classes(path, frame, classes):
    unknown = sorted((set(frame["actual"]) | set(frame["predicted"])) - set(classes))
    if unknown:
        raise UserError(f"{path}: expected the classes {', '.join(classes)}; received {', '.join(unknown)}")


def _read_network(dataset, network):
    folder = paths.report(dataset, network)
    if network == "vgg16":
        metrics = _read_json(folder / "metrics.json", CLASSIFICATION)
        score, detail = "accuracy", _read_csv(folder / "confusion.csv", ("actual", "predicted"), dtype=str)
        per_image = ("image", "group", "actual", "predicted", "confidence")
    else:
        metrics = _read_json(folder / "metrics.json", SEGMENTATION)
        score, detail = "dice", _read_csv(folder / "precision_recall.csv", ("threshold", "precision", "recall"))
        per_image = ("image", "group", "dice", "iou", "precision", "recall", "reference_fraction", "predicted_fraction")
    text = {column: str for column in ("image", "group", "actual", "predicted")}  # "007" is a name, not a number
    return NetworkResult(
        name=network,
        metrics=metrics,
        card=_read_json(paths.model_card(dataset, network), ("precision", "parameters", "epochs", "best_epoch")),
        curves=_read_csv(folder / "curves.csv", ("epoch", "loss", "val_loss", score, f"val_{score}")),
        per_image=_read_csv(folder / "per_image.csv", per_image, dtype=text),
        detail=detail,
        panels=sorted((folder / "panels").glob("*.png")),
    )


def _read_json(path, keys):
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise UserError(f"{path}: expected JSON, received: {error}") from error
    absent = [key for key in keys if not isinstance(values, dict) or key not in values]
    if absent:
        raise UserError(f"{path}: expected the keys {', '.join(keys)}; {', '.join(absent)} missing")
    return values


def _read_csv(path, columns, dtype=None):
    try:
        # Only an empty cell is missing: a class or an image may well be called "NA" or "null".
        frame = pd.read_csv(path, dtype=dtype, keep_default_na=False, na_values=["", "nan"] if dtype is not str else [])
    except ValueError as error:  # of which pandas's own errors of reading are kinds
        raise UserError(f"{path}: expected a table, received: {error}") from error
    absent = [column for column in columns if column not in frame]
    if absent:
        raise UserError(f"{path}: expected the columns {', '.join(columns)}; {', '.join(absent)} missing")
    return frame
