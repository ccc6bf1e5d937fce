"""Collect the results that training and evaluation wrote. They are this pipeline's own files, so they are not checked."""

from types import SimpleNamespace

import pandas as pd

from pipeline import paths
from pipeline.atomic import read_json
from pipeline.errors import UserError, listed
from pipeline.params.messages import did_you_mean
from pipeline.reporting import freshness

# "007" or "NA" may be the name of an image or a class, and no number.
TEXTS = ("image", "group", "unit", "picture", "actual", "predicted", "class")
UNUSED = "per_object", "per_volume"  # tables for the user


def read_results(params, tables_of):
    """Read the results of all data sets: a list, and why each of the others has no results, by its name.

    ``tables_of(task)`` gives the ``tables`` module of a task. Raises a UserError if `reported` names an unknown metric.
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
            are, them = ("is", "it") if len(missing) == 1 else ("are", "them")
            files = f"{listed(missing, 1)} {are} not here"
            without[name] = f"evaluated, but {files}; `dvc pull` or `dvc repro evaluate@{name}` brings {them}"
            continue
        task, comparison = tables_of(results["task"]), read_json(paths.details(name) / "comparison.json")
        networks = [_read_network(name, network) for network in results["networks"]]
        evaluated.append(
            SimpleNamespace(
                name=name,
                task=task,
                info=read_json(paths.details(name) / "dataset.json"),
                audit=read_json(paths.audit(name)),
                comparison=comparison,
                networks=networks,  # in the order of their colours
                ranked=_ranked(networks, **comparison),
                reported=_reported(name, settings.reported, task.METRICS),
                outdated=freshness.outdated(name, results, params.networks_of(name), values, lock),
            )
        )
    return evaluated, without


def _ranked(networks, metric, best, **others):
    return sorted(networks, key=lambda n: (n.name != best, -(n.scores[metric] or 0)))


def _reported(dataset, figures, metrics):
    """The figures from elsewhere to show beside ours. Raises a UserError if one is of no metric, such as a misspelled one."""
    known = [*metrics, "note"]
    for key in figures:
        if key not in known:
            raise UserError(f"{paths.PARAMS}: datasets.{dataset}.reported.{key}: unknown key{did_you_mean(key, known)}")
    return figures


def read_table(path):
    """Read a table of results: names stay text, empty cells are missing numbers or empty texts."""
    frame = pd.read_csv(path, dtype=str, keep_default_na=False)
    return frame.apply(lambda column: column if column.name in TEXTS else pd.to_numeric(column))


def _read_network(dataset, name):
    folder = paths.details(dataset, name)
    card, detail = read_json(folder / "card.json"), read_json(folder / "detail.json")
    files = [*folder.glob("*.csv"), *paths.training_log(dataset, name).glob("*.csv")]
    numbers = {key: value for key, value in detail.items() if isinstance(value, float | int | None)}
    headline = read_json(paths.metrics(dataset, name))
    return SimpleNamespace(
        name=name,  # of its module
        title=card["title"],
        card=card,
        detail=detail,  # all results that are no table
        headline=headline,  # the main scores as ``dvc metrics show`` prints them, rounded to four decimals
        # All results that are one number, to six digits: rounded twice, 0.868488 would become 86.9 %.
        scores=headline | numbers | detail["scores"],
        tables={file.stem: read_table(file) for file in files if file.stem not in UNUSED},  # by the name of their file
        folder=folder,  # of the details, with the small pictures in ``gallery/``
    )
