"""Collect the results that training and evaluation wrote. They are this pipeline's own files, so they are not checked."""

from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

import pandas as pd

from pipeline import paths
from pipeline.atomic import read_json
from pipeline.reporting import freshness

# "007" or "NA" may be the name of an image or a class, and no number.
TEXTS = ("image", "group", "unit", "picture", "actual", "predicted", "class")
UNUSED = "per_object", "per_volume"  # tables for the user


@dataclass(frozen=True)
class Network:
    """One network, scored on the test images."""

    name: str  # of its module
    title: str
    card: dict
    detail: dict  # all results that are no table
    headline: dict  # the main scores as ``dvc metrics show`` prints them, rounded to four decimals
    scores: dict  # all results that are one number, to six digits: rounded twice, 0.868488 would become 86.9 %
    tables: dict  # DataFrames by the name of their file
    folder: Path  # of the details, with the small pictures in ``gallery/``


@dataclass(frozen=True)
class Dataset:
    """One data set with the networks that are trained on it."""

    name: str
    task: ModuleType  # the ``tables`` of its task
    info: dict
    audit: dict
    comparison: dict
    networks: list  # in the order of their colours
    reported: dict  # figures from elsewhere to show beside ours, as params.yaml has them
    outdated: list  # in what the results differ from what params.yaml and data/raw hold now

    @property
    def ranked(self):
        """The networks, the best one first."""
        metric = self.comparison["metric"]
        return sorted(self.networks, key=lambda n: (n.name != self.comparison["best"], -(n.scores[metric] or 0)))


def read_results(params, tables_of):
    """Read the results of all data sets: a list of `Dataset`, and why each of the others has no results, by its name.

    ``tables_of(task)`` gives the ``tables`` module of a task.
    """
    evaluated, without = [], {}
    values, lock = freshness.read_yaml(paths.PARAMS), freshness.read_yaml(paths.LOCK)
    for name, settings in params.datasets.items():
        if not paths.results(name).exists():
            without[name] = "not evaluated yet"
            continue
        results = read_json(paths.results(name))
        if not results["networks"]:
            without[name] = "no network is trained on it"
            continue
        if missing := freshness.missing(results):
            files = f"{len(missing)} of its files, such as {missing[0]}"
            without[name] = f"evaluated, but {files}, are not here; `dvc pull` or `dvc repro evaluate@{name}` brings them"
            continue
        folder, networks = paths.details(name), [_read_network(name, network) for network in results["networks"]]
        info, comparison = read_json(folder / "dataset.json"), read_json(folder / "comparison.json")
        task, audit = tables_of(results["task"]), read_json(paths.audit(name))
        outdated = freshness.outdated(name, results, params.networks_of(name), values, lock)
        evaluated.append(Dataset(name, task, info, audit, comparison, networks, settings.reported, outdated))
    return evaluated, without


def read_table(path):
    """Read a table of results: names stay text, empty cells are missing numbers or empty texts."""
    frame = pd.read_csv(path, dtype=str, keep_default_na=False)
    return frame.apply(lambda column: column if column.name in TEXTS else pd.to_numeric(column))


def _read_network(dataset, name):
    folder = paths.details(dataset, name)
    card, detail = read_json(folder / "card.json"), read_json(folder / "detail.json")
    files = [*folder.glob("*.csv"), *paths.training_log(dataset, name).glob("*.csv")]
    tables = {file.stem: read_table(file) for file in files if file.stem not in UNUSED}
    numbers = {key: value for key, value in detail.items() if isinstance(value, float | int | None)}
    headline = read_json(paths.metrics(dataset, name))
    scores = headline | numbers | detail["scores"]
    return Network(name, card["title"], card, detail, headline, scores, tables, folder)
