"""Losses of the segmentation networks, from logits. None is blind to a batch without foreground.

Each takes ``y_true`` (N, H, W, 1) of 0 and 1 and ``y_pred`` (N, H, W, 1), logits, and returns a scalar. Overlaps are
pooled over the batch, as the metrics are pooled over the test set.
"""

import keras
from keras import ops

# Added above and below a ratio: on an empty mask the loss is then 1 - 1 / (1 + Σp), whose gradient still lowers p.
SMOOTH = 1.0
GAMMA = 2.0  # of the focal loss; the paper's choice (Lin et al. 2017, arXiv 1708.02002)
ALPHA, BETA = 0.3, 0.7  # weights of false positives and false negatives in Tversky's (Salehi et al. 2017, arXiv 1706.05721)


def bce(y_true, y_pred):
    """Mean binary cross-entropy."""
    return ops.mean(_cross_entropy(y_true, y_pred))


def dice(y_true, y_pred):
    """Soft Dice loss (Milletari et al. 2016, doi 10.1109/3DV.2016.79) with linear terms in the denominator."""
    return tversky(y_true, y_pred, alpha=0.5, beta=0.5)


def tversky(y_true, y_pred, alpha=ALPHA, beta=BETA):
    """Tversky loss: 1 - TP / (TP + α FP + β FN), soft; α = β = 1/2 is Dice."""
    y_true = ops.cast(y_true, y_pred.dtype)
    probability = ops.sigmoid(y_pred)
    true_positives = ops.sum(y_true * probability)
    false_positives = ops.sum(probability) - true_positives
    false_negatives = ops.sum(y_true) - true_positives
    return 1.0 - (true_positives + SMOOTH) / (true_positives + alpha * false_positives + beta * false_negatives + SMOOTH)


def focal(y_true, y_pred, gamma=GAMMA):
    """Focal loss: cross-entropy weighted by (1 - p)^γ of the true class's p, so that easy pixels count less."""
    cross_entropy = _cross_entropy(y_true, y_pred)
    return ops.mean((1.0 - ops.exp(-cross_entropy)) ** gamma * cross_entropy)


def bce_dice(y_true, y_pred):
    """Sum of `bce` and `dice`: the first calibrates, the second does not mind that foreground is rare."""
    return bce(y_true, y_pred) + dice(y_true, y_pred)


LOSSES = {loss.__name__: loss for loss in (bce_dice, bce, dice, focal, tversky)}


@keras.saving.register_keras_serializable(package="pipeline")
class PooledDice(keras.metrics.Metric):
    """Dice of the foreground over all pixels of an epoch, at probability 0.5, from integer counts."""

    def __init__(self, name="dice", **kwargs):
        super().__init__(name=name, **kwargs)
        self.overlap = self.add_variable((), "zeros", dtype=_count(), name="overlap")
        self.total = self.add_variable((), "zeros", dtype=_count(), name="total")

    def update_state(self, y_true, y_pred, sample_weight=None):
        reference, prediction = ops.cast(y_true, "bool"), y_pred > 0
        overlap, reference, prediction = (
            ops.sum(ops.cast(mask, _count())) for mask in (ops.logical_and(reference, prediction), reference, prediction)
        )
        self.overlap.assign_add(overlap)
        self.total.assign_add(reference + prediction)

    def result(self):
        total = ops.cast(self.total, "float32")
        overlap = 2.0 * ops.cast(self.overlap, "float32")
        return ops.where(total > 0, overlap / ops.maximum(total, 1.0), 1.0)  # nothing there and nothing found: right


def _cross_entropy(y_true, y_pred):
    """Of each pixel, from logits z: log(1 + e^z) - z·y, which does not overflow."""
    return ops.softplus(y_pred) - y_pred * ops.cast(y_true, y_pred.dtype)


def _count():
    """Type that counts pixels: float32 stops at 2^24, a few hundred patches. JAX has no int64 unless asked; 2^32 will do."""
    return "uint32" if keras.backend.backend() == "jax" else "int64"
