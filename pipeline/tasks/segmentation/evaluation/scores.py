"""What a network scores on the test set, class by class and over all of them."""

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import pandas as pd

from pipeline.scoring import classes, curves, objects
from pipeline.scoring.ratios import OVERLAP, or_none
from pipeline.scoring.statistics import interval, sum_by_unit
from pipeline.tasks.segmentation.evaluation.image import mean, mean_over_classes
from pipeline.tasks.segmentation.evaluation.volumes import Volumes


@dataclass(frozen=True)
class Scores:
    """The scores of all classes. With background and foreground, every mean over classes is the score of the foreground."""

    names: list  # of the classes, the background first
    images: dict  # list of `ImageScore` by the number of a foreground class
    histograms: dict  # `Histogram` of probabilities by the same
    confusions: np.ndarray  # pixels of each image by true and predicted class, shape (N, K, K), int64
    losses: list  # of each image
    reliability: np.ndarray
    threshold: float | None  # of several folds, the mean; None for several classes
    pixel_size_nm: tuple | None
    volumes: Volumes

    @property
    def several(self):
        return len(self.names) > 2

    @cached_property
    def table(self):
        """A row for each image."""
        images = zip(*self.images.values(), strict=True)
        rows = [mean_over_classes(image) if self.several else image[0].row for image in images]
        return pd.DataFrame(rows).assign(loss=self.losses)

    @property
    def metrics(self):
        """All scores that are one number: pooled over pixels or objects, but for the means over images."""
        pixels, matches = self.pixels().sum(axis=0), self.objects().sum(axis=0)
        scores = {name: or_none(statistic(pixels)) for name, statistic in classes.OVERLAP.items()}
        means = {name: or_none(pd.Series(self.values(at)).mean()) for name, at in (("dice_per_image", "dice"), ("nsd", "nsd"))}
        loss = float(self.values("loss").mean())
        return scores | means | {"pq": or_none(classes.OBJECTS["pq"](matches)), "loss": loss}

    def part(self, positions):
        """The scores of some images, for their `metrics`; the probabilities remain those of all."""
        images = {number: [found[position] for position in positions] for number, found in self.images.items()}
        losses = [self.losses[position] for position in positions]
        return replace(self, images=images, confusions=self.confusions[positions], losses=losses)

    @cached_property
    def per_volume(self):
        """The scores of each foreground class in volumes: a dict of DataFrame by class number, empty where there are none."""
        tables = {number: self.volumes.table(number) for number in self.images}
        return {number: table for number, table in tables.items() if len(table)}

    @property
    def confusion(self):
        """Pixels of all images by true class (rows) and predicted class (columns)."""
        return self.confusions.sum(axis=0)

    def pixels(self):
        """Counts of each image and class (tp, fp, fn, tn), one class after the other: (N, 4K)."""
        return classes.against_the_rest(self.confusions).reshape(len(self.confusions), -1).astype(np.float64)

    def objects(self):
        """Objects of each image and foreground class (tp, fp, fn, sum of matched IoU): (N, 4(K - 1))."""
        return np.concatenate([[image.objects["at_50"] for image in images] for images in self.images.values()], axis=1)

    def counts(self, number):
        """The objects of one class in all images together (see `pipeline.scoring.objects.count_objects`)."""
        return objects.total(image.objects for image in self.images[number])

    def object_table(self, number):
        """All objects of one class in all images, a row for each."""
        return pd.concat(image.table for image in self.images[number])

    def values(self, column):
        """One value of each image; NaN where it is undefined."""
        return self.table[column].to_numpy(np.float64)

    def by_unit(self, rows):
        """The sums of rows, one for each image, over each independent unit."""
        return sum_by_unit(rows, self.table["unit"].tolist())


def per_class(scores, seed):
    """A row for each class, the background first, from `Scores`.

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
            there = [image.row for image in scores.images[number] if image.row["tp"] + image.row["fp"] + image.row["fn"]]
            histogram, matches = scores.histograms[number], scores.counts(number)["at_50"]
            of_objects = objects.scores(matches)
            row |= {
                "nsd": mean(row["nsd"] for row in there),
                "average_precision": curves.average_precision(histogram),
                "auroc": curves.roc_area(histogram),
                "objects_reference": int(matches[0] + matches[2]),
                "objects_predicted": int(matches[0] + matches[1]),
                "object_f1": of_objects["f1"],
                "pq": of_objects["pq"],
            }
        rows.append(row)
    return pd.DataFrame(rows)
