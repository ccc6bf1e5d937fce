"""How classification networks are trained: the loss, the metric and how rare classes count; validation chooses only the epoch."""

import keras
import numpy as np
from keras import ops

from pipeline.tasks.class_weights import class_weights


class CrossEntropy(keras.losses.SparseCategoricalCrossentropy):
    """Cross-entropy, from logits, times the weight of each image's class; the mean divides by the number of images.

    `smoothing` spreads that share of each label evenly over all classes (Szegedy et al. 2016, doi 10.1109/CVPR.2016.308).
    """

    def __init__(self, weights=None, smoothing=0.0):
        super().__init__(from_logits=True)
        self.weights, self.smoothing = weights, smoothing

    def call(self, y_true, y_pred):
        value = super().call(y_true, y_pred)
        if self.smoothing:
            even = -ops.mean(ops.log_softmax(y_pred), axis=-1)
            value = (1.0 - self.smoothing) * value + self.smoothing * even
        if self.weights is None:
            return value
        return value * ops.take(ops.convert_to_tensor(self.weights, "float32"), ops.cast(ops.reshape(y_true, (-1,)), "int32"))


def facts(params, card, training):
    """What the loss depends on besides the params, for the card: ``class_weights``, unless all images count the same."""
    counts = np.bincount(training.targets, minlength=len(card["classes"]))
    weights = class_weights(params.classification.class_weights, card["classes"], counts, "classification.class_weights")
    return {} if weights is None else {"class_weights": weights}


def outputs(card):
    """How many logits a network must give for each image."""
    return len(card["classes"])


def balanced(params):
    """Whether each epoch draws all classes equally often."""
    return params.classification.sampling == "balanced"


def loss(params, card):
    """Cross-entropy, from logits, for a model with this card (see `facts`)."""
    return CrossEntropy(card.get("class_weights"), params.classification.label_smoothing)


def metric(card):
    return keras.metrics.SparseCategoricalAccuracy(name="accuracy")


def choose(network, dataset, card):
    """Nothing for the model card, and no table (see `pipeline.tasks.segmentation.threshold`)."""
    return {}, None
