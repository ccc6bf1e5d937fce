"""What an exported segmentation network returns, in numbers and in words."""

import numpy as np

from pipeline.datasets.sources.phantom import mitochondria, polyps

ACTIVATION = "sigmoid"
PER_PIXEL = True
TAG = "semantic-segmentation"  # of the BioImage Model Zoo
SEED = 2026  # of the generated image


def channels(card):
    """Names of the output's channels."""
    return card["classes"][1:]


def describe(card):
    """The output in words."""
    return (
        f"The probability of {card['classes'][1]} at each pixel (sigmoid). Validation chose {card['threshold']:g} as threshold."
    )


def example(channels):
    """A generated image (H, W, channels), uint8."""
    if channels == 1:
        return np.asarray(mitochondria.volume(SEED)[0][0][..., None])
    _, image, *_ = next(polyps.frames(SEED))
    return image
