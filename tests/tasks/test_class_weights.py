"""Weights of classes: the formula, and what the loss of classification makes of them."""

import keras
import numpy as np
import pytest
from sklearn.utils.class_weight import compute_class_weight

from pipeline import params
from pipeline.errors import UserError
from pipeline.params import Classification
from pipeline.patches.packed import Packed
from pipeline.tasks.class_weights import class_weights
from pipeline.tasks.classification import training

LABELS = np.repeat([0, 1, 2], [6, 3, 1])
LOGITS = np.log([[0.5, 0.25, 0.25], [0.125, 0.75, 0.125]]).astype(np.float32)


def weights(wanted, labels=LABELS, classes=("a", "b", "c")):
    counts = np.bincount(labels, minlength=len(classes))
    return class_weights(wanted, classes, counts, "classification.class_weights")


def test_balanced_by_hand():
    assert weights("none") is None
    assert weights("balanced") == [0.555556, 1.11111, 3.33333]
    assert weights("balanced", np.array([0, 0, 0, 2])) == [0.666667, 2.0, 2.0]  # b does not occur: 4 / (2 · 1)
    assert weights((1, 2.5, 0)) == [1.0, 2.5, 0.0]


def test_balanced_is_that_of_scikit_learn():
    np.testing.assert_allclose(weights("balanced"), compute_class_weight("balanced", classes=np.arange(3), y=LABELS), rtol=1e-5)


def test_a_list_has_a_number_for_each_class():
    told = r"^classification\.class_weights: expected 3 numbers, for a, b, c; received 2: \[1, 2\]$"
    with pytest.raises(UserError, match=told):
        weights((1, 2))


STILL = {"class_weights": "none", "label_smoothing": 0.0, "sampling": "all"}


def loss(**settings):
    known = params.load()
    known = known.model_copy(update={"classification": Classification(**STILL | settings)})
    card = {"classes": ["a", "b", "c"]}
    return training.loss(known, card | training.facts(known, card, Packed(None, LABELS)))


def test_the_loss_is_the_mean_of_weighted_cross_entropies():
    found = float(loss(class_weights=(1, 4, 9))(np.array([0, 1]), LOGITS))
    assert found == pytest.approx((1 * -np.log(0.5) + 4 * -np.log(0.75)) / 2, rel=1e-6)


def test_the_loss_is_that_of_keras_with_weights_of_samples():
    labels, plain = np.array([2, 1]), keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    assert float(loss()(labels, LOGITS)) == float(plain(labels, LOGITS))
    expected = plain(labels, LOGITS, sample_weight=np.array([10 / 3, 10 / 9], np.float32))
    assert float(loss(class_weights="balanced")(labels, LOGITS)) == pytest.approx(float(expected), rel=1e-5)


def test_smoothed_labels_are_those_of_keras():
    labels, smooth = np.array([2, 1]), keras.losses.CategoricalCrossentropy(from_logits=True, label_smoothing=0.2)
    expected = float(smooth(np.eye(3)[labels], LOGITS))
    assert float(loss(label_smoothing=0.2)(labels, LOGITS)) == pytest.approx(expected, rel=1e-6)
