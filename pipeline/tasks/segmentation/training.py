"""How segmentation networks are trained: the loss, the metric, and the threshold that validation chooses."""

from pipeline.tasks.segmentation.losses import LOSSES, PooledDice
from pipeline.tasks.segmentation.threshold import choose_threshold

metric = PooledDice
choose = choose_threshold


def loss(params):
    """The loss that `segmentation.loss` names."""
    return LOSSES[params.segmentation.loss]
