"""The losses have the values of their formulas, and learn from an empty mask too."""

import keras
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from keras import ops

from pipeline.tasks.segmentation.losses import LOSSES, PooledDice, bce, bce_dice, dice, focal, tversky

TRUTH = np.array([1, 0, 1, 0], np.float32).reshape(1, 2, 2, 1)
LOGITS = np.log(np.array([3, 1 / 3, 1 / 3, 1 / 3], np.float32)).reshape(1, 2, 2, 1)  # probabilities 3/4, 1/4, 1/4, 1/4


def test_bce_by_hand():
    assert float(bce(TRUTH, LOGITS)) == pytest.approx(-(3 * np.log(3 / 4) + np.log(1 / 4)) / 4, rel=1e-6)


def test_bce_is_that_of_keras():
    expected = keras.losses.BinaryCrossentropy(from_logits=True)(TRUTH, LOGITS)
    assert float(bce(TRUTH, LOGITS)) == pytest.approx(float(expected), rel=1e-6)


def test_dice_by_hand():
    # Overlap 3/4 + 1/4 = 1; sums 2 and 3/2; smoothed by 1 above and below.
    assert float(dice(TRUTH, LOGITS)) == pytest.approx(1 - (1 + 1) / ((2 + 1.5) / 2 + 1), rel=1e-6)


def test_tversky_by_hand():
    # TP = 1, FP = 1/2, FN = 1.
    assert float(tversky(TRUTH, LOGITS)) == pytest.approx(1 - 2 / (1 + 0.3 * 0.5 + 0.7 * 1 + 1), rel=1e-6)


def test_focal_by_hand():
    right, wrong = (1 / 4) ** 2 * -np.log(3 / 4), (3 / 4) ** 2 * -np.log(1 / 4)
    assert float(focal(TRUTH, LOGITS)) == pytest.approx((3 * right + wrong) / 4, rel=1e-5)


def test_the_default_is_the_sum():
    assert float(bce_dice(TRUTH, LOGITS)) == pytest.approx(float(bce(TRUTH, LOGITS)) + float(dice(TRUTH, LOGITS)))


@pytest.mark.parametrize("name", LOSSES)
@pytest.mark.parametrize("value", [0.0, 1.0], ids=["empty", "full"])
def test_no_loss_is_blind_to_an_empty_or_a_full_mask(name, value):
    """A step down the gradient moves the prediction towards the mask."""
    import tensorflow as tf

    truth = np.full((1, 4, 4, 1), value, np.float32)
    logits = tf.Variable(np.zeros((1, 4, 4, 1), np.float32))
    with tf.GradientTape() as tape:
        loss = LOSSES[name](truth, logits)
    gradient = tape.gradient(loss, logits).numpy()
    assert np.all(gradient < 0 if value else gradient > 0)


@pytest.mark.parametrize("name", LOSSES)
def test_perfect_and_certain_is_nearly_zero_and_extreme_logits_stay_finite(name):
    certain = np.where(TRUTH > 0, 200, -200).astype(np.float32)
    assert float(LOSSES[name](TRUTH, certain)) < 1e-6
    assert np.isfinite(float(LOSSES[name](TRUTH, -certain)))


@settings(max_examples=25)
@given(st.lists(st.tuples(st.booleans(), st.booleans()), min_size=1, max_size=30))
def test_pooled_dice_counts(pixels):
    metric = PooledDice()
    for truth, predicted in pixels:
        metric.update_state(
            np.full((1, 1, 1, 1), truth, np.float32), np.full((1, 1, 1, 1), 3.0 if predicted else -3.0, np.float32)
        )
    truth, predicted = np.array(pixels).T
    total = truth.sum() + predicted.sum()
    assert float(metric.result()) == pytest.approx(2 * (truth & predicted).sum() / total if total else 1.0)


def test_pooled_dice_counts_beyond_float32():
    metric = PooledDice()
    metric.overlap.assign(ops.cast([2**24 + 1], "int64"))
    metric.update_state(np.ones((1, 1, 1, 1), np.float32), np.ones((1, 1, 1, 1), np.float32))
    assert int(metric.overlap.value[0]) == 2**24 + 2
