"""Score every network that is trained on a data set on the same test images, and compare them."""

import hashlib
import json
import shutil
from collections import Counter
from pathlib import Path

from pipeline import paths
from pipeline.atomic import digest, read_json, write_json, write_table
from pipeline.evaluation.test_split import fingerprint, independent_units, open_test_split
from pipeline.patches.packed import load_card
from pipeline.scoring.statistics import over_seeds, sentence

PICTURES = (".png", ".jpg", ".webp")
METRIC_DIGITS = 4  # decimals of the headline: more than the test sets can tell apart
DIGITS = 6  # significant, elsewhere; more would differ from machine to machine


def evaluate(dataset, networks, task, params):
    """Score and compare networks; write metrics, tables and pictures. Scores are pooled over all images.

    With several folds, each image is scored by the network that never saw its group. `task` is the ``evaluation`` part of the
    data set's task. Of `params`, `seed`, `inference` and `segmentation` are read.
    """
    from pipeline.inference.ensemble import load_all

    card = load_card(paths.patches(dataset))
    folder, records = _fresh_folders(dataset), open_test_split(dataset, card.get("folds", 1))
    write_json(folder / "dataset.json", card)
    unit, data = independent_units(records, card), fingerprint(dataset, records)

    def metrics_of(models, title):
        return task.score(models, dataset, records, params, title).metrics

    results, titles = {}, titles_of(dataset, networks)
    for name, title in titles.items():
        by_seed, details = open_trained(dataset, name), paths.details(dataset, name)
        first, *others = by_seed
        models = [load_all([path]) for path in by_seed[first]]
        (details / "gallery").mkdir(parents=True)
        results[name] = scores = task.score(models, dataset, records, params, title, details / "gallery")
        metrics = scores.metrics
        detail = {"test_images": len(records), "unit": unit} | task.detail(scores, params) | {"scores": metrics}
        repeats = [metrics_of([load_all([path]) for path in by_seed[seed]], f"{title}, seed {seed}") for seed in others]
        detail["repeats"] = {key: over_seeds([metrics[key], *(r[key] for r in repeats)]) for key in metrics if repeats}
        if repeats:  # of folds, an ensemble would be scored on images that its members have seen: seeds of one fold only
            ensembles = [load_all(of_fold) for of_fold in zip(*by_seed.values(), strict=True)]
            detail["ensemble"] = metrics_of(ensembles, f"{title}, all seeds together")
        if len(models) > 1:
            detail["folds"] = [_fold(number, model.card, scores, records, task) for number, model in enumerate(models)]
        write_headline(paths.metrics(dataset, name), metrics, task, data)
        write_json(details / "card.json", models[0].card | {"title": title})
        write_json(details / "detail.json", rounded(detail))
        for file, table in task.tables(scores, params).items():
            write_table(details / f"{file}.csv", table)
        task.draw(scores, models, dataset, records, name, params)
    write_json(folder / "comparison.json", rounded(_compare(results, titles, task, unit, params.seed)))
    _write_results(dataset, card["task"], networks)


def evaluate_nothing(dataset, task):
    """Write the outputs of a data set on which no network is trained."""
    _fresh_folders(dataset)
    write_no_headline(paths.metrics(dataset, "").parent)
    _write_results(dataset, task, [])
    print(f"no network is trained on {dataset}; add it to the `datasets` of a network in {paths.PARAMS}")


def titles_of(dataset, networks):
    """Titles of trained networks by their names. Where copies of a network share a title, each has its name behind it."""
    titles = {name: read_json(paths.model(dataset, name).with_suffix(".json"))["title"] for name in networks}
    count = Counter(titles.values())
    return {name: title if count[title] == 1 else f"{title} ({name})" for name, title in titles.items()}


def open_trained(dataset, network):
    """Paths of all trained copies of a network by seed, ordered by fold: dict of list. The seed of the model comes first."""
    files = [paths.model(dataset, network), *sorted(paths.repeats(dataset, network).glob("*.keras"))]
    cards = [read_json(file.with_suffix(".json")) for file in files]
    by_seed = {}
    for file, card in zip(files, cards, strict=True):
        by_seed.setdefault(card["seed"], {})[card.get("fold", 0)] = file
    return {seed: [of_fold[fold] for fold in sorted(of_fold)] for seed, of_fold in by_seed.items()}


def _fold(number, card, scores, records, task):
    """The score of the network of one fold, on the images of that fold alone."""
    positions = [position for position, record in enumerate(records) if record["fold"] == number]
    metrics = scores.part(positions).metrics
    units = len({records[position]["unit"] for position in positions})
    chosen = "epochs", "best_epoch", "threshold", "class_factors", "separation", "smallest"
    facts = {key: card[key] for key in chosen if key in card}
    return {"fold": number, "images": len(positions), "units": units} | facts | {key: metrics[key] for key in task.HEADLINE}


def _compare(results, titles, task, unit, seed):
    """Compare each network with the one of the highest leading metric, on the same images.

    The best one is chosen on these images too, so its lead is a little too large on average. No interval is corrected for the
    number of comparisons.
    """
    metrics = {name: scores.metrics[task.LEADING] for name, scores in results.items()}
    best = max(metrics, key=lambda name: -1 if metrics[name] is None else metrics[name])
    compared = {"metric": task.LEADING, "best": best, "differences": {}, "sentences": {}}
    for name in results:
        if name != best:
            found = task.compare(results[best], results[name], seed)
            compared["differences"][name] = {
                key: {"difference": value.difference, "interval": value.interval, "p": value.p} for key, value in found.items()
            }
            compared["sentences"][name] = sentence(
                found[task.LEADING], titles[best], titles[name], task.LEADING_TITLE, unit["name"].split(" of ")[0]
            )
    return compared


def _fresh_folders(dataset):
    """Empty the folders of the results; return that of the details."""
    folder = paths.details(dataset)
    for path in (folder, paths.panels(dataset), paths.metrics(dataset, "").parent):
        shutil.rmtree(path, ignore_errors=True)
        path.mkdir(parents=True)
    return folder


def _write_results(dataset, task, networks):
    """List all results of a data set with their checksums: DVC cannot depend on folders whose names it does not know.

    The file is in git, so the pictures, two for each test image, have one checksum together.
    """
    files = sorted(path for path in Path("reports", dataset).rglob("*") if path.is_file())
    checksums = {path.as_posix(): digest(path, "md5") for path in files}
    pictures = {name: checksum for name, checksum in checksums.items() if Path(name).suffix in PICTURES}
    together = hashlib.md5(json.dumps(pictures).encode(), usedforsecurity=False).hexdigest()
    others = {name: checksum for name, checksum in checksums.items() if name not in pictures}
    results = {"dataset": dataset, "task": task, "networks": list(networks), "files": others, "pictures": together}
    write_json(paths.results(dataset), results)


def write_headline(path, metrics, task, data):
    """Write what ``dvc metrics show`` prints: the headline of a task, and the fingerprint of the images."""
    headline = {key: metrics[key] for key in task.HEADLINE} | {"data": data}
    write_json(path, rounded(headline, lambda value: round(value, METRIC_DIGITS)))


def write_no_headline(folder):
    """Write a file of no metrics: git keeps no empty folder, and DVC would miss it in every clone."""
    write_json(folder / "none.json", {})


def rounded(value, digits=lambda number: float(f"{number:.{DIGITS}g}")):
    """Round every float among nested values, by default to six significant digits."""
    if isinstance(value, dict):
        return {key: rounded(entry, digits) for key, entry in value.items()}
    if isinstance(value, list | tuple):
        return [rounded(entry, digits) for entry in value]
    return digits(float(value)) if isinstance(value, float) else value
