"""How much each class counts in a loss."""

import numpy as np

from pipeline.errors import UserError


def class_weights(wanted, classes, counts, key):
    """Resolve the setting ``class_weights`` of a task, `wanted`: a list with a weight for each class, or None for "none".

    `counts` are the training images or pixels of each class. "balanced" gives class k the weight n / (K · n_k) of n images or
    pixels, n_k of them its own: all K classes that occur weigh the same in sum, and the mean weight is 1. A class that does not
    occur weighs as if it occurred once. Weights have six digits.

    Raises a `UserError`, which names the `key` of ``params.yaml``, if a list has another length than `classes`.
    """
    if wanted == "none":
        return None
    if wanted == "balanced":
        counts = np.asarray(counts)
        wanted = counts.sum() / (np.count_nonzero(counts) * np.maximum(counts, 1))
    elif len(wanted) != len(classes):
        names = ", ".join(classes)
        raise UserError(f"{key}: expected {len(classes)} numbers, for {names}; received {len(wanted)}: {list(wanted)}")
    return [float(f"{weight:.6g}") for weight in wanted]
