"""How classification networks are trained: the loss and the metric; validation chooses nothing but the epoch."""

import keras


def loss(params):
    """Cross-entropy, from logits."""
    return keras.losses.SparseCategoricalCrossentropy(from_logits=True)


def metric():
    return keras.metrics.SparseCategoricalAccuracy(name="accuracy")


def choose(network, dataset, card):
    """Nothing for the model card, and no table (see `pipeline.tasks.segmentation.threshold`)."""
    return {}, None
