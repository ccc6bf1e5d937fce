"""Train U-Net or Attention Residual U-Net: the two differ in the function that builds them."""

import numpy as np

from pipeline.images.io import unit
from pipeline.inference.tiling import sigmoid
from pipeline.scoring.curves import Histogram, best_threshold
from pipeline.training.losses import LOSSES, PooledDice
from pipeline.training.train import train


def train_segmentation(dataset, name, network, params):
    """Train a segmentation network and choose its threshold on validation.

    Parameters
    ----------
    dataset, name : str
    network : callable
        `pipeline.networks.unet.unet` or one with the same parameters.
    params : pipeline.params.Params
    """
    settings = params.network(name)

    def build(card, mean, variance):
        return network(
            card["channels"], settings.filters, settings.depth, settings.dropout, settings.normalization, mean, variance
        )

    def choose(model, validation):
        return {"threshold": choose_threshold(model, validation, params.train.batch_size)}

    loss = LOSSES[params.train.loss]
    train(dataset, name, "segmentation", build, loss, PooledDice(), params, choose)


def choose_threshold(model, validation, batch_size):
    """Find the probability at or above which calling a pixel foreground gives the best pooled Dice on validation.

    Parameters
    ----------
    model : keras.Model
        Returns logits (N, H, W, 1).
    validation : pipeline.images.packed.Packed
    batch_size : int

    Returns
    -------
    float
    """
    histogram = Histogram()
    for start in range(0, len(validation.images), batch_size):
        rows = slice(start, start + batch_size)
        logits = model.predict_on_batch(unit(validation.images[rows]))
        histogram.add(np.asarray(validation.targets[rows]), sigmoid(logits[..., 0]))
    return best_threshold(histogram)
