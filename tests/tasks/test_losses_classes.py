"""Losses and metric of three classes and of ignored pixels, by hand."""

import numpy as np
import pytest
from sklearn.metrics import f1_score, log_loss

from pipeline.tasks.segmentation.losses import LOSSES, PooledDice, Weighting, bce, bce_dice, dice, focal

TRUTH = np.array([0, 1, 2, 255], np.float32).reshape(1, 2, 2, 1)
SHARES = np.array([[2, 1, 1], [1, 2, 1], [1, 2, 1], [1, 1, 2]], np.float32) / 4  # class 2 is taken for class 1; then ignored
LOGITS = np.log(SHARES).reshape(1, 2, 2, 3)
COUNTED = Weighting(ignored=True)


def test_cross_entropy_is_that_of_scikit_learn_without_ignored_pixels():
    assert float(bce(TRUTH, LOGITS, COUNTED)) == pytest.approx(log_loss([0, 1, 2], SHARES[:3]), rel=1e-6)


def test_class_weights_weigh_the_cross_entropy():
    weights = (1.0, 2.0, 5.0)
    expected = log_loss([0, 1, 2], SHARES[:3], sample_weight=weights)
    assert float(bce(TRUTH, LOGITS, Weighting(True, weights))) == pytest.approx(expected, rel=1e-6)


def test_dice_by_hand():
    # Class 0: overlap 1/2, sums 1 and 1; class 1: 1/2, 1 and 5/4; class 2: 1/4, 1 and 3/4. Smoothed by 1.
    expected = 1 - np.mean([1.5 / 2, 1.5 / (9 / 8 + 1), 1.25 / (7 / 8 + 1)])
    assert float(dice(TRUTH, LOGITS, COUNTED)) == pytest.approx(expected, rel=1e-6)


def test_dice_leaves_out_a_class_that_the_batch_does_not_hold():
    truth, logits = TRUTH[:, :1], LOGITS[:, :1]
    expected = 1 - np.mean([(0.5 + 1) / ((1 + 0.75) / 2 + 1), (0.5 + 1) / ((1 + 0.75) / 2 + 1)])
    assert float(dice(truth, logits)) == pytest.approx(expected, rel=1e-6)


def test_focal_by_hand():
    p = np.array([0.5, 0.5, 0.25])
    assert float(focal(TRUTH, LOGITS, COUNTED)) == pytest.approx(np.mean((1 - p) ** 2 * -np.log(p)), rel=1e-5)


@pytest.mark.parametrize("name", LOSSES)
@pytest.mark.parametrize("classes", [2, 3])
def test_ignored_pixels_have_no_gradient(name, classes):
    import tensorflow as tf

    truth = np.array([0, 1, 1, 255], np.float32).reshape(1, 2, 2, 1)
    logits = tf.Variable(LOGITS if classes > 2 else 9 * LOGITS[..., :1])
    with tf.GradientTape() as tape:
        loss = LOSSES[name](truth, logits, COUNTED)
    gradient = np.abs(tape.gradient(loss, logits).numpy()).sum(axis=-1).ravel()
    assert np.isfinite(float(loss))
    assert gradient[3] == 0 and (gradient[:3] > 0).all()


def test_a_batch_of_ignored_pixels_teaches_nothing():
    assert float(bce_dice(np.full_like(TRUTH, 255), LOGITS, COUNTED)) == pytest.approx(1.0)


def test_binary_without_ignored_pixels_is_the_same_with_and_without_a_mask():
    truth, logits = (TRUTH == 1).astype(np.float32), LOGITS[..., :1]
    for loss in LOSSES.values():
        assert float(loss(truth, logits, COUNTED)) == pytest.approx(float(loss(truth, logits)), rel=1e-6)


def test_the_metric_is_the_macro_f1_of_the_foreground_classes():
    rng = np.random.default_rng(0)
    truth, logits = rng.integers(0, 4, (3, 8, 8, 1)), rng.normal(size=(3, 8, 8, 4)).astype(np.float32)
    truth[:, 0] = 255
    metric = PooledDice(classes=4)
    for batch in range(3):
        metric.update_state(truth[batch : batch + 1].astype(np.float32), logits[batch : batch + 1])
    counted = truth[..., 0] != 255
    expected = f1_score(truth[..., 0][counted], logits.argmax(axis=-1)[counted], labels=[1, 2, 3], average="macro")
    assert float(metric.result()) == pytest.approx(expected, rel=1e-6)
