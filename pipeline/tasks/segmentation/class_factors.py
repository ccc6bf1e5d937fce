"""Weigh several classes on the validation images, as the threshold of two classes is chosen there.

The most probable class is the best guess for a single pixel, but not for the Dice of a class: where a network is unsure, it may
find too much of one class and too little of another. A factor on the probability of a class is an offset of its logit (Menon et
al. 2021, who take it from the frequencies of the classes). It goes into the bias of the last layer, so every prediction and every
export of the model has it.
"""

import numpy as np

from pipeline.images.io import IGNORED
from pipeline.networks.common.blocks import add_to_logits
from pipeline.networks.common.run import runner
from pipeline.scoring.choice import choose
from pipeline.scoring.classes import against_the_rest, mean_of_classes
from pipeline.scoring.ratios import OVERLAP
from pipeline.tasks.segmentation.validation import predicted_image, validation_images

FACTORS = 2.0 ** np.arange(-1, 1.25, 0.25)  # from a half to twice: larger ones fit a rare class to a few validation images
ROUNDS = 2  # over the classes
VALUES = 2**25  # probabilities that are kept; of more pixels, an even share of each image


def weigh_classes(network, dataset, card):
    """Add to the logits of the network so that the mean Dice of the foreground classes on validation is high.

    Returns ``class_factors`` for the card, by which the probability of each class was multiplied; an empty dict if the network
    does not end in `pipeline.networks.common.blocks.logits`.
    """
    factors = choose_factors(*_pixels(network, dataset, card))
    added = add_to_logits(network, np.log(factors))
    return {"class_factors": [round(float(factor), 3) for factor in factors]} if added else {}


def choose_factors(probability, truth, unit):
    """Choose a factor for the probability of each class, one class after the other.

    Among the factors that are as good as the best, the nearest to 1 is taken (see `pipeline.scoring.choice.choose`). The
    background keeps 1, and so does a class without a pixel, whose Dice does not count.

    Parameters
    ----------
    probability : ndarray, shape (K, N), float32
    truth : ndarray, shape (N,), int
        Class of each pixel.
    unit : ndarray, shape (N,), int
        Number of its independent unit, from 0.

    Returns
    -------
    ndarray, shape (K,), float64
        Each is one of `FACTORS`.
    """
    classes = len(probability)
    factors, units = np.ones(classes), int(unit.max(initial=0)) + 1
    present = [number for number in range(1, classes) if (truth == number).any()]
    rows = (unit.astype(np.int64) * classes + truth) * classes  # of the confusion matrices of all units, one below the other

    def counted(prediction):
        confusions = np.bincount(rows + prediction, minlength=units * classes**2).reshape(units, classes, classes)
        return against_the_rest(confusions)[:, present].reshape(units, -1)

    for _ in range(ROUNDS):
        for number in present:
            others = probability * factors[:, None].astype(np.float32)
            others[number] = -1
            second, needed = others.argmax(axis=0), others.max(axis=0)
            counts = [counted(np.where(probability[number] * np.float32(f) > needed, number, second)) for f in FACTORS]
            best = choose(np.array(counts).swapaxes(0, 1), mean_of_classes(OVERLAP["dice"]), np.abs(np.log(FACTORS)))
            factors[number] = FACTORS[best]
    return factors


def _pixels(network, dataset, card):
    """The probabilities of the pixels of the validation images, their classes and units, as `choose_factors` takes them."""
    predict, records = runner(network), validation_images(dataset, card)
    units = {unit: number for number, unit in enumerate(dict.fromkeys(record.unit for record in records))}
    most = VALUES // len(card["classes"]) // max(1, len(records))
    random = np.random.default_rng(0)
    pixels = []  # of each image
    for record in records:
        probability, mask = predicted_image(predict, dataset, record, card)
        kept = np.flatnonzero(mask != IGNORED)
        if len(kept) > most:
            kept = random.choice(kept, most, replace=False)
        flat = probability.reshape(-1, len(card["classes"]))
        pixels.append((flat[kept].T, mask.ravel()[kept], np.full(len(kept), units[record.unit])))
    return tuple(np.concatenate(values, axis=-1) for values in zip(*pixels, strict=True))
