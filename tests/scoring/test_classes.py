"""Pixels of several classes, by hand and against scikit-learn."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from sklearn import metrics
from sklearn.metrics import jaccard_score

from pipeline.scoring import classes, ratios

REFERENCE = np.array([[0, 0, 1], [1, 2, 2]])
PREDICTION = np.array([[0, 1, 1], [1, 2, 0]])
CONFUSION = np.array([[1, 1, 0], [0, 2, 0], [1, 0, 1]])  # by hand
EMPTY, FULL = np.zeros((3, 4), bool), np.ones((3, 4), bool)


def flat(confusion):
    return classes.against_the_rest(confusion).ravel()


def of_foreground(reference, prediction):
    """Counts of two boolean masks: tp, fp, fn, tn."""
    return classes.against_the_rest(classes.confusion_matrix(reference, prediction, 2))[1]


def scores(counts):
    return {name: ratios.or_none(statistic(counts)) for name, statistic in ratios.OVERLAP.items()}


def test_no_pixels_at_all_have_no_score():
    empty = classes.confusion_matrix(np.zeros(0, int), np.zeros(0, int), 3)
    assert not empty.any()
    assert all(np.isnan(statistic(flat(empty))) for statistic in classes.OVERLAP.values())


def test_by_hand():
    confusion = classes.confusion_matrix(REFERENCE, PREDICTION, 3)
    np.testing.assert_array_equal(confusion, CONFUSION)
    np.testing.assert_array_equal(classes.against_the_rest(confusion), [[1, 1, 1, 3], [2, 1, 0, 3], [1, 0, 1, 4]])
    found = {name: float(statistic(flat(confusion))) for name, statistic in classes.OVERLAP.items()}
    assert found["iou"] == pytest.approx((2 / 3 + 1 / 2) / 2)
    assert found["dice"] == pytest.approx((4 / 5 + 2 / 3) / 2)
    assert found["mean_iou"] == pytest.approx((1 / 3 + 2 / 3 + 1 / 2) / 3)
    assert found["iou_background"] == pytest.approx(1 / 3)
    assert found["accuracy"] == pytest.approx(4 / 6)


def test_a_class_that_nobody_holds_is_left_out_and_one_that_is_only_predicted_scores_0():
    nobody = classes.confusion_matrix([0, 1], [0, 1], 3)
    only_predicted = classes.confusion_matrix([0, 1], [2, 1], 3)
    assert classes.OVERLAP["iou"](flat(nobody)) == 1
    assert classes.OVERLAP["iou"](flat(only_predicted)) == 0.5


def test_all_ignored_pixels_are_left_to_the_caller():
    with pytest.raises(ValueError, match="same shape"):
        classes.confusion_matrix([0, 1, 2], [0, 1], 3)


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3)), min_size=1, max_size=60))
def test_scikit_learn_agrees(pixels):
    reference, prediction = np.array(pixels).T
    confusion = classes.confusion_matrix(reference, prediction, 4)
    np.testing.assert_array_equal(confusion, metrics.confusion_matrix(reference, prediction, labels=range(4)))
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
    all_foreground = classes.trivial(np.array([[65, 5], [10, 20]]))  # 30 of 100 pixels
    assert all_foreground == {"iou": 0.3, "dice": 60 / 130}


def test_both_empty_is_right_for_an_image_and_undefined_when_pooled():
    counts = of_foreground(EMPTY, EMPTY)
    assert counts.tolist() == [0, 0, 0, 12]
    assert set(scores(counts).values()) == {None}
    image = classes.per_image(counts)
    assert image["dice"] == image["iou"] == 1.0
    assert image["precision"] is image["recall"] is None


def test_one_empty_mask_scores_zero():
    for masks, undefined in (((EMPTY, FULL), "recall"), ((FULL, EMPTY), "precision")):
        image = classes.per_image(of_foreground(*masks))
        defined = {"dice", "iou", "precision", "recall"} - {undefined}
        assert image[undefined] is None and {image[name] for name in defined} == {0.0}


def test_an_image_by_hand():
    reference = np.array([[1, 1, 1, 0], [0, 0, 0, 0]], bool)
    prediction = np.array([[1, 1, 0, 1], [0, 0, 0, 0]], bool)
    counts = of_foreground(reference, prediction)
    assert counts.tolist() == [2, 1, 1, 4] and counts.dtype == np.int64  # tp, fp, fn, tn
    expected = {"iou": 2 / 4, "dice": 4 / 6, "precision": 2 / 3, "recall": 2 / 3}
    assert scores(counts) == pytest.approx(expected, abs=1e-15)
    fractions = {"reference_fraction": 3 / 8, "predicted_fraction": 3 / 8}
    assert classes.per_image(counts) == pytest.approx(expected | fractions, abs=1e-15)


def test_counts_of_a_volume_are_exact_beyond_float32():
    """As large as the Lucchi volume, one section in memory at a time."""
    sections, height, width = 165, 768, 1024
    reference, prediction = np.zeros((2, height, width), bool)
    reference[:, :200] = True
    prediction[:, 10:200] = True  # ten columns missed
    odd = prediction.copy()
    odd[0, 0] = True  # one of their pixels is found, so the sum is odd
    first, ordinary = of_foreground(reference, odd), of_foreground(reference, prediction)
    counts = first + (sections - 1) * ordinary
    tp, fn = sections * height * 190 + 1, sections * height * 10 - 1
    assert int(np.float32(tp)) != tp > 2**24
    assert counts.tolist() == [tp, 0, fn, sections * height * 824]
    pooled = scores(counts)
    assert pooled["dice"] == 2 * tp / (2 * tp + fn) and pooled["iou"] == pooled["recall"] == tp / (tp + fn)


masks = arrays(bool, (5, 7))


@given(masks, masks)
def test_two_masks_agree_with_scikit_learn(reference, prediction):
    ours = scores(of_foreground(reference, prediction))
    r, p = reference.ravel(), prediction.ravel()
    expected = {
        "iou": metrics.jaccard_score(r, p) if (r | p).any() else None,
        "dice": metrics.f1_score(r, p) if (r | p).any() else None,
        "precision": metrics.precision_score(r, p) if p.any() else None,
        "recall": metrics.recall_score(r, p) if r.any() else None,
    }
    for name, value in expected.items():
        assert ours[name] is None if value is None else ours[name] == pytest.approx(value, abs=1e-12), name


def test_two_classes_have_the_accuracy_and_the_background_of_scikit_learn():
    rng = np.random.default_rng(0)
    reference, prediction = rng.random((2, 35)) > 0.6
    counts = flat(classes.confusion_matrix(reference, prediction, 2))
    assert classes.OVERLAP["accuracy"](counts) == pytest.approx(metrics.accuracy_score(reference, prediction))
    assert classes.OVERLAP["iou_background"](counts) == pytest.approx(metrics.jaccard_score(~reference, ~prediction))
