import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics

from pipeline.scoring import ranking
from pipeline.scoring.calibration import brier_score
from pipeline.scoring.classification import (
    average_precision,
    cohen_kappa,
    confusion_matrix,
    confusion_rows,
    majority_accuracy,
    per_class,
    reliability_rows,
    scores_of_confusions,
    summarise,
)


def test_without_images():
    nothing = np.zeros(0, int), np.zeros((0, 3))
    assert set(summarise(*nothing).values()) == {None}
    assert per_class(*nothing)["support"].tolist() == [0, 0, 0]
    assert per_class(*nothing).drop(columns="support").isna().all(axis=None)
    assert cohen_kappa(np.zeros((3, 3), np.int64)) is None
    assert all(np.isnan(values).all() for values in scores_of_confusions(np.zeros((2, 9))).values())


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


def test_hand_computed_per_class():
    labels = np.array([0, 0, 1, 1])
    probabilities = np.array([[0.9, 0.1], [0.4, 0.6], [0.2, 0.8], [0.3, 0.7]])
    table = per_class(labels, probabilities)
    assert table.loc[0].tolist() == pytest.approx([2, 1, 1 / 2, 2 / 3, 1, 1])  # support, precision, recall, F1, AUROC, AP
    assert table.loc[1].tolist() == pytest.approx([2, 2 / 3, 1, 4 / 5, 1, 1])
    # They agree on 3 of 4; by chance on (2 · 1 + 2 · 3) / 16 = 1/2.
    assert cohen_kappa(np.array([[1, 1], [0, 2]])) == (3 / 4 - 1 / 2) / (1 - 1 / 2)


def test_a_class_that_is_absent_or_never_predicted():
    table = per_class([0, 0, 1], [[0.8, 0.1, 0.0, 0.1], [0.2, 0.1, 0.0, 0.7], [0.6, 0.4, 0.0, 0.0]])
    assert table["support"].tolist() == [2, 1, 0, 0]
    assert table["precision"].tolist() == pytest.approx([1 / 2, np.nan, np.nan, 0], nan_ok=True)
    assert table["recall"].tolist() == pytest.approx([1 / 2, 0, np.nan, np.nan], nan_ok=True)
    assert table["f1"].tolist() == pytest.approx([1 / 2, 0, np.nan, 0], nan_ok=True)
    assert table["auroc"].tolist() == pytest.approx([1 / 2, 1, np.nan, np.nan], nan_ok=True)


def test_hand_computed_brier_score_sums_over_classes():
    rows = reliability_rows([0, 1], [[0.9, 0.1], [0.6, 0.4]])
    assert brier_score(rows.sum(axis=0)) == pytest.approx((2 * 0.1**2 + 2 * 0.6**2) / 2)
    assert rows[:, 13].tolist() == [1, 0] and rows[:, 8].tolist() == [0, 1]  # 0.9 in (13/15, 14/15], 0.6 in (8/15, 9/15]


def test_kappa_is_undefined_if_all_images_are_of_one_class_and_predicted_so():
    assert cohen_kappa(np.array([[5, 0], [0, 0]])) is None
    assert cohen_kappa(np.array([[0, 5], [0, 0]])) == 0


def test_weighting_an_image_twice_is_having_it_twice():
    labels, probabilities = np.array([0, 1, 0, 1]), np.array([[0.9, 0.1], [0.5, 0.5], [0.5, 0.5], [0.7, 0.3]])
    totals, statistic = ranking.by_unit(ranking.auroc, labels, probabilities, ["a", "a", "b", "c"])
    assert (totals == np.eye(3)).all()
    values = statistic(np.array([[1.0, 1, 1], [2, 0, 1], [0, 1, 0]]))
    # Of class 1: 0.5 and 0.3 against 0.1 and 0.5 wins 1 + 1/2 + 1 + 0 of 4; without b, everything; b alone has no class 1.
    assert values.tolist() == pytest.approx([2.5 / 4, 1, np.nan], nan_ok=True)


def test_a_class_without_a_test_image_leaves_its_means_undefined():
    scores = summarise(np.array([0, 1]), np.array([[0.8, 0.1, 0.1], [0.2, 0.7, 0.1]]))
    assert scores["accuracy"] == 1.0
    assert scores["balanced_accuracy"] is None and scores["auroc"] is None and scores["macro_f1"] is None


def test_a_certain_mistake_costs_a_finite_loss():
    assert summarise([1], [[1.0, 0.0]])["loss"] == pytest.approx(-math.log(1e-7))


@settings(max_examples=200)
@given(st.integers(0, 2**32 - 1), st.integers(2, 5))
def test_agrees_with_scikit_learn(seed, classes):
    rng = np.random.default_rng(seed)
    labels = np.concatenate([np.arange(classes), rng.integers(0, classes, 20)])
    probabilities = rng.dirichlet(np.ones(classes), len(labels))
    predicted, scores, table = probabilities.argmax(axis=1), summarise(labels, probabilities), per_class(labels, probabilities)
    confusion = metrics.confusion_matrix(labels, predicted)
    assert (confusion_matrix(labels, predicted, classes) == confusion).all()
    precision, recall, f1, support = metrics.precision_recall_fscore_support(labels, predicted, zero_division=np.nan)
    auroc = metrics.roc_auc_score(np.eye(classes)[labels], probabilities, average=None)
    average = metrics.average_precision_score(np.eye(classes)[labels], probabilities, average=None)
    assert table["average_precision"].to_numpy() == pytest.approx(average, abs=1e-6)
    assert average_precision(labels, probabilities) == pytest.approx(average.mean(), abs=1e-6)
    for name, second in {"support": support, "precision": precision, "recall": recall, "f1": f1, "auroc": auroc}.items():
        assert table[name].to_numpy() == pytest.approx(second, abs=1e-6, nan_ok=True), name
    loss = metrics.log_loss(labels, np.clip(probabilities, 1e-7, 1))
    means = {"balanced_accuracy": recall.mean(), "macro_f1": f1.mean(), "auroc": auroc.mean(), "loss": loss}
    for name, second in means.items():
        assert scores[name] == pytest.approx(second, abs=1e-6), name
    assert scores["accuracy"] == pytest.approx(confusion.trace() / len(labels))
    assert cohen_kappa(confusion) == pytest.approx(metrics.cohen_kappa_score(labels, predicted), abs=1e-6)
    brier = metrics.brier_score_loss(labels, probabilities, scale_by_half=False)
    assert brier_score(reliability_rows(labels, probabilities).sum(axis=0)) == pytest.approx(brier, abs=1e-6)


@settings(max_examples=200)
@given(st.integers(0, 2**32 - 1), st.integers(2, 4))
def test_sums_and_weights_agree_with_the_images_themselves(seed, classes):
    rng = np.random.default_rng(seed)
    labels = np.concatenate([np.arange(classes), rng.integers(0, classes, 16)])
    probabilities = rng.integers(1, 6, (len(labels), classes)) / 8.0  # few values, many ties
    predicted, units = probabilities.argmax(axis=1), rng.integers(0, 5, len(labels))
    scores = scores_of_confusions(confusion_rows(labels, predicted, classes).sum(axis=0)[None])
    summary = summarise(labels, probabilities)
    for name in ("accuracy", "balanced_accuracy", "macro_f1"):
        assert scores[name][0] == pytest.approx(summary[name], abs=1e-12), name
    totals, statistic = ranking.by_unit(ranking.auroc, labels, probabilities, units)
    weights = rng.integers(1, 4, len(totals))
    repeated = np.repeat(np.arange(len(labels)), weights[np.unique(units, return_inverse=True)[1]])
    onehot = np.eye(classes)[labels]
    assert statistic(np.ones((1, len(totals)))) == pytest.approx(summary["auroc"], abs=1e-12)
    second = metrics.roc_auc_score(onehot[repeated], probabilities[repeated])
    assert statistic(weights[None].astype(float)) == pytest.approx(second, abs=1e-6)
    _, statistic = ranking.by_unit(ranking.average_precision, labels, probabilities, units)
    second = metrics.average_precision_score(onehot[repeated], probabilities[repeated])
    assert statistic(weights[None].astype(float)) == pytest.approx(second, abs=1e-6)


def test_majority_is_that_of_the_training_images():
    assert majority_accuracy([2, 2, 0], [0, 0, 2]) == pytest.approx(1 / 3)
    assert majority_accuracy([1, 0], [0, 0, 1, 1, 1]) == pytest.approx(2 / 5)  # a tie: the first class
    assert majority_accuracy([], [1]) is None
    assert majority_accuracy([1], []) is None


@pytest.mark.parametrize(
    ("labels", "probabilities"), [([0, 1], [[1.0, 0.0]]), ([2], [[0.5, 0.5]]), ([-1], [[0.5, 0.5]]), ([0], [0.5])]
)
def test_raises_if_labels_do_not_match(labels, probabilities):
    with pytest.raises(ValueError, match="expected labels"):
        summarise(labels, probabilities)
