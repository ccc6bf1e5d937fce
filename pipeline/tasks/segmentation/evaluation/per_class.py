"""The scores of each of several classes against the rest, with what is trivial beside them."""

import pandas as pd

from pipeline.scoring import classes, curves, objects
from pipeline.scoring.ratios import OVERLAP, or_none
from pipeline.scoring.statistics import interval
from pipeline.tasks.segmentation.evaluation.image import mean


def per_class(scores, seed):
    """A row for each class, the background first, from `pipeline.tasks.segmentation.evaluation.scores.Scores`.

    ``share`` is that of the class among the pixels of the masks; ``trivial_iou`` what calling every pixel so would score. NSD is
    the mean over the images whose mask or prediction holds the class. Borders, objects and areas below curves are those of
    foreground classes.
    """
    totals, confusion = scores.by_unit(scores.pixels()), scores.confusion
    counts, rows = classes.against_the_rest(confusion), []
    for number, name in enumerate(scores.names):
        row = {"class": name, "share": confusion[number].sum() / confusion.sum()}
        for metric in ("iou", "dice"):
            limits = interval(totals, classes.of_class(OVERLAP[metric], number), seed) or (None, None)
            row |= {metric: or_none(OVERLAP[metric](counts[number])), f"{metric}_low": limits[0], f"{metric}_high": limits[1]}
        row |= {f"trivial_{metric}": value for metric, value in classes.trivial_of_class(confusion, number).items()}
        row |= {metric: or_none(OVERLAP[metric](counts[number])) for metric in ("precision", "recall")}
        if number:
            row |= _of_foreground(scores.by_class[number])
        rows.append(row)
    return pd.DataFrame(rows)


def _of_foreground(found):
    there = [image.row for image in found.images if image.row["tp"] + image.row["fp"] + image.row["fn"]]
    matches = found.counts["at_50"]
    of_objects = objects.scores(matches)
    return {
        "nsd": mean(row["nsd"] for row in there),
        "average_precision": curves.average_precision(found.histogram),
        "auroc": curves.roc_area(found.histogram),
        "objects_reference": int(matches[0] + matches[2]),
        "objects_predicted": int(matches[0] + matches[1]),
        "object_f1": of_objects["f1"],
        "pq": of_objects["pq"],
    }
