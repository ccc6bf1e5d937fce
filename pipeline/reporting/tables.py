"""The tables of the report that all tasks share. A table is a dict: ``title``, ``frame`` (texts), ``meanings``, ``note``."""

import re

import pandas as pd

from pipeline.errors import counted
from pipeline.reporting.format import COUNT, MISSING, difference, number, score, spread
from pipeline.scoring.statistics import FEWEST_UNITS

TRIVIAL, REPORTED = "trivial", "reported"  # columns and rows that hold no results of this run
RANDOM = "no"  # what "pretrained" says of random weights
KEPT = {"loss": "lowest loss", "metric": "highest metric"}  # by `train.monitor`


def table(title, frame, meanings=(), note="", first="metric"):
    """Make a table. `meanings` stand below the titles of the rows, `first` is the header of that column."""
    return {"title": title, "frame": frame, "meanings": [*meanings] or [""] * len(frame), "note": note, "first": first}


def metric_table(title, metrics, columns, note=""):
    """Make a table with a row for each metric; `columns` are pairs of a header and a function (key, style) -> text."""
    rows = {metric.title: {header: text(key, metric.style) for header, text in columns} for key, metric in metrics.items()}
    frame = pd.DataFrame.from_dict(rows, orient="index")
    return table(title, frame, [metric.meaning for metric in metrics.values()], note)


def written(values, intervals=None):
    """Return a function (key, style) -> text that writes a value with its interval, both looked up by the metric's key."""
    return lambda key, style: score(values.get(key), style, (intervals or {}).get(key))


def scored(network):
    """Return the function that writes a network's score with its interval."""
    return written(network.scores, network.detail["intervals"])


def references(dataset):
    """Columns to compare with: the trivial predictor and, where `params.yaml` has them, reported figures."""
    yield TRIVIAL, written(dataset.networks[0].detail["trivial"])
    if dataset.reported:
        yield REPORTED, lambda key, style: f"{dataset.reported.get(key, MISSING)}"


def leaderboard(dataset):
    """Rank the networks: a table with a row for each, and for what to compare them with."""
    leading, metrics = dataset.comparison["metric"], dataset.task.METRICS
    ranks = [leading, *(key for key in dataset.task.leaderboard(dataset.info) if key != leading)]
    against = f"{metrics[leading].title} minus the best"
    rows = {}
    for network in dataset.ranked:
        found = dataset.comparison["differences"].get(network.name, {}).get(leading)
        changed = difference(found["difference"], metrics[leading].style, found["interval"]) if found else "best"
        rows[network.title] = {metrics[key].title: scored(network)(key, metrics[key].style) for key in ranks} | {
            against: changed,
            "parameters": number(network.card["parameters"], COUNT),
            "GFLOPs": f"{network.card['gflops']:.3g}",
            "epochs": str(network.card["epochs"]),
            "pretrained": re.sub(r" \([^)]*\)", "", pretrained(network.card)),  # without where they were found
        }
    for title, text in references(dataset):
        rows[title] = {metrics[key].title: text(key, metrics[key].style) for key in ranks}
    frame = pd.DataFrame.from_dict(rows, orient="index").fillna(MISSING)
    if len(dataset.networks) == 1:
        frame = frame.drop(columns=against)
    if all(pretrained(network.card) == RANDOM for network in dataset.networks):
        frame = frame.drop(columns="pretrained")
    return table("Leaderboard", frame, first="network")


def pretrained(card):
    """Name where a network's weights come from that did not begin with random ones: pretrained, or a finished model."""
    names = [card["pretrained"]["name"]] if "pretrained" in card else []
    names += [f"{card['start']['file']} ({card['start']['epochs'] or 'unknown'} epochs)"] if "start" in card else []
    return ", then ".join(names) or RANDOM


def differences(dataset):
    """Subtract the best network from each other one, on the same images: a table, or None for one network alone."""
    compared = dataset.comparison["differences"]
    if not compared:
        return None
    best, *others = dataset.ranked

    def column(network):
        found = compared[network.name]
        return lambda key, style: difference(found[key]["difference"], style, found[key]["interval"])

    metrics = {key: metric for key, metric in dataset.task.METRICS.items() if key in compared[others[0].name]}
    note = "Both networks were scored on the same images. In brackets: 95 % interval of the difference. "
    note += "It says how these trained networks would compare on other test images, not how other seeds would."
    return metric_table(f"Differences from {best.title}", metrics, [(n.title, column(n)) for n in others], note)


def seeds(dataset):
    """Mean and spread over networks trained from several seeds: a table, or None where there is one seed."""
    repeats = {network.title: network.detail["repeats"] for network in dataset.networks}
    metrics = {key: metric for key, metric in dataset.task.METRICS.items() if any(key in found for found in repeats.values())}
    if not metrics:
        return None
    counts = sorted({summary["n"] for found in repeats.values() for summary in found.values()})
    trained = str(counts[0]) if len(counts) == 1 else f"{counts[0]} to {counts[-1]}"
    what = f"sets of {_folds(dataset)} networks" if _folds(dataset) > 1 else "networks"
    note = f"Mean ± standard deviation of {trained} {what}, trained from different seeds and scored on the same test images."
    columns = [(title, lambda key, style, found=found: spread(found.get(key), style)) for title, found in repeats.items()]
    joined = {network.title: network.detail["ensemble"] for network in dataset.networks if "ensemble" in network.detail}
    columns += [(f"{title}, as one", written(found)) for title, found in joined.items()]
    if joined:
        note += " “As one” is the mean of their probabilities."
    return metric_table("Over seeds", metrics, columns, note)


def folds(dataset):
    """Score each fold of a cross-validation alone: a table, or None where there is one split."""
    if _folds(dataset) == 1:
        return None
    rows = {}
    for network in dataset.networks:
        every = network.detail["folds"]
        metrics = {key: metric for key, metric in dataset.task.METRICS.items() if key in every[0]}
        for one in every:
            row = {"images": number(one["images"], COUNT), "units": number(one["units"], COUNT)}
            row |= {metric.title: number(one[key], metric.style) for key, metric in metrics.items()}
            row |= {"epoch kept": f"{one['best_epoch']} of {one['epochs']}"}
            row |= {"threshold": f"{one['threshold']:.3f}"} if "threshold" in one else {}
            row |= {"factors": _factors(one)} if "class_factors" in one else {}
            rows[f"{network.title}, fold {one['fold']}"] = row
        detail, text = network.detail, scored(network)
        row = {"images": number(detail["test_images"], COUNT), "units": number(detail["unit"]["count"], COUNT)}
        rows[f"{network.title}, all"] = row | {metric.title: text(key, metric.style) for key, metric in metrics.items()}
    note = "Each fold is scored by its own network. “All” pools every image, so it is not the mean of the folds."
    return table("Fold by fold", pd.DataFrame.from_dict(rows, orient="index").fillna(MISSING), note=note, first="network")


def each_class(network, columns, note=""):
    """Score each class: a table; `columns` are titles and styles by their key, some of which have limits beside them."""
    classes = network.tables["per_class"].set_index("class")

    def texts(key, style):
        if f"{key}_low" not in classes:
            return [number(value, style) for value in classes[key]]
        rows = classes[[key, f"{key}_low", f"{key}_high"]].itertuples(index=False)
        return [score(value, style, None if pd.isna(low) else (low, high)) for value, low, high in rows]

    frame = pd.DataFrame({title: texts(key, style) for key, (title, style) in columns.items()}, index=classes.index)
    return table(f"Each class, {network.title}", frame, note=note, first="class")


def confusion(network, counts, what):
    """Table counts of `what`, "images" or "pixels", by true class (rows) and predicted class, shaded by the shares of a row."""
    rates = counts.div(counts.sum(axis=1), axis=0)
    note = f"Rows are the actual classes and columns the predicted ones: test {what}, and their share of the actual class."
    frame = counts.map(lambda count: f"{count:,}")
    return table(f"Confusion matrix, {network.title}", frame, note=note, first="actual") | {"rates": rates}


def training(dataset):
    """How each network was trained: a table."""
    rows = [
        ("Parameters", "", lambda card: number(card["parameters"], COUNT)),
        ("GFLOPs", "to predict one patch; a multiply-add counts as two", lambda card: f"{card['gflops']:.3g}"),
        ("Pretrained", "weights that training started from", pretrained),
        ("Epochs", "", lambda card: str(card["epochs"])),
        ("Epoch kept", "chosen on validation", lambda card: f"{card['best_epoch']}, {KEPT[card['monitor']]}"),
        ("Seed", "", lambda card: str(card["seed"])),
        ("Arithmetic", "", lambda card: card["precision"]),
        ("Software", "", lambda card: f"Keras {card['keras']}, {card['backend']}"),
    ]
    if "threshold" in dataset.networks[0].card:
        rows.append(("Threshold", "chosen on validation", lambda card: f"{card['threshold']:.3f}"))
    if any("class_factors" in network.card for network in dataset.networks):  # which a network of your own may not take
        rows.append(("Factors", "of the probability of each class, chosen on validation", _factors))
    titles, meanings, texts = zip(*rows, strict=True)
    frame = pd.DataFrame({network.title: [text(network.card) for text in texts] for network in dataset.networks}, index=titles)
    note = "This is the network of fold 0, as in the learning curves; “Fold by fold” has all." if _folds(dataset) > 1 else ""
    return table("Training", frame, meanings, note, first="")


def _factors(card):
    return ", ".join(f"{factor:.3g}" for factor in card.get("class_factors", ())) or MISSING


def note_on_intervals(dataset):
    """Say what the brackets mean, and why there may be none."""
    detail = dataset.networks[0].detail
    unit, images = detail["unit"], number(detail["test_images"], COUNT)
    intervals = [found for n in dataset.networks for key, found in n.detail["intervals"].items() if key != "ece"]
    divided = ", each an independent unit" if unit["name"] == "image" else f" in {units_in_words(unit)}"
    text = f"{images} test images{divided}. "
    if _folds(dataset) > 1:
        text = f"{_folds(dataset)} folds, each image scored by a network that never saw its group. " + text
    if unit["count"] < FEWEST_UNITS:
        return text + f"There are no intervals, because they need at least {FEWEST_UNITS} independent units."
    if not any(intervals):
        return text + "There are no intervals, because the scores are undefined in some units or the same in all."
    text += "In brackets: 95 % intervals over these independent units."
    if unit["alike"]:
        text += " Neighbouring units are alike, so the intervals may be too narrow."
    if not all(intervals):
        text += " A score without an interval is undefined in some units, or the same in all."
    return text


def note_on_scores(dataset):
    reported = dataset.reported.get("note")
    return note_on_intervals(dataset) + (f" Reported: {reported}." if reported else "")


def _folds(dataset):
    return dataset.info.get("folds", 1)


def units_in_words(unit):
    """Count the independent units, such as "4 blocks of 2 images". A single block may be cut short by the end of the images."""
    head, *rest = unit["name"].split(" ", 1)
    return " ".join([counted(unit["count"], head), *(rest if unit["count"] > 1 else [])])
