"""Train U-Net or Attention Residual U-Net: the two differ in the function that builds them."""

import numpy as np

from pipeline.images.io import unit
from pipeline.inference.tiling import sigmoid
from pipeline.networks.common.losses import LOSSES, PooledDice
from pipeline.scoring.curves import Histogram, best_threshold, precision_recall, thinned
from pipeline.training.train import Task, train


def train_segmentation(dataset, name, network, params):
    """Train a segmentation network; the threshold is that of the highest pooled Dice on the validation patches.

    Parameters
    ----------
    dataset, name : str
    network : callable
        `pipeline.networks.unet.unet` or one with the same parameters.
    params : pipeline.params.Params
    """
    settings = params.network(name)

    def build(card, seed, mean, variance):
        return network(
            card["channels"], settings.filters, settings.depth, settings.dropout, settings.normalization, mean, variance
        )

    def choose(model, validation):
        histogram = _histogram(model, validation, params.train.batch_size)
        return {"threshold": best_threshold(histogram)}, thinned(precision_recall(histogram))

    train(dataset, name, Task("segmentation", build, LOSSES[params.train.loss], PooledDice, choose), params)


def _histogram(model, validation, batch_size):
    """Count the pixels of the validation patches by predicted probability and truth."""
    histogram = Histogram()
    for start in range(0, len(validation.images), batch_size):
        rows = slice(start, start + batch_size)
        logits = model.predict_on_batch(unit(validation.images[rows]))
        histogram.add(np.asarray(validation.targets[rows]), sigmoid(logits[..., 0]))
    return histogram
