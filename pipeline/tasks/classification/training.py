"""Train VGG16 on tiles."""

from pathlib import Path

import keras

from pipeline.networks.vgg16 import vgg16
from pipeline.training.train import Task, train


def train_classification(dataset, name, params):
    """Train VGG16 with the parameters of its section (see `train_segmentation` for the arguments)."""
    settings = params.network(name)

    def build(card, seed, mean, variance):
        return vgg16(
            size=card["patch_size"],
            channels=card["channels"],
            classes=len(card["classes"]),
            weights=settings.weights,
            dense=settings.dense,
            dropout=settings.dropout,
            normalization=settings.normalization,
            frozen_blocks=settings.frozen_blocks,
            mean=mean,
            variance=variance,
            seed=seed,
        )

    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    files = [Path(settings.weights)] if settings.weights and Path(settings.weights).is_file() else []
    train(dataset, name, Task("classification", build, loss, _accuracy, files=files), params)


def _accuracy():
    return keras.metrics.SparseCategoricalAccuracy(name="accuracy")
