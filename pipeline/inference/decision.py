"""From probabilities to masks: one of foreground, or one of each of several classes; from several networks to one."""

import numpy as np


def predicted(probability, threshold):
    """Decide on a mask: foreground, bool, at or above the threshold or, of several classes, the most probable, uint8."""
    return probability >= threshold if probability.ndim == 2 else probability.argmax(axis=-1).astype(np.uint8)


def outputs(card):
    """Values of each pixel: one for background and foreground, one for each of more classes."""
    return 1 if len(card["classes"]) == 2 else len(card["classes"])


def of_class(probability, number):
    """The probability of one class, from what `TrainedModel.segment` returns."""
    return probability if probability.ndim == 2 else probability[..., number]


def mean_and_spread(values):
    """Mean and standard deviation over members of probabilities (H, W) or (H, W, K): two arrays; of one, its own, and None.

    The standard deviation divides by their number; of several classes, it is that of the one on which they disagree most.
    """
    if len(values) == 1:
        return values[0], None
    values = np.stack(values)
    spread = values.std(axis=0)
    return values.mean(axis=0), spread.max(axis=-1) if spread.ndim == 3 else spread
