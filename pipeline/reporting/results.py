"""Read what the other stages wrote, and name every file that is missing or damaged with the stage that makes it."""

from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from pipeline import paths
from pipeline.datasets.layout import DatasetInfo, read_info
from pipeline.errors import UserError
from pipeline.reporting.reading import read_csv, read_json

NETWORKS = {"mitochondria": ("unet", "attn_resunet"), "polyps": ("unet", "attn_resunet"), "tissue": ("vgg16",)}
TITLES = {"unet": "U-Net", "attn_resunet": "Attention ResU-Net", "vgg16": "VGG16"}

POOLED = ("iou", "dice", "mean_iou", "iou_background", "accuracy", "precision", "recall")
METRICS = {
    "segmentation": (*POOLED, "dice_per_image", "loss", "nsd", "pq"),
    "classification": ("accuracy", "balanced_accuracy", "macro_f1", "auroc", "ece", "loss"),
}
_INTERVALS = {
    "segmentation": (*POOLED, "dice_per_image", "loss", "nsd", "pq", "object_f1"),
    "classification": (
        *("accuracy", "balanced_accuracy", "macro_f1", "auroc", "average_precision"),
        *("ece", "brier", "kappa", "loss"),
    ),
}
_OBJECTS = (
    *("reference", "predicted", "count_error", "precision", "recall", "f1", "precision_75", "recall_75", "f1_75"),
    *("pq", "sq", "rq", "average_precision", "splits", "merges"),
)
DETAIL = {
    "segmentation": (
        *("test_images", "unit.name", "unit.count", "threshold", "tolerance", "pixel_size_nm", "trivial.iou", "trivial.dice"),
        *(f"intervals.{key}" for key in _INTERVALS["segmentation"]),
        *(
            f"per_image.{key}.{part}"
            for key in ("dice", "iou", "nsd", "hd95", "assd")
            for part in ("mean", "median", "undefined")
        ),
        *(f"objects.{key}" for key in _OBJECTS),
        *(f"probability.{key}" for key in ("average_precision", "auroc", "ece", "brier")),
        "repeats",
    ),
    "classification": (
        *("test_images", "unit.name", "unit.count", "trivial.accuracy"),
        *(f"intervals.{key}" for key in _INTERVALS["classification"]),
        *("kappa", "brier", "average_precision", "repeats"),
    ),
}
CARD = ("precision", "monitor", "parameters", "epochs", "best_epoch", "seed", "keras", "backend")
AUDIT = (
    *("images.train", "images.val", "images.test", "pairs", "correlation", "identical", "near"),
    "test_images_with_a_near_duplicate_in_train",
)

# Per table: its columns of numbers and its columns of text.
COMMON_TABLES = {"reliability": (("low", "high", "count", "confidence", "frequency"), ())}
TABLES = {
    "segmentation": COMMON_TABLES
    | {
        "curves": (("epoch", "loss", "val_loss", "dice", "val_dice"), ()),
        "threshold": (("threshold", "dice", "precision", "recall"), ()),
        "per_image": (
            (
                *("dice", "reference_fraction", "nsd", "hd95", "assd", "loss", "objects_reference", "objects_predicted"),
                *("objects_matched", "objects_iou", "object_f1"),
                *("tp", "fp", "fn", "tn"),
            ),
            ("image", "group", "unit", "picture"),
        ),
        "precision_recall": (("threshold", "precision", "recall"), ()),
        "roc": (("threshold", "false_positive_rate", "true_positive_rate"), ()),
    },
    "classification": COMMON_TABLES
    | {
        "curves": (("epoch", "loss", "val_loss", "accuracy", "val_accuracy"), ()),
        "per_image": (
            ("confidence", "probability_of_actual", "loss"),
            ("image", "group", "unit", "actual", "predicted", "picture"),
        ),
        "per_class": (("support", "precision", "recall", "f1", "auroc", "average_precision"), ("class",)),
        "precision_recall": (("recall", "precision"), ("class",)),
        "roc": (("false_positive_rate", "true_positive_rate"), ("class",)),
    },
}
TRAINED = ("curves", "threshold")  # tables that training writes; evaluate writes the others


@dataclass(frozen=True)
class NetworkResult:
    """Everything that is known about one trained network.

    Attributes
    ----------
    name : str
        As in ``params.yaml``.
    card, metrics, detail : dict
        The model card, ``metrics.json`` and ``detail.json``.
    tables : dict of str to DataFrame
        By the name of the file, as in `TABLES`.
    panels : list of pathlib.Path
        In the order of their names.
    gallery : pathlib.Path
        Folder of the pictures that ``per_image.csv`` names.
    """

    name: str
    card: dict
    metrics: dict
    detail: dict
    tables: dict[str, pd.DataFrame]
    panels: list[Path]
    gallery: Path

    @property
    def title(self):
        """Its name in the report."""
        return TITLES[self.name]


@dataclass(frozen=True)
class DatasetResult:
    """One dataset, its pictures and audit, and the networks that were trained on it, in the order of `NETWORKS`."""

    info: DatasetInfo
    preview: Path
    leakage: Path
    audit: dict
    networks: tuple[NetworkResult, ...]

    @property
    def segmentation(self):
        """Whether its networks segment; else they classify."""
        return self.info.task == "segmentation"


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


def _kind(networks):
    return "classification" if "vgg16" in networks else "segmentation"


def _expected(dataset, networks):
    yield paths.raw(dataset) / "dataset.json", f"download@{dataset}"
    for path in (paths.audit(dataset), paths.preview(dataset), paths.leakage(dataset, "png")):
        yield path, f"patchify@{dataset}"
    kind = _kind(networks)
    for network in networks:
        train = "train-vgg16" if kind == "classification" else f"train-{network.replace('_', '-')}@{dataset}"
        evaluate, folder = f"evaluate@{dataset}-{network}", paths.report(dataset, network)
        yield paths.model_card(dataset, network), train
        for file in ("metrics.json", "detail.json"):
            yield folder / file, evaluate
        for table in TABLES[kind]:
            yield folder / f"{table}.csv", train if table in TRAINED else evaluate


def _read_dataset(dataset, networks):
    file, kind = paths.raw(dataset) / "dataset.json", _kind(networks)
    info = read_info(file.parent)
    if (info.name, info.task) != (dataset, kind):
        raise UserError(f"{file}: expected {dataset} ({kind}), received {info.name} ({info.task})")
    audit = read_json(paths.audit(dataset), AUDIT)
    results = tuple(_read_network(dataset, network, kind) for network in networks)
    if kind == "classification":
        _check_classes(paths.report(dataset, networks[0]), results[0].tables, info.classes)
    return DatasetResult(info, paths.preview(dataset), paths.leakage(dataset, "png"), audit, results)


def _check_classes(folder, tables, classes):
    for name, columns in (("per_image", ("actual", "predicted")), ("per_class", ("class",))):
        unknown = sorted(set().union(*(tables[name][column] for column in columns)) - set(classes))
        if unknown:
            raise UserError(f"{folder / f'{name}.csv'}: expected the classes {', '.join(classes)}; received {', '.join(unknown)}")


def _read_network(dataset, network, kind):
    folder = paths.report(dataset, network)
    return NetworkResult(
        name=network,
        card=read_json(paths.model_card(dataset, network), CARD),
        metrics=read_json(folder / "metrics.json", METRICS[kind]),
        detail=read_json(folder / "detail.json", DETAIL[kind]),
        tables={name: read_csv(folder / f"{name}.csv", *columns) for name, columns in TABLES[kind].items()},
        panels=sorted((folder / "panels").glob("*.png")),
        gallery=folder / "gallery",
    )
