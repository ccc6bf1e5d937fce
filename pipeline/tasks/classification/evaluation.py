"""Score a classification network on the test images."""

import numpy as np
import pandas as pd
from tqdm import tqdm

from pipeline import paths
from pipeline.evaluation import gallery
from pipeline.evaluation.held_out import held_out_records, open_image, units
from pipeline.evaluation.maps import heat
from pipeline.evaluation.write import fresh_folder, write_detail, write_metrics, write_table
from pipeline.images.sheet import displayable, sheet
from pipeline.inference.explain import gradcam
from pipeline.inference.model import load_trained
from pipeline.patches.packed import load_packed
from pipeline.scoring import calibration, classification
from pipeline.scoring.confusion import cohen_kappa, confusion_matrix, confusion_rows, scores_of_confusions
from pipeline.scoring.curves import precision_recall_points, roc_points, thinned
from pipeline.scoring.ranking import auroc, average_precision, by_unit
from pipeline.scoring.ratios import MEAN
from pipeline.scoring.statistics import interval, over_seeds, sum_by_unit

PICTURED = 40  # images of the report's gallery: each takes a gradient, and the confident mistakes are what one looks at
MISTAKES, MISTAKES_A_ROW = 12, 4  # on the sheet of the most confident ones
RANKED = 4  # of the worst, the median and the best images each, on the sheet of Grad-CAM
WIDTH = 204  # pixels, of a picture on a sheet


def evaluate_classification(dataset, name, params):
    """Classify every test image with the network and those of its further seeds; write metrics, tables and pictures.

    Parameters
    ----------
    dataset, name : str
    params : pipeline.params.Params
        `seed` and the dataset's `split` are read.
    """
    model = load_trained(paths.model(dataset, name))
    classes = model.card["classes"]
    records = held_out_records(dataset)
    labels = np.array([classes.index(record["label"]) for record in records])
    unit = [record["unit"] for record in records]
    folder = paths.report(dataset, name)
    probabilities = _classify(model, dataset, records, name)
    metrics = classification.summarise(labels, probabilities)
    repeats = [
        classification.summarise(labels, _classify(load_trained(path), dataset, records, f"{name}, seed {path.stem}"))
        for path in sorted(paths.repeats(dataset, name).glob("*.keras"))
    ]
    split = params.dataset(dataset).split
    confusion = confusion_matrix(labels, probabilities.argmax(axis=1), len(classes))
    reliability = classification.reliability_rows(labels, probabilities)
    majority = classification.majority_accuracy(load_packed(paths.patches(dataset), "train").targets, labels)
    detail = {"test_images": len(records), "unit": units(records, split.method, split.block)}
    detail |= {"trivial": {"accuracy": majority}, "intervals": _intervals(labels, probabilities, reliability, unit, params.seed)}
    detail |= {"kappa": cohen_kappa(confusion), "brier": calibration.brier_score(reliability.sum(axis=0))}
    detail["average_precision"] = classification.average_precision(labels, probabilities)
    detail["repeats"] = {key: over_seeds([metrics[key], *(r[key] for r in repeats)]) for key in metrics if repeats}
    write_metrics(folder, metrics)
    write_detail(folder, detail)
    table = _write_tables(folder, records, labels, probabilities, classes, reliability)
    _write_pictures(folder, table, labels, model, dataset, records)


def _classify(model, dataset, records, title):
    """Probability of each class, shape (N, K)."""
    progress = tqdm(records, desc=f"{title} on {dataset}", disable=None)
    return model.classify(open_image(dataset, record) for record in progress)


def _intervals(labels, probabilities, reliability, unit, seed):
    """95 % confidence intervals over the independent units."""
    rows = confusion_rows(labels, probabilities.argmax(axis=1), probabilities.shape[1])
    confusions, bins = sum_by_unit(rows, unit), sum_by_unit(reliability, unit)
    intervals = {}
    for key in ("accuracy", "balanced_accuracy", "macro_f1", "kappa"):

        def statistic(sums, key=key):
            return scores_of_confusions(sums)[key]

        intervals[key] = interval(confusions, statistic, seed, share=key != "kappa")
    if intervals["kappa"]:
        low, high = intervals["kappa"]
        intervals["kappa"] = max(low, -1.0), min(high, 1.0)  # its range
    intervals["auroc"] = interval(*by_unit(auroc, labels, probabilities, unit), seed)
    intervals["average_precision"] = interval(*by_unit(average_precision, labels, probabilities, unit), seed)
    losses = np.stack([classification.cross_entropies(labels, probabilities), np.ones(len(labels))], axis=1)
    intervals["loss"] = interval(sum_by_unit(losses, unit), MEAN, seed, share=False)
    intervals["ece"] = None  # of finite samples it is biased upward: intervals around it miss the truth (docs/metrics.md)
    intervals["brier"] = interval(bins, calibration.brier_scores, seed, share=False)
    return intervals


def _write_tables(folder, records, labels, probabilities, classes, reliability):
    best = probabilities.argmax(axis=1)
    every = np.arange(len(labels))
    table = pd.DataFrame(
        {
            "image": [record["name"] for record in records],
            "group": [record["group"] for record in records],
            "unit": [record["unit"] for record in records],
            "actual": [classes[k] for k in labels],
            "predicted": [classes[k] for k in best],
            "confidence": probabilities[every, best],
            "probability_of_actual": probabilities[every, labels],
            "loss": classification.cross_entropies(labels, probabilities),
            "picture": "",
        }
    )
    pictured = _pictured(table)
    table["picture"] = [gallery.stem(n) if n in pictured else "" for n in every]
    write_table(folder / "per_image.csv", table)
    per_class = classification.per_class(labels, probabilities)
    per_class.insert(0, "class", classes)
    write_table(folder / "per_class.csv", per_class)
    for file, points in {"roc": roc_points, "precision_recall": precision_recall_points}.items():
        curves = [thinned(points(labels == k, probabilities[:, k])) for k in range(len(classes))]
        write_table(folder / f"{file}.csv", pd.concat(curves, keys=classes, names=["class"]).reset_index("class"))
    write_table(folder / "reliability.csv", calibration.reliability_table(reliability.sum(axis=0)))
    return table


def _pictured(table):
    """Positions of the images that get a picture: all, or of many the wrong ones first."""
    wrong = table["actual"] != table["predicted"]
    order = table.assign(wrong=wrong).sort_values(["wrong", "confidence", "image"], ascending=[False, False, True]).index
    return set(order[:PICTURED])


def _write_pictures(folder, table, labels, model, dataset, records):
    pictures, panels = fresh_folder(folder / "gallery"), fresh_folder(folder / "panels")

    def evidence(positions, chosen):
        """Each image, and over it what speaks for the class that was chosen for it."""
        images = [open_image(dataset, records[position]) for position in positions]
        return zip(images, map(heat, images, gradcam(model, images, chosen)), strict=True)

    classes, pictured = model.card["classes"], sorted(_pictured(table))
    predicted = [classes.index(name) for name in table["predicted"][pictured]]
    for position, (image, picture) in zip(pictured, evidence(pictured, predicted), strict=True):
        gallery.write_image(pictures, position, image)
        gallery.write_map(pictures, position, picture)

    wrong = table[table["actual"] != table["predicted"]].sort_values(["confidence", "image"], ascending=[False, True])[:MISTAKES]
    captions = [f"{row.actual}, taken\nwith {row.confidence:.0%} for {row.predicted}" for row in wrong.itertuples()]
    images = [displayable(open_image(dataset, records[position])) for position in wrong.index]
    nothing = "no test image is classified wrongly"
    (panels / "1-mistakes.png").write_bytes(sheet(images, captions, MISTAKES_A_ROW, WIDTH, nothing=nothing))

    ranked = table.sort_values(["probability_of_actual", "image"]).index.tolist()
    middle = max(0, len(ranked) // 2 - RANKED // 2)
    ranks = {"worst": ranked[:RANKED], "median": ranked[middle : middle + RANKED], "best": ranked[-RANKED:]}
    shown, titles = [], []
    for rank, positions in ranks.items():
        for position, (image, picture) in zip(positions, evidence(positions, labels[positions]), strict=True):
            row = table.loc[position]
            shown += [displayable(image), picture]
            titles += [f"{rank}: {row['actual']}\n{row['probability_of_actual']:.0%}", "Grad-CAM of\nthe true class"]
    (panels / "2-gradcam.png").write_bytes(sheet(shown, titles, 2 * RANKED, WIDTH))
