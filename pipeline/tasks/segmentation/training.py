"""How segmentation networks are trained: the loss, the metric, and the threshold that validation chooses."""

from pipeline.tasks.segmentation.losses import LOSSES, PooledDice
from pipeline.tasks.segmentation.threshold import choose_threshold

choose = choose_threshold


def facts(params, card, training):
    """Nothing for the model card (see `pipeline.tasks.classification.training.facts`)."""
    return {}


def balanced(params):
    """No: each epoch holds every patch once."""
    return False


def loss(params, card):
    """The loss that `segmentation.loss` names."""
    return LOSSES[params.segmentation.loss]


def metric(card):
    return PooledDice()
