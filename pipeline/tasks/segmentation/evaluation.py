"""How segmentation networks are scored: on whole test images, at their original resolution."""

import re
from functools import partial

import numpy as np
import pandas as pd
from tqdm import tqdm

from pipeline import paths
from pipeline.datasets.layout import read_info
from pipeline.evaluation import gallery
from pipeline.evaluation.maps import map_panel
from pipeline.evaluation.test_split import open_image, open_instances, open_mask, open_scaled
from pipeline.images.masks import IGNORED
from pipeline.inference.decision import of_class, predicted
from pipeline.inference.explain import attention_maps
from pipeline.scoring import calibration, classes, curves, objects
from pipeline.scoring.curves import Histogram
from pipeline.scoring.ratios import MEAN
from pipeline.scoring.statistics import interval, paired_difference, quartiles
from pipeline.tasks.segmentation.image import score_image
from pipeline.tasks.segmentation.losses import loss_of
from pipeline.tasks.segmentation.panel import panel
from pipeline.tasks.segmentation.per_class import per_class
from pipeline.tasks.segmentation.scores import ClassScores, Scores
from pipeline.tasks.segmentation.solids import Volumes, summary

HEADLINE = ("iou", "dice", "mean_iou", "accuracy", "nsd", "pq", "loss")
LEADING, LEADING_TITLE = "dice", "Dice"  # the metric by which networks are ranked
FIXED = 3  # panels of the same images whatever the network makes of them, so that `dvc plots diff` can pair experiments
DISTRIBUTIONS = ("dice", "iou", "nsd", "hd95", "assd", "hd95_nm", "assd_nm")
# Means over images, by their column of ``per_image.csv``. An image without a value is left out.
MEANS = {"dice_per_image": "dice", "nsd": "nsd", "hd95": "hd95", "assd": "assd", "loss": "loss"}


def score(models, dataset, records, params, title, pictures=None):
    """Predict and score all test images with the threshold that training chose on validation.

    Parameters
    ----------
    models : list of pipeline.inference.model.TrainedModel
        The network of each fold, which predicts the images of that fold.
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
    info, names = read_info(paths.raw(dataset)), models[0].card["classes"]
    pixel_size, voxel_size = info.pixel_size_nm, info.voxel_size_nm
    thresholds, tolerance = [model.threshold(params.inference) for model in models], params.segmentation.tolerance
    losses_of = [loss_of(params.segmentation.loss, model.card) for model in models]
    kinds = list, Histogram, partial(Volumes, voxel_size, tolerance * max(pixel_size or (1,)))
    images, histograms, volumes = ({number: make() for number in range(1, len(names))} for make in kinds)
    confusions, losses, reliability = [], [], 0
    pictured = gallery.pictured(len(records)) if pictures else ()
    for position, record in enumerate(tqdm(records, desc=f"{title} on {dataset}", disable=None)):
        model, threshold = models[record["fold"]], thresholds[record["fold"]]
        image, mask = open_image(dataset, record), open_mask(dataset, record)
        probability = model.segment(open_scaled(dataset, record, model), params.inference)
        counted = None if mask.dtype == bool else mask != IGNORED
        scored = (lambda array: array) if counted is None else (lambda array, counted=counted: array[counted])
        prediction = predicted(probability, threshold)
        objects_of = {"instances": open_instances(dataset, record), "split": model.split}  # of two classes only
        for number in images:
            reference, of_number = mask == number, of_class(probability, number)
            histograms[number].add(scored(reference), scored(of_number))  # first: it reports a training that diverged
            areas = reference, prediction == number, of_number
            images[number].append(score_image(record, *areas, counted, tolerance, pixel_size, **objects_of))
            if voxel_size:
                volumes[number].add(record, *areas[:2], counted)
        confusions.append(classes.pixel_confusion(scored(mask), scored(prediction), len(names)))
        reliability += calibration.sums_of_image(*_confidence(scored(mask), scored(probability)))
        losses.append(_loss(losses_of[record["fold"]], mask, probability))
        if position in pictured:
            gallery.write_image(pictures, position, image)
            gallery.write_errors(pictures, position, mask, prediction, len(names))
    scores = {number: ClassScores(images[number], histograms[number], volumes[number].table()) for number in images}
    threshold = None if None in thresholds else float(np.mean(thresholds))
    return Scores(names, scores, np.array(confusions), losses, reliability, threshold, pixel_size)


def detail(scores, params):
    """Everything beside the metrics: intervals, distributions over images, objects, probabilities (dict)."""
    threshold = {} if scores.several else {"threshold": scores.threshold}
    volumes = pd.concat(found.volumes for found in scores.by_class.values())
    return (
        threshold
        | {
            "tolerance": params.segmentation.tolerance,
            "pixel_size_nm": scores.pixel_size_nm,
            "trivial": classes.trivial(scores.confusion),
            "intervals": intervals(scores, params.seed),
            "per_image": {key: quartiles(scores.table[key]) for key in DISTRIBUTIONS if key in scores.table},
            "objects": _objects(scores),
            "probability": {
                "average_precision": _mean(curves.average_precision(found.histogram) for found in scores.by_class.values()),
                "auroc": _mean(curves.roc_area(found.histogram) for found in scores.by_class.values()),
                "ece": calibration.expected_calibration_error(scores.reliability),
                "brier": calibration.brier_score(scores.reliability),
            },
        }
        | ({"volumes": summary(volumes)} if len(volumes) else {})
    )


def intervals(scores, seed):
    """95 % confidence intervals over the independent units; None where there are too few, or no spread."""

    def of(statistics, rows, share=True):
        totals = scores.by_unit(rows)
        return {name: interval(totals, statistic, seed, share=share) for name, statistic in statistics.items()}

    def mean(name, share=True):
        return of({name: MEAN}, _rows_of_mean(scores.values(MEANS[name])), share)

    pixels, matches = of(classes.OVERLAP, scores.pixels()), of(classes.OBJECTS, scores.objects())
    return pixels | mean("dice_per_image") | mean("nsd") | matches | mean("loss", share=False)


def tables(scores, params):
    """The tables of the results: dict of DataFrame by file name."""

    def by_class(make):
        """One table; of several classes below each other, with their names in the first column."""
        parts = {scores.names[number]: make(found) for number, found in scores.by_class.items()}
        return pd.concat(parts, names=["class"]).reset_index("class") if scores.several else parts[scores.names[1]]

    found = {
        "per_image": scores.table.assign(picture=gallery.stems(len(scores.losses), gallery.pictured(len(scores.losses)))),
        "per_object": by_class(lambda one: one.objects),
        "precision_recall": by_class(
            lambda one: curves.thinned(curves.precision_recall(one.histogram)[["threshold", "precision", "recall"]])
        ),
        "roc": by_class(lambda one: curves.thinned(curves.roc(one.histogram).replace(np.inf, np.nan))),
        "reliability": calibration.reliability_table(scores.reliability),
    }
    if len(scores.by_class[1].volumes):
        found["per_volume"] = by_class(lambda one: one.volumes)
    if scores.several:
        found |= {
            "per_class": per_class(scores, params.seed),
            "per_image_and_class": by_class(lambda one: pd.DataFrame([image.row for image in one.images])),
            "confusion": pd.DataFrame(
                [
                    (actual, predicted, pixels)
                    for actual, row in zip(scores.names, scores.confusion, strict=True)
                    for predicted, pixels in zip(scores.names, row, strict=True)
                ],
                columns=["actual", "predicted", "pixels"],
            ),
        }
    return found


def compare(best, other, seed):
    """Subtract the scores of the best network from those of another, on the same images.

    Returns
    -------
    dict of str to pipeline.scoring.statistics.Difference
    """

    def paired(statistic, rows):
        return paired_difference(*(scores.by_unit(rows(scores)) for scores in (best, other)), statistic, seed)

    found = {name: paired(statistic, Scores.pixels) for name, statistic in classes.OVERLAP.items()}
    for name, column in MEANS.items():
        defined = ~(np.isnan(best.values(column)) | np.isnan(other.values(column)))
        found[name] = paired(MEAN, lambda scores, c=column, d=defined: np.stack([np.where(d, scores.values(c), 0), d], axis=1))
    return found | {name: paired(statistic, Scores.objects) for name, statistic in classes.OBJECTS.items()}


def draw(scores, models, dataset, records, name, params):
    """Draw some images with their prediction, and what the attention gates see of them.

    A panel is named by its image, and its rank stands in the picture.
    """
    table, explained = scores.table, set()
    for position, rank in _shown(table.sort_values(["dice", "image"]).index.tolist()):
        record, kind = records[position], rank.split()[0]
        model = models[record["fold"]]
        image, mask = open_image(dataset, record), open_mask(dataset, record)
        file = re.sub(r"[^\w.-]", "_", record["name"]) + ".png"
        seen = open_scaled(dataset, record, model)
        probability = model.segment(seen, params.inference)
        prediction = predicted(probability, model.threshold(params.inference))
        title = f"{rank}, Dice {table['dice'][position]:.3f}"
        (paths.panels(dataset) / f"{name}-{file}").write_bytes(panel(image, mask, prediction, title, scores.names))
        maps = {} if kind in explained else attention_maps(model, seen, params.inference)  # the first of a kind
        explained.add(kind)
        if maps:
            sheet = map_panel(image, {_gate_title(gate): values for gate, values in maps.items()})
            (paths.panels(dataset) / f"{name}-attention-{file}").write_bytes(sheet)


def _loss(loss, mask, probability):
    """The training loss of one whole image, from the probabilities that were scored."""
    clipped = np.clip(probability, 1e-7, 1 - 1e-7)  # as Keras clips: one certain mistake is not an infinite loss
    logits = np.log(clipped) if probability.ndim == 3 else (np.log(clipped) - np.log1p(-clipped))[..., None]
    return float(loss(mask[None, ..., None].astype(np.float32), logits[None]))


def _confidence(mask, probability):
    """What came true and the probability it had: the foreground or, of several classes, the most probable class."""
    if probability.ndim == mask.ndim:
        return mask == 1, probability
    return probability.argmax(axis=-1) == mask, probability.max(axis=-1)


def _mean(values):
    defined = [value for value in values if value is not None]
    return sum(defined) / len(defined) if defined else None


def _rows_of_mean(values):
    """Values beside ones, as `MEAN` takes them; where they are undefined, zeros."""
    defined = ~np.isnan(values)
    return np.stack([np.where(defined, values, 0), defined], axis=1)


def _objects(scores):
    """Objects of all classes together; qualities are means over classes."""
    every = [(found, found.counts) for found in scores.by_class.values()]
    total = {name: sum(counts[name] for _, counts in every) for name in every[0][1]}
    tp, fp, fn, _ = total["at_50"]
    usual, strict = ([objects.scores(counts[at]) for _, counts in every] for at in ("at_50", "at_75"))
    mean = lambda rows, name: _mean(row[name] for row in rows)  # noqa: E731
    return {
        "reference": int(tp + fn),
        "predicted": int(tp + fp),
        "count_error": int(fp - fn),
        **{name: mean(usual, name) for name in ("precision", "recall", "f1")},
        **{f"{name}_75": mean(strict, name) for name in ("precision", "recall", "f1")},
        **{name: mean(usual, name) for name in ("pq", "sq", "rq")},
        "average_precision": _mean(objects.average_precision(found.objects) for found, _ in every),
        "splits": total["splits"],
        "merges": total["merges"],
    }


def _shown(ranked):
    """Choose the images that get a panel: the worst, the median, the best, and `FIXED` others spread over the test set.

    `ranked` has the positions of the test images, the hardest first. Returns pairs of a position and what its rank is called, in
    that order; no image twice.
    """
    count, ranks = len(ranked), {}
    for place, rank in ((count - 1, "best"), (0, "worst"), (count // 2, "median")):
        if 0 <= place < count:
            ranks.setdefault(ranked[place], rank)
    for position in np.linspace(0, count - 1, min(count, FIXED)).round().astype(int).tolist():
        ranks.setdefault(position, f"rank {count - ranked.index(position)} of {count}")
    return sorted(ranks.items(), key=lambda shown: ranked.index(shown[0]))


def _gate_title(gate):
    level = int(gate.removeprefix("attention_"))
    return f"gate {level + 1}" + (" (finest)" if level == 0 else "")
