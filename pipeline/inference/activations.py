"""From logits to probabilities."""

import numpy as np


def sigmoid(logits):
    """Logistic function in float32, without overflow."""
    return (0.5 * (1.0 + np.tanh(0.5 * np.asarray(logits, np.float32)))).astype(np.float32)
