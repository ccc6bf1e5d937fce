"""Pixels of several classes, by hand and against scikit-learn."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import confusion_matrix, jaccard_score

from pipeline.scoring import classes, ratios

REFERENCE = np.array([[0, 0, 1], [1, 2, 2]])
PREDICTION = np.array([[0, 1, 1], [1, 2, 0]])
CONFUSION = np.array([[1, 1, 0], [0, 2, 0], [1, 0, 1]])  # by hand


def flat(confusion):
    return classes.against_the_rest(confusion).ravel()


def test_no_pixels_at_all_have_no_score():
    empty = classes.pixel_confusion(np.zeros(0, int), np.zeros(0, int), 3)
    assert not empty.any()
    assert all(np.isnan(statistic(flat(empty))) for statistic in classes.OVERLAP.values())


def test_by_hand():
    confusion = classes.pixel_confusion(REFERENCE, PREDICTION, 3)
    np.testing.assert_array_equal(confusion, CONFUSION)
    np.testing.assert_array_equal(classes.against_the_rest(confusion), [[1, 1, 1, 3], [2, 1, 0, 3], [1, 0, 1, 4]])
    found = {name: float(statistic(flat(confusion))) for name, statistic in classes.OVERLAP.items()}
    assert found["iou"] == pytest.approx((2 / 3 + 1 / 2) / 2)
    assert found["dice"] == pytest.approx((4 / 5 + 2 / 3) / 2)
    assert found["mean_iou"] == pytest.approx((1 / 3 + 2 / 3 + 1 / 2) / 3)
    assert found["iou_background"] == pytest.approx(1 / 3)
    assert found["accuracy"] == pytest.approx(4 / 6)


def test_a_class_that_nobody_holds_is_left_out_and_one_that_is_only_predicted_scores_0():
    nobody = classes.pixel_confusion([0, 1], [0, 1], 3)
    only_predicted = classes.pixel_confusion([0, 1], [2, 1], 3)
    assert classes.OVERLAP["iou"](flat(nobody)) == 1
    assert classes.OVERLAP["iou"](flat(only_predicted)) == 0.5


def test_all_ignored_pixels_are_left_to_the_caller():
    with pytest.raises(ValueError, match="same shape"):
        classes.pixel_confusion([0, 1, 2], [0, 1], 3)


@settings(deadline=None)
@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3)), min_size=1, max_size=60))
def test_scikit_learn_agrees(pixels):
    reference, prediction = np.array(pixels).T
    confusion = classes.pixel_confusion(reference, prediction, 4)
    np.testing.assert_array_equal(confusion, confusion_matrix(reference, prediction, labels=range(4)))
    there = sorted(set(reference) | set(prediction))
    expected = jaccard_score(reference, prediction, labels=there, average="macro")
    assert float(classes.OVERLAP["mean_iou"](flat(confusion))) == pytest.approx(expected)


def test_two_classes_give_the_scores_of_the_foreground():
    confusion = np.array([[50, 3], [2, 7]])
    counts = np.array([7, 3, 2, 50])
    rows = np.stack([flat(confusion)] * 2)
    for name, statistic in ratios.OVERLAP.items():
        assert classes.OVERLAP[name](flat(confusion)) == statistic(counts), name
        np.testing.assert_array_equal(classes.OVERLAP[name](rows), statistic(np.stack([counts] * 2)))


def test_trivial_is_the_best_constant_answer():
    assert classes.trivial(CONFUSION) == {"iou": pytest.approx(2 / 6 / 2), "dice": pytest.approx(0.5 / 2)}
    assert classes.trivial_of_class(CONFUSION, 2) == {"iou": pytest.approx(2 / 6), "dice": pytest.approx(0.5)}
    assert classes.trivial(np.array([[5, 1], [0, 0]])) == {"iou": None, "dice": None}
