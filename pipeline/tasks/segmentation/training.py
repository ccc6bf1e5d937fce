"""How segmentation networks are trained: the loss, the metric, and what validation chooses."""

import numpy as np

from pipeline.images.io import IGNORED
from pipeline.networks.common import blocks
from pipeline.tasks.class_weights import class_weights
from pipeline.tasks.segmentation.class_factors import weigh_classes
from pipeline.tasks.segmentation.losses import PooledDice, loss_of
from pipeline.tasks.segmentation.threshold import choose_threshold


def facts(params, card, training):
    """What the loss depends on besides the params, for the model card: a dict, empty if all pixels count the same.

    ``class_weights`` is a number for each class, ``ignored`` whether the masks may hold ignored pixels.
    """
    classes, wanted = card["classes"], params.segmentation.class_weights
    counts = 0
    for mask in training.targets if wanted == "balanced" else ():
        counts = counts + np.bincount(np.ravel(mask), minlength=IGNORED + 1)[: len(classes)]
    weights = class_weights(wanted, classes, counts, "segmentation.class_weights")
    found = {} if training.targets.dtype == bool else {"ignored": True}
    return found if weights is None else found | {"class_weights": weights}


def outputs(card):
    """How many logits a network must give for each pixel."""
    return blocks.outputs(len(card["classes"]))


def balanced(params):
    """No: each epoch holds every patch once."""
    return False


def loss(params, card):
    """The loss that `segmentation.loss` names, for a model with this card (see `facts`)."""
    return loss_of(params.segmentation.loss, card)


def metric(card):
    """Dice of the pixels, the mean over the foreground classes."""
    return PooledDice(classes=len(card["classes"]))


def choose(network, dataset, card):
    """Choose on the validation images what decides the class of a pixel: a threshold, or how several classes are weighed.

    Returns facts for the card, and a table of thresholds or None (see `choose_threshold` and `weigh_classes`).
    """
    return (weigh_classes(network, dataset, card), None) if len(card["classes"]) > 2 else choose_threshold(network, dataset, card)
