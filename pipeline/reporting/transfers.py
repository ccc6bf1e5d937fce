"""The table of networks that were scored on another data set than their own."""

import pandas as pd

from pipeline import paths
from pipeline.atomic import read_json
from pipeline.reporting import freshness
from pipeline.reporting.format import MISSING, score
from pipeline.reporting.tables import table, units_in_words

NOTE = (
    "All images of the other data set were scored, with the input size, intensities and threshold of the training. In brackets: "
    "95 % intervals over independent units."
)
FOLDS = "There, the networks of all folds predict as one; each of their own test images is scored by one of them."


def table_of_transfers(transfers, datasets, tables_of):
    """Put each network's score on other data beside that on its own test images.

    `transfers` are those of ``params.yaml``; `datasets`, which have the own scores, come from
    `pipeline.reporting.read.read_results`; ``tables_of(task)`` gives the ``tables`` module of a task. Returns a table, or None
    without any results, and why some transfers have none, by their key.
    """
    own = {(dataset.name, network.name): network for dataset in datasets for network in dataset.networks}
    values, lock = freshness.read_yaml(paths.PARAMS), freshness.read_yaml(paths.LOCK)
    titles, rows, notes, without = [], [], [NOTE], {}
    for key, transfer in transfers.items():
        result = read_json(paths.transferred(key)) if paths.transferred(key).exists() else None
        if not result:
            without[key] = f"not scored yet; `dvc repro transfer@{key}` does"
            continue
        if not result["networks"]:
            without[key] = f"no network is trained on {transfer.model}"
            continue
        if outdated := freshness.outdated_transfer(key, transfer, result["networks"], values, lock):
            notes.append(f"Out of date: {' and '.join(outdated)}; `dvc repro transfer@{key}` scores again.")
        title, style, _ = tables_of(result["task"]).METRICS[result["metric"]]
        images = f"{result['count']:,}"
        if result["unit"]["name"] != "image":
            images += f" in {units_in_words(result['unit'])}"
        if result["shared"]:
            images += f", {result['shared']:,} also in {result['model']}"
        for name, network in result["networks"].items():
            if network["folds"] > 1 and FOLDS not in notes:
                notes.insert(1, FOLDS)
            if network.get("began_there"):
                began = f"{network['title']} of {result['model']} began with a model of {result['images']}"
                notes.append(f"{began}: its score is too good.")
            at_home = own.get((result["model"], name))
            limits = at_home and at_home.detail["intervals"].get(result["metric"])
            titles.append(network["title"])
            rows.append(
                {
                    "trained on": result["model"],
                    "tested on": result["images"] + (" (phantom)" if result["phantom"] else ""),
                    "images": images,
                    "score": f"{title} {score(network['score'], style, network['interval'])}",
                    "on its own test images": score(at_home.scores[result["metric"]], style, limits) if at_home else MISSING,
                }
            )
    found = table("On other data", pd.DataFrame(rows, index=titles), note=" ".join(notes), first="network") if rows else None
    return found, without
