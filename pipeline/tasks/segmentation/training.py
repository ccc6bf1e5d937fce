"""How segmentation networks are trained: the loss, the metric, and the threshold that validation chooses."""

import numpy as np

from pipeline.inference.activations import sigmoid
from pipeline.patches.packed import unpacked
from pipeline.scoring.curves import Histogram, best_threshold, precision_recall, thinned
from pipeline.tasks.segmentation.losses import LOSSES, PooledDice

metric = PooledDice


def loss(params):
    """The loss that `segmentation.loss` names."""
    return LOSSES[params.segmentation.loss]


def choose(network, validation, batch_size):
    """Choose the threshold with the highest pooled Dice on the validation patches.

    Parameters
    ----------
    network : keras.Model
    validation : pipeline.patches.packed.Packed
    batch_size : int

    Returns
    -------
    chosen : dict
        ``threshold``, for the model card.
    table : pandas.DataFrame
        Precision, recall and Dice by threshold.
    """
    histogram = Histogram()
    for start in range(0, len(validation.images), batch_size):
        batch = slice(start, start + batch_size)
        logits = network.predict_on_batch(unpacked(validation.images[batch]))
        histogram.add(np.asarray(validation.targets[batch]), sigmoid(logits[..., 0]))
    return {"threshold": best_threshold(histogram)}, thinned(precision_recall(histogram))
