"""How segmentation networks are scored: on whole test images, at their original resolution."""

import re
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd
from tqdm import tqdm

from pipeline import paths
from pipeline.datasets.layout import read_info
from pipeline.evaluation import gallery
from pipeline.evaluation.maps import map_panel
from pipeline.evaluation.test_split import open_image, open_mask
from pipeline.inference.explain import attention_maps
from pipeline.scoring import calibration, curves, objects, overlap
from pipeline.scoring.curves import Histogram
from pipeline.scoring.ratios import MEAN, OBJECTS, OVERLAP
from pipeline.scoring.statistics import interval, paired_difference, quartiles, sum_by_unit
from pipeline.tasks.segmentation.image import score_image
from pipeline.tasks.segmentation.losses import LOSSES
from pipeline.tasks.segmentation.panel import panel

HEADLINE = ("iou", "dice", "mean_iou", "accuracy", "nsd", "pq", "loss")
LEADING, LEADING_TITLE = "dice", "Dice"  # the metric by which networks are ranked
DISTRIBUTIONS = ("dice", "iou", "nsd", "hd95", "assd", "hd95_nm", "assd_nm")
# Means over images, by their column of ``per_image.csv``. An image without a value is left out.
MEANS = {"dice_per_image": "dice", "nsd": "nsd", "hd95": "hd95", "assd": "assd", "loss": "loss"}


@dataclass(frozen=True)
class Scores:
    """What one network scores on the test set."""

    images: list  # of `pipeline.tasks.segmentation.image.ImageScore`
    histogram: Histogram
    reliability: np.ndarray
    threshold: float
    pixel_size_nm: tuple | None

    @cached_property
    def table(self):
        """A row for each image."""
        return pd.DataFrame([image.row for image in self.images])

    @property
    def counts(self):
        """The objects of all images together."""
        return objects.total(image.objects for image in self.images)

    @property
    def metrics(self):
        """All scores that are one number: pooled over pixels or objects, but for the means over images."""
        nsd = sum(image.row["nsd"] for image in self.images) / len(self.images)
        scores = overlap.summarise([image.pixels for image in self.images])
        return scores | {"nsd": nsd, "pq": objects.scores(self.counts["at_50"])["pq"], "loss": float(self.values("loss").mean())}

    @property
    def units(self):
        return self.table["unit"].tolist()

    def pixels(self):
        """Counts of each image (tp, fp, fn, tn)."""
        return self.table[["tp", "fp", "fn", "tn"]].to_numpy(np.float64)

    def objects(self):
        """Objects of each image (tp, fp, fn, sum of matched IoU)."""
        return np.array([image.objects["at_50"] for image in self.images])

    def values(self, column):
        """One value of each image; NaN where it is undefined."""
        return self.table[column].to_numpy(np.float64)


def score(model, dataset, records, params, title, pictures=None):
    """Predict and score all test images with the threshold that training chose on validation.

    Parameters
    ----------
    model : pipeline.inference.model.TrainedModel
    dataset : str
    records : list of pandas.Series
        As `pipeline.evaluation.test_split.open_test_split` gives them.
    params : pipeline.params.Params
    title : str
        For the progress bar.
    pictures : pathlib.Path, optional
        Folder for small pictures of the images and of the errors.

    Returns
    -------
    Scores
    """
    pixel_size = read_info(paths.raw(dataset)).pixel_size_nm
    threshold, tolerance = model.threshold(params.inference), params.segmentation.tolerance
    images, histogram, reliability = [], Histogram(), 0
    pictured = gallery.pictured(len(records)) if pictures else ()
    for position, record in enumerate(tqdm(records, desc=f"{title} on {dataset}", disable=None)):
        image, mask = open_image(dataset, record), open_mask(dataset, record)
        probability = model.segment(model.scaled(image), params.inference)
        histogram.add(mask, probability)  # first: it reports a training that diverged
        reliability += calibration.sums_of_image(mask, probability)
        images.append(score_image(record, mask, probability, threshold, tolerance, pixel_size))
        images[-1].row["loss"] = _loss(params.segmentation.loss, mask, probability)
        if position in pictured:
            gallery.write_image(pictures, position, image)
            gallery.write_errors(pictures, position, mask, probability >= threshold)
    return Scores(images, histogram, reliability, threshold, pixel_size)


def detail(scores, params):
    """Everything beside the metrics: intervals, distributions over images, objects, probabilities (dict)."""
    return {
        "threshold": scores.threshold,
        "tolerance": params.segmentation.tolerance,
        "pixel_size_nm": scores.pixel_size_nm,
        "trivial": overlap.trivial(sum(image.pixels for image in scores.images)),
        "intervals": _intervals(scores, params.seed),
        "per_image": {key: quartiles(scores.table[key]) for key in DISTRIBUTIONS if key in scores.table},
        "objects": _objects(scores),
        "probability": {
            "average_precision": curves.average_precision(scores.histogram),
            "auroc": curves.roc_area(scores.histogram),
            "ece": calibration.expected_calibration_error(scores.reliability),
            "brier": calibration.brier_score(scores.reliability),
        },
    }


def tables(scores):
    """The tables of the results: dict of DataFrame by file name."""
    return {
        "per_image": scores.table.assign(picture=gallery.stems(len(scores.images), gallery.pictured(len(scores.images)))),
        "per_object": pd.concat(image.table for image in scores.images),
        "precision_recall": curves.thinned(curves.precision_recall(scores.histogram)[["threshold", "precision", "recall"]]),
        "roc": curves.thinned(curves.roc(scores.histogram).replace(np.inf, np.nan)),
        "reliability": calibration.reliability_table(scores.reliability),
    }


def compare(best, other, seed):
    """Subtract the scores of the best network from those of another, on the same images.

    Returns
    -------
    dict of str to pipeline.scoring.statistics.Difference
    """
    units = best.units

    def paired(statistic, rows):
        return paired_difference(*(sum_by_unit(rows(scores), units) for scores in (best, other)), statistic, seed)

    found = {name: paired(statistic, Scores.pixels) for name, statistic in OVERLAP.items()}
    for name, column in MEANS.items():
        defined = ~(np.isnan(best.values(column)) | np.isnan(other.values(column)))
        found[name] = paired(MEAN, lambda scores, c=column, d=defined: np.stack([np.where(d, scores.values(c), 0), d], axis=1))
    return found | {name: paired(statistic, Scores.objects) for name, statistic in OBJECTS.items()}


def draw(scores, model, dataset, records, name, params):
    """Draw the worst, the median and the best images with their prediction, and what the attention gates see of them."""
    table = scores.table
    ranked, explained = table.sort_values(["dice", "image"]).index.tolist(), set()
    for place, rank in _shown(len(ranked)):
        record = records[ranked[place]]
        image, mask = open_image(dataset, record), open_mask(dataset, record)
        file = re.sub(r"[^\w.-]", "_", record["name"]) + ".png"
        prediction = model.segment(model.scaled(image), params.inference) >= scores.threshold
        title = f"{rank}, Dice {table['dice'][ranked[place]]:.3f}"
        (paths.panels(dataset) / f"{name}-{file}").write_bytes(panel(image, mask, prediction, title))
        maps = {} if rank in explained else attention_maps(model, model.scaled(image), params.inference)  # the first of each rank
        explained.add(rank)
        if maps:
            sheet = map_panel(image, {_gate_title(gate): values for gate, values in maps.items()})
            (paths.panels(dataset) / f"{name}-attention-{file}").write_bytes(sheet)


def _loss(name, mask, probability):
    """The training loss of one whole image, from the probabilities that were scored."""
    clipped = np.clip(probability, 1e-7, 1 - 1e-7)  # as Keras clips: one certain mistake is not an infinite loss
    logits = np.log(clipped) - np.log1p(-clipped)
    return float(LOSSES[name](mask[None, ..., None].astype(np.float32), logits[None, ..., None]))


def _intervals(scores, seed):
    """95 % confidence intervals over the independent units; None where there are too few, or no spread."""

    def of(statistics, rows, share=True):
        totals = sum_by_unit(rows, scores.units)
        return {name: interval(totals, statistic, seed, share=share) for name, statistic in statistics.items()}

    def mean(name, share=True):
        values = scores.values(MEANS[name])
        return of({name: MEAN}, np.stack([values, np.ones(len(values))], axis=1), share)

    pixels, matches = of(OVERLAP, scores.pixels()), of(OBJECTS, scores.objects())
    return pixels | mean("dice_per_image") | mean("nsd") | matches | mean("loss", share=False)


def _objects(scores):
    counts = scores.counts
    tp, fp, fn, _ = counts["at_50"]
    usual, strict = objects.scores(counts["at_50"]), objects.scores(counts["at_75"])
    return {
        "reference": int(tp + fn),
        "predicted": int(tp + fp),
        "count_error": int(fp - fn),
        **{name: usual[name] for name in ("precision", "recall", "f1")},
        **{f"{name}_75": strict[name] for name in ("precision", "recall", "f1")},
        **{name: usual[name] for name in ("pq", "sq", "rq")},
        "average_precision": objects.average_precision(pd.concat(image.table for image in scores.images)),
        "splits": counts["splits"],
        "merges": counts["merges"],
    }


def _shown(count):
    """Places in a ranking, the worst first, and what they are called: two of the worst, two in the middle, and the best.

    No image is shown twice: with few images, the best and the worst take precedence.
    """
    middle, ranks = count // 2, {}
    for place, rank in ((count - 1, "best"), (0, "worst"), (middle, "median"), (1, "worst"), (middle + 1, "median")):
        if 0 <= place < count:
            ranks.setdefault(place, rank)
    return sorted(ranks.items())


def _gate_title(gate):
    level = int(gate.removeprefix("attention_"))
    return f"gate {level + 1}" + (" (finest)" if level == 0 else "")
