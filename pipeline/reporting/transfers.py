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


def read_transfers(transfers, tables_of):
    """Read what `params.yaml` names as transfers: a list of dicts, and why each of the others has no results, by its key.

    A dict is what ``reports/results/transfers/`` has, with the `METRICS` of its task and what is `outdated`.
    """
    found, without = [], {}
    values, lock = freshness.read_yaml(paths.PARAMS), freshness.read_yaml(paths.LOCK)
    for key, transfer in transfers.items():
        if not paths.transferred(key).exists():
            without[key] = f"not scored yet; `dvc repro transfer@{key}` does"
            continue
        result = read_json(paths.transferred(key))
        if not result["networks"]:
            without[key] = f"no network is trained on {transfer.model}"
            continue
        outdated = freshness.outdated_transfer(key, transfer, result["networks"], values, lock)
        found.append(result | {"key": key, "METRICS": tables_of(result["task"]).METRICS, "outdated": outdated})
    return found, without


def table_of_transfers(results, datasets):
    """Put each network's score on other data beside that on its own test images: a table, or None without `results`.

    `results` come from `read_transfers`; `datasets`, which have the own scores, from `pipeline.reporting.read.read_results`.
    """
    own = {(dataset.name, network.name): network for dataset in datasets for network in dataset.networks}
    titles, rows = [], []
    for result in results:
        title, style, _ = result["METRICS"][result["metric"]]
        images = f"{result['count']:,}"
        if result["unit"]["name"] != "image":
            images += f" in {units_in_words(result['unit'])}"
        if result["shared"]:
            images += f", {result['shared']:,} also in {result['model']}"
        for name, network in result["networks"].items():
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
    if not rows:
        return None
    folds = any(network["folds"] > 1 for result in results for network in result["networks"].values())
    outdated = [
        f"Out of date: {' and '.join(result['outdated'])}; `dvc repro transfer@{result['key']}` scores again."
        for result in results
        if result["outdated"]
    ]
    began = [
        f"{network['title']} of {result['model']} began with a model of {result['images']}: its score is too good."
        for result in results
        for network in result["networks"].values()
        if network.get("began_there")
    ]
    note = " ".join([NOTE, *([FOLDS] if folds else []), *began, *outdated])
    return table("On other data", pd.DataFrame(rows, index=titles), note=note, first="network")
