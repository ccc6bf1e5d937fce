"""Turn probabilities into masks, and those of several networks into one."""

import numpy as np


def predicted(probability, threshold):
    """Turn probabilities into a mask: True at or above the threshold or, with several classes, the most probable one, uint8."""
    return probability >= threshold if probability.ndim == 2 else probability.argmax(axis=-1).astype(np.uint8)


def outputs(card):
    """Number of values for each pixel: one for background and foreground, or one for each of more classes."""
    return 1 if len(card["classes"]) == 2 else len(card["classes"])


def of_class(probability, number):
    """The probability of one class, from what `TrainedModel.segment` returns."""
    return probability if probability.ndim == 2 else probability[..., number]


def mean_and_spread(values):
    """Mean and standard deviation over a list of probabilities (H, W) or (H, W, K); for a single one, itself and None.

    The standard deviation divides by their number. With several classes, it is that of the one on which they disagree most.
    """
    if len(values) == 1:
        return values[0], None
    values = np.stack(values)
    spread = values.std(axis=0)
    return values.mean(axis=0), spread.max(axis=-1) if spread.ndim == 3 else spread
