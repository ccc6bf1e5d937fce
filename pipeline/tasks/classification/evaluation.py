"""How classification networks are scored: on every test image, in the size that they were trained on."""

from dataclasses import dataclass, replace
from functools import cached_property
from itertools import groupby

import numpy as np
import pandas as pd
from tqdm import tqdm

from pipeline import paths
from pipeline.evaluation import gallery
from pipeline.evaluation.maps import heat
from pipeline.evaluation.test_split import open_image
from pipeline.images.sheet import displayable, sheet
from pipeline.inference.explain import gradcam
from pipeline.patches.packed import load_packed
from pipeline.scoring import calibration, classification, ranking
from pipeline.scoring.classes import confusion_matrix
from pipeline.scoring.classification import cohen_kappa, confusion_rows, scores_of_confusions
from pipeline.scoring.curves import precision_recall_points, roc_points, thinned
from pipeline.scoring.ratios import MEAN
from pipeline.scoring.statistics import interval, paired_difference, sum_by_unit

HEADLINE = ("accuracy", "macro_f1", "auroc", "ece", "loss")
LEADING, LEADING_TITLE = "accuracy", "accuracy"  # the metric by which networks are ranked
PICTURED = 40  # images of the report's gallery: each takes a gradient, and the confident mistakes are the most telling
MISTAKES, MISTAKES_A_ROW = 12, 4  # on the sheet of the most confident ones
RANKED = 4  # of the worst, the median and the best images each, on the sheet of Grad-CAM
WIDTH = 204  # pixels, of a picture on a sheet


@dataclass(frozen=True)
class Scores:
    """What one network says of the test set."""

    dataset: str
    records: list  # rows of ``split.csv``
    classes: list  # names
    labels: np.ndarray  # shape (N,), int
    probabilities: np.ndarray  # shape (N, K), float

    @property
    def metrics(self):
        """All scores that are one number."""
        return classification.summarise(self.labels, self.probabilities)

    @cached_property
    def majority(self):
        """Accuracy of calling each image the commonest class among the training images of its fold."""
        folds, right = np.array([record["fold"] for record in self.records]), 0
        for fold in np.unique(folds):
            trained = load_packed(paths.patches(self.dataset, fold), "train").targets
            right += classification.majority_accuracy(trained, self.labels[folds == fold]) * np.mean(folds == fold)
        return float(right)

    @property
    def predicted(self):
        return self.probabilities.argmax(axis=1)

    def part(self, positions):
        """The scores of some images, for their `metrics`."""
        some = [self.records[position] for position in positions]
        return replace(self, records=some, labels=self.labels[positions], probabilities=self.probabilities[positions])

    @property
    def units(self):
        return [record["unit"] for record in self.records]

    def confusions(self):
        """Flat confusion matrix of each image."""
        return confusion_rows(self.labels, self.predicted, len(self.classes))

    def losses(self):
        """Cross-entropy of each image, beside a one: rows that `MEAN` averages."""
        return np.stack([classification.cross_entropies(self.labels, self.probabilities), np.ones(len(self.labels))], axis=1)


def score(models, dataset, records, params, title, pictures=None):
    """Classify all test images; `pictures` get those that the report shows (see `pipeline.tasks.segmentation.evaluation`)."""
    progress = tqdm(records, desc=f"{title} on {dataset}", disable=None)
    probabilities = [
        models[fold].classify((models[fold].scaled(open_image(dataset, record)) for record in some), params.inference.flips)
        for fold, some in groupby(progress, key=lambda record: record["fold"])
    ]
    classes = models[0].card["classes"]
    labels = np.array([classes.index(record["label"]) for record in records])
    scores = Scores(dataset, records, classes, labels, np.concatenate(probabilities))
    if pictures:
        chosen = sorted(_pictured(_per_image(scores)))
        evidence = _evidence(models, dataset, records, chosen, scores.predicted[chosen])
        for position, (image, picture) in zip(chosen, evidence, strict=True):
            gallery.write_image(pictures, position, image)
            gallery.write_image(pictures, position, picture, "gradcam")
    return scores


def detail(scores, params):
    """Everything besides the metrics: intervals, calibration, agreement beyond chance (dict)."""
    labels, probabilities = scores.labels, scores.probabilities
    reliability = classification.reliability_rows(labels, probabilities).sum(axis=0)
    return {
        "trivial": {"accuracy": scores.majority},
        "intervals": intervals(scores, params.seed),
        "kappa": cohen_kappa(confusion_matrix(labels, scores.predicted, len(scores.classes))),
        "brier": calibration.brier_score(reliability),
        "average_precision": classification.average_precision(labels, probabilities),
    }


def intervals(scores, seed):
    """95 % confidence intervals over the independent units; None where there are too few, or no spread."""
    labels, probabilities, units = scores.labels, scores.probabilities, scores.units
    confusions = sum_by_unit(scores.confusions(), units)
    found = {
        key: interval(confusions, _of_confusions(key), seed, scale="linear" if key == "kappa" else "logit")
        for key in ("accuracy", "balanced_accuracy", "macro_f1", "kappa")
    }
    if found["kappa"]:
        low, high = found["kappa"]
        found["kappa"] = max(low, -1.0), min(high, 1.0)  # its range
    found["auroc"] = interval(*ranking.by_unit(ranking.auroc, labels, probabilities, units), seed)
    found["average_precision"] = interval(*ranking.by_unit(ranking.average_precision, labels, probabilities, units), seed)
    found["loss"] = interval(sum_by_unit(scores.losses(), units), MEAN, seed, scale="log")
    found["ece"] = None  # of finite samples it is biased upward: intervals around it miss the truth (docs/metrics.md)
    reliability = classification.reliability_rows(labels, probabilities)
    found["brier"] = interval(sum_by_unit(reliability, units), calibration.brier_scores, seed, scale="log")
    return found


def tables(scores, params):
    """The tables of the results: dict of DataFrame by file name."""
    labels, probabilities = scores.labels, scores.probabilities
    per_image = _per_image(scores)
    per_image["picture"] = gallery.stems(len(per_image), _pictured(per_image))
    per_class = classification.per_class(labels, probabilities)
    per_class.insert(0, "class", scores.classes)

    def by_class(points):
        curves = [thinned(points(labels == k, probabilities[:, k])) for k in range(len(scores.classes))]
        return pd.concat(curves, keys=scores.classes, names=["class"]).reset_index("class")

    return {
        "per_image": per_image,
        "per_class": per_class,
        "precision_recall": by_class(precision_recall_points),
        "roc": by_class(roc_points),
        "reliability": calibration.reliability_table(classification.reliability_rows(labels, probabilities).sum(axis=0)),
    }


def compare(best, other, seed):
    """Subtract the scores of the best network from those of another, on the same images: dict of `Difference` by metric."""

    def paired(statistic, rows):
        return paired_difference(*(sum_by_unit(rows(scores), best.units) for scores in (best, other)), statistic, seed)

    found = {key: paired(_of_confusions(key), Scores.confusions) for key in ("accuracy", "balanced_accuracy", "macro_f1")}
    return found | {"loss": paired(MEAN, Scores.losses)}


def draw(scores, models, dataset, records, name, params):
    """Draw the most confident mistakes, and Grad-CAM of the worst, the median and the best images."""
    table, panels = _per_image(scores), paths.panels(dataset)
    wrong = table[table["actual"] != table["predicted"]].sort_values(["confidence", "image"], ascending=[False, True])[:MISTAKES]
    captions = [f"{row.actual}, classified\nas {row.predicted} ({row.confidence:.0%})" for row in wrong.itertuples()]
    images = [displayable(open_image(dataset, records[position])) for position in wrong.index]
    nothing = "every test image is classified correctly"
    (panels / f"{name}-mistakes.png").write_bytes(sheet(images, captions, MISTAKES_A_ROW, WIDTH, nothing=nothing))

    ranked = table.sort_values(["probability_of_actual", "image"]).index.tolist()
    middle = max(0, len(ranked) // 2 - RANKED // 2)
    ranks = {"worst": ranked[:RANKED], "median": ranked[middle : middle + RANKED], "best": ranked[-RANKED:]}
    shown, titles = [], []
    for rank, positions in ranks.items():
        explained = _evidence(models, dataset, records, positions, scores.labels[positions])
        for position, (image, picture) in zip(positions, explained, strict=True):
            row = table.loc[position]
            shown += [displayable(image), picture]
            titles += [f"{rank}: {row['actual']}\n{row['probability_of_actual']:.0%}", "Grad-CAM of\nthe true class"]
    (panels / f"{name}-gradcam.png").write_bytes(sheet(shown, titles, 2 * RANKED, WIDTH))


def _per_image(scores):
    every = np.arange(len(scores.labels))
    return pd.DataFrame(
        {
            "image": [record["name"] for record in scores.records],
            "group": [record["group"] for record in scores.records],
            "unit": scores.units,
            "actual": [scores.classes[k] for k in scores.labels],
            "predicted": [scores.classes[k] for k in scores.predicted],
            "confidence": scores.probabilities[every, scores.predicted],
            "probability_of_actual": scores.probabilities[every, scores.labels],
            "loss": classification.cross_entropies(scores.labels, scores.probabilities),
        }
    )


def _pictured(table):
    """Positions of the images that get a picture: all, or of many the wrong ones first."""
    wrong = table["actual"] != table["predicted"]
    order = table.assign(wrong=wrong).sort_values(["wrong", "confidence", "image"], ascending=[False, False, True]).index
    return set(order[:PICTURED])


def _evidence(models, dataset, records, positions, classes):
    """Yield each image, and a heat map over it of what speaks for its entry in `classes`."""
    images, maps = [open_image(dataset, records[position]) for position in positions], {}
    folds = np.array([records[position]["fold"] for position in positions])
    for fold in np.unique(folds):
        own, model = np.flatnonzero(folds == fold), models[fold]
        maps |= zip(own, gradcam(model, [model.scaled(images[place]) for place in own], classes[own]), strict=True)
    return zip(images, (heat(image, maps[place]) for place, image in enumerate(images)), strict=True)


def _of_confusions(key):
    return lambda sums: scores_of_confusions(sums)[key]
