"""What an exported segmentation network returns, in numbers and in words."""

import numpy as np

from pipeline.datasets.sources.phantom import mitochondria, polyps

PER_PIXEL = True
TAG = "semantic-segmentation"  # of the BioImage Model Zoo
SEED = 2026  # of the generated image


def activation(card):
    """What turns logits into probabilities."""
    return "softmax" if len(card["classes"]) > 2 else "sigmoid"


def channels(card):
    """Names of the output's channels."""
    return card["classes"] if len(card["classes"]) > 2 else card["classes"][1:]


def describe(card):
    """The output in words."""
    names, back = card["classes"], " Resize it back to the size of the image." if card["resize"] else ""
    if len(names) > 2:
        return f"The probability of each class at each pixel (softmax): {', '.join(names)}.{back}"
    threshold = f"Validation chose {card['threshold']:g} as threshold{' after that' if back else ''}."
    return f"The probability of {names[1]} at each pixel (sigmoid).{back} {threshold}"


def example(channels, sections=1):
    """A generated image (H, W, sections · channels), uint8: a frame in colour, or sections of a volume."""
    if channels == 3:
        _, image, *_ = next(polyps.frames(SEED))
        return np.tile(image, sections)
    volume, _ = mitochondria.volume(SEED)
    return np.moveaxis(volume[np.arange(channels * sections) % len(volume)], 0, -1)
