"""Choose the threshold of foreground on the validation images.

With it, choose how objects are told apart, and how small they may be.
"""

from collections import defaultdict

import numpy as np

from pipeline import paths
from pipeline.images.io import IGNORED, read_instances
from pipeline.images.symmetry import symmetries
from pipeline.networks.common.run import runner
from pipeline.scoring.curves import Histogram, best_threshold, precision_recall, thinned
from pipeline.tasks.segmentation.separation import choose_objects
from pipeline.tasks.segmentation.validation import enlarged, opened, predicted_image, predicted_probability, validation_images


def choose_threshold(network, dataset, card):
    """Choose the thresholds on the validation images, with and without flips, as `pipeline.scoring.curves.best_threshold` does.

    It reads ``resize``, ``intensity_range``, ``context`` and ``fold`` from the card. Returns a dict with ``threshold``,
    ``threshold_flips`` for predictions that are averaged over flips and turns, and ``separation`` and ``smallest`` (see
    `choose_objects`) at the first of them; and a table of precision, recall and Dice by threshold, without flips.
    """
    predict = runner(network)
    plain, averaged = defaultdict(Histogram), defaultdict(Histogram)  # of each independent unit
    records = validation_images(dataset, card)
    for record in records:
        image, mask = opened(dataset, record, card)
        changes = symmetries(*image.shape[:2])
        turned = predicted_probability(predict, np.concatenate([change.apply(image[None]) for change in changes]))
        views = [change.undo(probability[None])[0] for change, probability in zip(changes, turned, strict=True)]
        for histograms, probability in ((plain, views[0]), (averaged, sum(views) / len(views))):
            counted = mask != IGNORED
            histograms[record.unit].add(mask[counted] == 1, enlarged(probability, mask, card)[counted])
    chosen = {"threshold": best_threshold(plain.values()), "threshold_flips": best_threshold(averaged.values())}
    chosen |= choose_objects(_objects(predict, dataset, records, card, chosen["threshold"]))
    return chosen, thinned(precision_recall(sum(plain.values(), Histogram())))


def _objects(predict, dataset, records, card, threshold):
    """The unit, the objects and the predicted mask of each image, as `choose_objects` takes them."""
    for record in records:
        probability, mask = predicted_image(predict, dataset, record, card)
        objects = read_instances(paths.raw(dataset) / record.instances) if record.instances else mask == 1
        yield record.unit, objects, (probability >= threshold) & (mask != IGNORED)
