"""Choose the threshold on whole validation images, at their original resolution, as the test images will be predicted.

With it, choose how objects are told apart, and how small they may be.
"""

from collections import defaultdict

import numpy as np

from pipeline import paths
from pipeline.datasets.layout import read_table
from pipeline.images.intensity import scaled
from pipeline.images.io import IGNORED, read_image, read_instances, read_mask
from pipeline.images.resize import resize_image
from pipeline.images.sections import context_of, read_with_neighbours, with_runs
from pipeline.images.symmetry import symmetries
from pipeline.networks.common.run import runner, sigmoid
from pipeline.scoring.curves import Histogram, best_threshold, precision_recall, thinned
from pipeline.tasks.segmentation.separation import choose_objects

TILE = 1024  # pixels; larger images are cut, without overlap: their few seams move no threshold


def choose_threshold(network, dataset, card):
    """Choose the thresholds on the validation images, with and without flips, as `pipeline.scoring.curves.best_threshold` does.

    Of the card, ``resize``, ``intensity_range``, ``context`` and ``fold`` are read. Returns a dict with ``threshold``,
    ``threshold_flips`` for predictions that are averaged over flips and turns, and ``separation`` and ``smallest`` (see
    `choose_objects`) at the first of them; and a table of precision, recall and Dice by threshold, without flips.
    """
    predict = runner(network)
    plain, averaged = defaultdict(Histogram), defaultdict(Histogram)  # of each independent unit
    table = with_runs(read_table(paths.patches(dataset, card.get("fold", 0)) / "split.csv"))
    records = list(table[(table["split"] == "val") & (table["unit"] != "")].itertuples())  # the others are all ignored
    for record in records:
        image, mask = _open(dataset, record, card)
        changes = symmetries(*image.shape[:2])
        turned = _tiled(predict, np.concatenate([change.apply(image[None]) for change in changes]))
        views = [change.undo(probability[None])[0] for change, probability in zip(changes, turned, strict=True)]
        for histograms, probability in ((plain, views[0]), (averaged, sum(views) / len(views))):
            probability = resize_image(probability, mask.shape) if card["resize"] else probability
            counted = mask != IGNORED
            histograms[record.unit].add(mask[counted] == 1, probability[counted])
    chosen = {"threshold": best_threshold(plain.values()), "threshold_flips": best_threshold(averaged.values())}
    chosen |= choose_objects(_objects(predict, dataset, records, card, chosen["threshold"]))
    return chosen, thinned(precision_recall(sum(plain.values(), Histogram())))


def _open(dataset, record, card):
    """An image as the network takes it, and its mask in the original resolution."""

    def read(file):
        return scaled(read_image(paths.raw(dataset) / file), card["intensity_range"])

    image = read_with_neighbours(record, context_of(card), read)
    if card["resize"]:
        image = resize_image(image, card["resize"])
    return image, read_mask(paths.raw(dataset) / record.mask)


def _objects(predict, dataset, records, card, threshold):
    """The unit, the objects and the predicted mask of each image, as `choose_objects` takes them."""
    for record in records:
        image, mask = _open(dataset, record, card)
        probability = _tiled(predict, image[None])[0]
        if card["resize"]:
            probability = resize_image(probability, mask.shape)
        objects = read_instances(paths.raw(dataset) / record.instances) if record.instances else mask == 1
        yield record.unit, objects, (probability >= threshold) & (mask != IGNORED)


def _tiled(predict, images):
    """Probability (N, H, W) of images (N, H, W, C), tile by tile and two by two."""
    probability = np.empty(images.shape[:3], np.float32)
    for first in range(0, len(images), 2):
        for top in range(0, images.shape[1], TILE):
            for left in range(0, images.shape[2], TILE):
                part = slice(first, first + 2), slice(top, top + TILE), slice(left, left + TILE)
                probability[part] = sigmoid(predict(np.ascontiguousarray(images[part])))[..., 0]
    return probability
