import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics

from pipeline.scoring.classification import (
    confusion_matrix,
    cross_entropy,
    expected_calibration_error,
    majority_accuracy,
    summarise,
)


def test_no_images():
    assert set(summarise(np.zeros(0, int), np.zeros((0, 3))).values()) == {None}


def test_hand_computed():
    labels = np.array([0, 0, 1, 1])
    probabilities = np.array([[0.9, 0.1], [0.4, 0.6], [0.2, 0.8], [0.3, 0.7]])
    scores = summarise(labels, probabilities)
    assert scores["accuracy"] == 3 / 4
    assert scores["balanced_accuracy"] == (1 / 2 + 2 / 2) / 2
    assert scores["macro_f1"] == pytest.approx((2 / 3 + 4 / 5) / 2)
    assert scores["auroc"] == 1.0
    assert scores["loss"] == pytest.approx(-(math.log(0.9) + math.log(0.4) + math.log(0.8) + math.log(0.7)) / 4)
    # Confidences 0.9, 0.6, 0.8, 0.7 fall into four bins of one image each: the gaps are 0.1, 0.6, 0.2, 0.3.
    assert scores["ece"] == pytest.approx((0.1 + 0.6 + 0.2 + 0.3) / 4)
    assert confusion_matrix(labels, [0, 1, 1, 1], 2).tolist() == [[1, 1], [0, 2]]


def test_a_class_without_a_test_image_leaves_its_means_undefined():
    scores = summarise(np.array([0, 1]), np.array([[0.8, 0.1, 0.1], [0.2, 0.7, 0.1]]))
    assert scores["accuracy"] == 1.0
    assert scores["balanced_accuracy"] is None and scores["auroc"] is None and scores["macro_f1"] is None


def test_calibration_pools_the_images_of_a_bin():
    # Both confidences are in (0.6, 0.667]: accuracy 1/2 against a mean confidence of 0.64.
    assert expected_calibration_error([0, 1], [[0.62, 0.38], [0.66, 0.34]]) == pytest.approx(abs(0.5 - 0.64))


def test_a_bins_upper_end_belongs_to_it():
    # 1.0 is in the last bin, with 0.95: accuracy 1/2 against 0.975.
    assert expected_calibration_error([0, 1], [[1.0, 0.0], [0.95, 0.05]]) == pytest.approx(0.475)


def test_a_certain_mistake_costs_a_finite_loss():
    assert cross_entropy([1], [[1.0, 0.0]]) == pytest.approx(-math.log(1e-7))


@settings(max_examples=40)
@given(st.integers(0, 2**32 - 1), st.integers(2, 5))
def test_agrees_with_scikit_learn(seed, classes):
    rng = np.random.default_rng(seed)
    labels = np.concatenate([np.arange(classes), rng.integers(0, classes, 20)])
    probabilities = rng.dirichlet(np.ones(classes), len(labels))
    predicted, scores = probabilities.argmax(axis=1), summarise(labels, probabilities)
    assert scores["accuracy"] == pytest.approx(metrics.accuracy_score(labels, predicted))
    assert scores["balanced_accuracy"] == pytest.approx(metrics.balanced_accuracy_score(labels, predicted))
    assert scores["macro_f1"] == pytest.approx(metrics.f1_score(labels, predicted, average="macro"))
    assert scores["loss"] == pytest.approx(metrics.log_loss(labels, np.clip(probabilities, 1e-7, 1)), rel=1e-5)
    onehot = np.eye(classes)[labels]
    assert scores["auroc"] == pytest.approx(metrics.roc_auc_score(onehot, probabilities, average="macro"))
    assert (confusion_matrix(labels, predicted, classes) == metrics.confusion_matrix(labels, predicted)).all()


def test_majority_is_that_of_the_training_images():
    assert majority_accuracy([2, 2, 0], [0, 0, 2]) == pytest.approx(1 / 3)
    assert majority_accuracy([1, 0], [0, 0, 1, 1, 1]) == pytest.approx(2 / 5)  # a tie: the first class
    assert majority_accuracy([], [1]) is None
    assert majority_accuracy([1], []) is None


@pytest.mark.parametrize(
    ("labels", "probabilities"), [([0, 1], [[1.0, 0.0]]), ([2], [[0.5, 0.5]]), ([-1], [[0.5, 0.5]]), ([0], [0.5])]
)
def test_refuses_labels_that_do_not_match(labels, probabilities):
    with pytest.raises(ValueError, match="expected labels"):
        summarise(labels, probabilities)
