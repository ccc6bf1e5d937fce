"""What an exported classification network returns, in numbers and in words (see `pipeline.tasks.segmentation.exporting`)."""

import numpy as np

from pipeline.datasets.sources.phantom import tissue

PER_PIXEL = False
TAG = "image-classification"
SEED = 2026


def activation(card):
    return "softmax"


def channels(card):
    return card["classes"]


def describe(card):
    return "The probability of each class, after softmax: " + ", ".join(card["classes"]) + "."


def example(channels, sections=1):
    _, image, *_ = next(tissue.tiles(SEED))
    return image if channels == 3 else image.mean(axis=-1, keepdims=True).astype(np.uint8).repeat(channels, axis=-1)
