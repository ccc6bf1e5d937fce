"""Losses of the segmentation networks, from logits. None is blind to a batch without foreground.

Each takes ``y_true`` (N, H, W, 1) and ``y_pred`` (N, H, W, C), logits, and returns a scalar. With one logit, ``y_true`` holds 0
and 1 (sigmoid); with one for each class, it holds their numbers (softmax). Overlaps are pooled over the batch, as the metrics
are pooled over the test set.
"""

from functools import partial, update_wrapper
from typing import NamedTuple

import keras
from keras import ops

from pipeline.images.io import IGNORED

# Added above and below a ratio: on an empty mask the loss is then 1 - 1 / (1 + Σp), whose gradient still lowers p.
SMOOTH = 1.0
GAMMA = 2.0  # of the focal loss; the paper's choice (Lin et al. 2017, arXiv 1708.02002)
ALPHA, BETA = 0.3, 0.7  # weights of false positives and false negatives in Tversky's (Salehi et al. 2017, arXiv 1706.05721)


class Weighting(NamedTuple):
    """How much pixels count: not at all where the mask says `IGNORED`, and by their class, in cross-entropies."""

    ignored: bool = False  # whether masks hold ignored pixels
    classes: tuple | None = None  # a weight for each class, the background first

    def apply(self, y_true):
        """Give ``y_true`` without `IGNORED`, what counts of each pixel (0 or 1), and its weight; None: all count the same."""
        if not self.ignored and self.classes is None:
            return y_true, None, None
        counted = ops.cast(y_true != IGNORED, "float32")
        y_true = ops.where(y_true == IGNORED, ops.zeros_like(y_true), y_true)
        if self.classes is None:
            return y_true, counted, counted
        return y_true, counted, counted * ops.take(ops.convert_to_tensor(self.classes, "float32"), ops.cast(y_true, "int32"))


PLAIN = Weighting()


def bce(y_true, y_pred, weighting=PLAIN):
    """Mean cross-entropy of the pixels."""
    y_true, _, weight = weighting.apply(y_true)
    return _mean(_cross_entropy(y_true, y_pred), weight)


def dice(y_true, y_pred, weighting=PLAIN):
    """Soft Dice loss (Milletari et al. 2016, doi 10.1109/3DV.2016.79) with linear terms in the denominator."""
    return tversky(y_true, y_pred, weighting, alpha=0.5, beta=0.5)


def tversky(y_true, y_pred, weighting=PLAIN, alpha=ALPHA, beta=BETA):
    """Tversky loss: 1 - TP / (TP + α FP + β FN), soft; α = β = 1/2 is Dice.

    With several classes, it is the mean over those that the batch holds, the background included: each counts the same.
    """
    y_true, counted, _ = weighting.apply(y_true)
    several = y_pred.shape[-1] > 1
    probability = ops.softmax(y_pred) if several else ops.sigmoid(y_pred)
    y_true = _one_hot(y_true, y_pred) if several else ops.cast(y_true, y_pred.dtype)
    if counted is not None:
        y_true, probability = y_true * counted, probability * counted
    total = lambda values: ops.sum(values, axis=(0, 1, 2))  # noqa: E731  of each class
    true_positives, reference = total(y_true * probability), total(y_true)
    false_positives = total(probability) - true_positives
    false_negatives = reference - true_positives
    found = (true_positives + SMOOTH) / (true_positives + alpha * false_positives + beta * false_negatives + SMOOTH)
    return 1.0 - (_mean(found, ops.cast(reference > 0, found.dtype)) if several else found[0])


def focal(y_true, y_pred, weighting=PLAIN, gamma=GAMMA):
    """Focal loss: cross-entropy weighted by (1 - p)^γ of the true class's p, so that easy pixels count less."""
    y_true, _, weight = weighting.apply(y_true)
    cross_entropy = _cross_entropy(y_true, y_pred)
    return _mean((1.0 - ops.exp(-cross_entropy)) ** gamma * cross_entropy, weight)


def bce_dice(y_true, y_pred, weighting=PLAIN):
    """Sum of `bce` and `dice`: the first calibrates, the second does not mind that foreground is rare."""
    return bce(y_true, y_pred, weighting) + dice(y_true, y_pred, weighting)


LOSSES = {loss.__name__: loss for loss in (bce_dice, bce, dice, focal, tversky)}


def loss_of(name, card):
    """The loss of this name for a model with this card, as ``facts`` of ``training`` wrote it."""
    if not {"ignored", "class_weights"} & card.keys():
        return LOSSES[name]
    weights = card.get("class_weights")
    weighting = Weighting(card.get("ignored", False), tuple(weights) if weights else None)
    return update_wrapper(partial(LOSSES[name], weighting=weighting), LOSSES[name])


class PooledDice(keras.metrics.Metric):
    """Dice over all pixels of an epoch, from integer counts: the mean over the foreground classes that there are.

    Foreground is what has a probability above 0.5; with several classes, each pixel belongs to the most probable one.
    """

    def __init__(self, name="dice", classes=2, **kwargs):
        super().__init__(name=name, **kwargs)
        self.classes = classes
        self.overlap = self.add_variable((classes - 1,), "zeros", dtype=_count(), name="overlap")
        self.total = self.add_variable((classes - 1,), "zeros", dtype=_count(), name="total")

    def update_state(self, y_true, y_pred, sample_weight=None):
        y_true = ops.cast(y_true, "int32")
        y_pred = ops.cast(y_pred > 0, "int32") if self.classes == 2 else ops.argmax(y_pred, axis=-1)[..., None]
        counted, overlaps, totals = y_true != IGNORED, [], []
        for number in range(1, self.classes):
            reference, prediction = y_true == number, ops.logical_and(y_pred == number, counted)
            overlaps.append(_sum(ops.logical_and(reference, prediction)))
            totals.append(_sum(reference) + _sum(prediction))
        self.overlap.assign_add(ops.stack(overlaps))
        self.total.assign_add(ops.stack(totals))

    def result(self):
        total = ops.cast(self.total, "float32")
        dices, there = 2.0 * ops.cast(self.overlap, "float32") / ops.maximum(total, 1.0), ops.cast(total > 0, "float32")
        return ops.where(ops.any(total > 0), _mean(dices, there), 1.0)  # nothing there and nothing found: right


def _cross_entropy(y_true, y_pred):
    """Of each pixel, (N, H, W, 1), from logits z, without overflow: log(1 + e^z) - z·y; of several, log Σe^z - z of the class."""
    if y_pred.shape[-1] > 1:
        return -ops.sum(_one_hot(y_true, y_pred) * ops.log_softmax(y_pred), axis=-1, keepdims=True)
    return ops.softplus(y_pred) - y_pred * ops.cast(y_true, y_pred.dtype)


def _one_hot(y_true, y_pred):
    return ops.one_hot(ops.cast(y_true[..., 0], "int32"), y_pred.shape[-1], dtype=y_pred.dtype)


def _mean(values, weight):
    if weight is None:
        return ops.mean(values)
    return ops.sum(values * weight) / ops.maximum(ops.sum(weight), 1e-6)  # nothing counts: 0


def _sum(mask):
    return ops.sum(ops.cast(mask, _count()))


def _count():
    """Type that counts pixels: float32 stops at 2^24, a few hundred patches. JAX has no int64 unless asked; 2^32 will do."""
    return "uint32" if keras.backend.backend() == "jax" else "int64"
