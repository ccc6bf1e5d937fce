"""Train VGG16 on tiles."""

import keras

from pipeline.networks.vgg16 import vgg16
from pipeline.training.train import train


def train_classification(dataset, name, params):
    """Train VGG16 with the parameters of its section (see `train_segmentation` for the arguments)."""
    settings = params.network(name)

    def build(card, mean, variance):
        return vgg16(
            size=card["patch_size"],
            channels=card["channels"],
            classes=len(card["classes"]),
            weights=settings.weights,
            dense=settings.dense,
            dropout=settings.dropout,
            frozen_blocks=settings.frozen_blocks,
            mean=mean,
            variance=variance,
            seed=params.seed,
        )

    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    metric = keras.metrics.SparseCategoricalAccuracy(name="accuracy")
    train(dataset, name, "classification", build, loss, metric, params)
