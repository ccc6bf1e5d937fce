"""How segmentation networks are scored: on whole test images, at their original resolution."""

import numpy as np
import pandas as pd
from tqdm import tqdm

from pipeline import paths
from pipeline.datasets.layout import read_info
from pipeline.evaluation import gallery
from pipeline.evaluation.test_split import open_image, open_instances, open_mask, open_scaled
from pipeline.images.io import IGNORED
from pipeline.inference.decision import of_class, predicted
from pipeline.scoring import calibration, classes, curves, objects
from pipeline.scoring.curves import Histogram
from pipeline.scoring.ratios import MEAN
from pipeline.scoring.statistics import interval, paired_difference, quartiles
from pipeline.tasks.segmentation.evaluation.image import mean, score_image
from pipeline.tasks.segmentation.evaluation.pictures import draw  # noqa: F401 (what `pipeline.evaluation.evaluate` asks a task for)
from pipeline.tasks.segmentation.evaluation.scores import Scores, per_class
from pipeline.tasks.segmentation.evaluation.volumes import Volumes, summary
from pipeline.tasks.segmentation.losses import loss_of

HEADLINE = ("iou", "dice", "mean_iou", "accuracy", "nsd", "pq", "loss")
LEADING, LEADING_TITLE = "dice", "Dice"  # the metric by which networks are ranked
DISTRIBUTIONS = ("dice", "iou", "nsd", "hd95", "assd", "hd95_nm", "assd_nm")
# Means over images, by their column of ``per_image.csv``. An image without a value is left out.
MEANS = {"dice_per_image": "dice", "nsd": "nsd", "hd95": "hd95", "assd": "assd", "loss": "loss"}


def score(models, dataset, records, params, title, pictures=None):
    """Predict and score all test images with the threshold that training chose on validation: `Scores`.

    `models` has the `TrainedModel` of each fold, which predicts the images of that fold; `records` come from
    `pipeline.evaluation.test_split.open_test_split`; `title` is for the progress bar. Small pictures of the images and of the
    errors go into the folder `pictures`, if there is one.
    """
    info, names = read_info(paths.raw(dataset)), models[0].card["classes"]
    thresholds, tolerance = [model.threshold(params.inference) for model in models], params.segmentation.tolerance
    foreground = range(1, len(names))
    images, histograms = {number: [] for number in foreground}, {number: Histogram() for number in foreground}
    confusions, losses, reliability, volumes = [], [], 0, Volumes(info.voxel_size_nm, tolerance)
    pictured = gallery.pictured(len(records)) if pictures else ()
    for position, record in enumerate(tqdm(records, desc=f"{title} on {dataset}", disable=None)):
        model, threshold = models[record["fold"]], thresholds[record["fold"]]
        image, mask = open_image(dataset, record), open_mask(dataset, record)
        probability = model.segment(open_scaled(dataset, record, model), params.inference)
        prediction, counted = predicted(probability, threshold), mask != IGNORED
        confusions.append(classes.confusion_matrix(mask[counted], prediction[counted], len(names)))
        pixels = classes.against_the_rest(confusions[-1])
        objects_of = {"instances": open_instances(dataset, record), "split": model.split, "smallest": model.smallest}
        for number in foreground:
            reference, of_number = mask == number, of_class(probability, number)
            histograms[number].add(reference[counted], of_number[counted])  # first: it reports a training that diverged
            areas = reference, (prediction == number) & counted, of_number  # ignored pixels belong to no border and no object
            images[number].append(score_image(record, pixels[number], *areas, tolerance, info.pixel_size_nm, **objects_of))
        volumes.add(record, mask, prediction)
        reliability += calibration.sums_of_image(*_confidence(mask[counted], probability[counted]))
        losses.append(_loss(params.segmentation.loss, model.card, mask, probability))
        if position in pictured:
            gallery.write_image(pictures, position, image)
            gallery.write_answer(pictures, position, mask, prediction, len(names))
    threshold = None if None in thresholds else float(np.mean(thresholds))
    return Scores(names, images, histograms, np.array(confusions), losses, reliability, threshold, info.pixel_size_nm, volumes)


def detail(scores, params):
    """Everything besides the metrics: intervals, distributions over images, objects, probabilities (dict)."""
    threshold = {} if scores.several else {"threshold": scores.threshold}
    volumes = {"volumes": summary(pd.concat(scores.per_volume.values()))} if scores.per_volume else {}
    histograms = scores.histograms.values()
    return {
        **threshold,
        **volumes,
        "tolerance": params.segmentation.tolerance,
        "pixel_size_nm": scores.pixel_size_nm,
        "trivial": classes.trivial(scores.confusion),
        "intervals": intervals(scores, params.seed),
        "per_image": {key: quartiles(scores.table[key]) for key in DISTRIBUTIONS if key in scores.table},
        "objects": _objects(scores),
        "probability": {
            "average_precision": mean(map(curves.average_precision, histograms)),
            "auroc": mean(map(curves.roc_area, histograms)),
            "ece": calibration.expected_calibration_error(scores.reliability),
            "brier": calibration.brier_score(scores.reliability),
        },
    }


def intervals(scores, seed):
    """95 % confidence intervals over the independent units; None where there are too few, or no spread."""

    def of(statistics, rows, scale="logit"):
        totals = scores.by_unit(rows)
        return {name: interval(totals, statistic, seed, scale=scale) for name, statistic in statistics.items()}

    def of_mean(name, scale="logit"):
        return of({name: MEAN}, _rows_of_mean(scores.values(MEANS[name])), scale)

    pixels, matches = of(classes.OVERLAP, scores.pixels()), of(classes.OBJECTS, scores.objects())
    return pixels | of_mean("dice_per_image") | of_mean("nsd") | matches | of_mean("loss", "log")


def tables(scores, params):
    """The tables of the results: dict of DataFrame by file name."""

    def joined(parts):
        """One table; several classes stand below each other, with their names in the first column."""
        named = {scores.names[number]: part for number, part in parts.items()}
        return pd.concat(named, names=["class"]).reset_index("class") if scores.several else parts[1]

    def curve(points):
        return joined({number: curves.thinned(points(histogram)) for number, histogram in scores.histograms.items()})

    found = {
        "per_image": scores.table.assign(picture=gallery.stems(len(scores.losses), gallery.pictured(len(scores.losses)))),
        "per_object": joined({number: scores.object_table(number) for number in scores.images}),
        "precision_recall": curve(lambda one: curves.precision_recall(one)[["threshold", "precision", "recall"]]),
        "roc": curve(lambda one: curves.roc(one).replace(np.inf, np.nan)),
        "reliability": calibration.reliability_table(scores.reliability),
    }
    if scores.per_volume:
        found["per_volume"] = joined(scores.per_volume)
    if scores.several:
        counts = pd.DataFrame(scores.confusion, scores.names, scores.names)
        rows = {number: pd.DataFrame([image.row for image in images]) for number, images in scores.images.items()}
        found |= {
            "per_class": per_class(scores, params.seed),
            "per_image_and_class": joined(rows),
            "confusion": counts.rename_axis(index="actual", columns="predicted").stack().reset_index(name="pixels"),
        }
    return found


def compare(best, other, seed):
    """Subtract the scores of the best network from those of another, on the same images: dict of `Difference` by metric."""

    def paired(statistic, rows):
        return paired_difference(*(scores.by_unit(rows(scores)) for scores in (best, other)), statistic, seed)

    found = {name: paired(statistic, Scores.pixels) for name, statistic in classes.OVERLAP.items()}
    for name, column in MEANS.items():
        undefined = np.isnan(best.values(column)) | np.isnan(other.values(column))
        found[name] = paired(MEAN, lambda scores, c=column, u=undefined: _rows_of_mean(np.where(u, np.nan, scores.values(c))))
    return found | {name: paired(statistic, Scores.objects) for name, statistic in classes.OBJECTS.items()}


def _loss(name, card, mask, probability):
    """The training loss of one whole image, from the probabilities that were scored."""
    if (mask == IGNORED).any():  # which the masks of the training need not have had
        card = card | {"ignored": True}
    clipped = np.clip(probability, 1e-7, 1 - 1e-7)  # as Keras clips: one certain mistake is not an infinite loss
    logits = np.log(clipped) if probability.ndim == 3 else (np.log(clipped) - np.log1p(-clipped))[..., None]
    return float(loss_of(name, card)(mask[None, ..., None].astype(np.float32), logits[None]))


def _confidence(mask, probability):
    """What came true, and its predicted probability: of the foreground or, with several classes, of the most probable class."""
    if probability.ndim == mask.ndim:
        return mask == 1, probability
    return probability.argmax(axis=-1) == mask, probability.max(axis=-1)


def _rows_of_mean(values):
    """Values beside ones, as `MEAN` takes them; where they are undefined, zeros."""
    defined = ~np.isnan(values)
    return np.stack([np.where(defined, values, 0), defined], axis=1)


def _objects(scores):
    """Objects of all classes together; qualities are means over classes."""
    counts = [scores.counts(number) for number in scores.images]
    total = objects.total(counts)
    tp, fp, fn, _ = total["at_50"]
    usual, strict = ([objects.scores(one[at]) for one in counts] for at in ("at_50", "at_75"))
    return {
        "reference": int(tp + fn),
        "predicted": int(tp + fp),
        "count_error": int(fp - fn),
        **{name: mean(one[name] for one in usual) for name in ("precision", "recall", "f1")},
        **{f"{name}_75": mean(one[name] for one in strict) for name in ("precision", "recall", "f1")},
        **{name: mean(one[name] for one in usual) for name in ("pq", "sq", "rq")},
        "average_precision": mean(objects.average_precision(scores.object_table(number)) for number in scores.images),
        "splits": total["splits"],
        "merges": total["merges"],
    }
