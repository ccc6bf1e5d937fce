"""The optimizers: one step by hand, and Keras's own as a second opinion."""

import keras
import numpy as np
import pytest

from pipeline import params
from pipeline.training.optimizers import SGD, Adam, optimizer, scale_rates
from pipeline.training.schedule import OneCycle, WarmUp


def steps(optimizer, start, gradients):
    """Apply gradients (steps, N) to a kernel (N, 1) and return all variables."""
    weight = keras.Variable(np.asarray(start, np.float32)[:, None])
    optimizer.build([weight])
    for gradient in gradients:
        optimizer.apply([keras.ops.convert_to_tensor(np.asarray(gradient, np.float32)[:, None])], [weight])
    return [keras.ops.convert_to_numpy(variable) for variable in [weight, *optimizer.variables]]


def test_adam_by_hand():
    """One step moves each weight by the rate against the sign of its gradient: both moments are corrected to g and g²."""
    weight, *_ = steps(Adam(0.1), [1.0, -2.0, 3.0], [[0.5, -4.0, 0.25]])
    np.testing.assert_allclose(weight[:, 0], [0.9, -1.9, 2.9], atol=1e-4)


@pytest.mark.parametrize("decay", [None, 0.3])
def test_adam_is_that_of_keras(decay):
    rng = np.random.default_rng(0)
    start, gradients = rng.normal(size=50), rng.normal(size=(30, 50))
    theirs = keras.optimizers.Adam(0.01) if decay is None else keras.optimizers.AdamW(0.01, weight_decay=decay)
    for mine, its in zip(steps(Adam(0.01, weight_decay=decay), start, gradients), steps(theirs, start, gradients), strict=True):
        np.testing.assert_allclose(mine, its, rtol=1e-5, atol=1e-6)


def test_kernels_decay_and_biases_do_not():
    kernel, bias = keras.Variable(np.ones((2, 2), np.float32)), keras.Variable(np.ones(2, np.float32))
    adam = Adam(0.1, weight_decay=0.5)
    adam.build([kernel, bias])
    adam.apply([keras.ops.zeros((2, 2)), keras.ops.zeros(2)], [kernel, bias])
    np.testing.assert_allclose(keras.ops.convert_to_numpy(kernel), 0.95, rtol=1e-6)
    np.testing.assert_array_equal(keras.ops.convert_to_numpy(bias), 1)


def test_an_average_by_hand():
    """With rate 1, gradient -1 and no momentum the weight is 1, 2, 3; the first step is kept by 0, the next by 1/11, 2/12."""
    sgd = SGD(1.0, use_ema=True, ema_momentum=0.1)
    steps(sgd, [0.0], [[-1.0]] * 3)
    second = 1 / 11 * 1 + 10 / 11 * 2
    assert float(keras.ops.convert_to_numpy(sgd.averages()[0])[0, 0]) == pytest.approx(0.1 * second + 0.9 * 3)


def test_the_settings_name_the_optimizer_and_its_schedule():
    train = params.load().train
    made = {
        name: optimizer(train.model_copy(update={"lr": 0.01, "warmup": 0.0, "schedule": "constant", "optimizer": name}), 8, 5)
        for name in ("adam", "adamw", "sgd")
    }
    assert all(float(one.learning_rate) == pytest.approx(0.01) and not one.averages() for one in made.values())
    assert isinstance(made["adam"], Adam) and isinstance(made["sgd"], SGD)
    assert (made["adam"].weight_decay, made["adamw"].weight_decay) == (None, train.weight_decay)


def rates(schedule, steps):
    return [float(schedule(step)) for step in range(steps + 1)]


def test_the_rate_rises_and_falls_by_half_a_cosine():
    assert rates(WarmUp(peak=2.0, steps=8, warmup_steps=4, cosine=True), 8) == pytest.approx(
        [0.5, 1.0, 1.5, 2.0, 2.0, 1 + np.sqrt(0.5), 1.0, 1 - np.sqrt(0.5), 0.0], abs=1e-6
    )


def test_the_rate_stays_without_the_cosine():
    assert rates(WarmUp(peak=2.0, steps=4, warmup_steps=0, cosine=False), 4) == pytest.approx([2.0] * 5)


def test_one_cycle_by_hand():
    found = rates(OneCycle(peak=2.0, steps=20), 20)
    assert found[0] == pytest.approx(2 / 25) and found[3] == pytest.approx(2 * (1 / 25 + 1) / 2)  # halfway up
    assert found[6] == pytest.approx(2.0) and found[13] == pytest.approx(1.0) and found[20] == pytest.approx(0.0, abs=1e-6)


def test_a_layer_with_a_rate_of_its_own_decays_at_that_rate():
    """In five steps without gradients: by 0.1 · 0.5 each, or a tenth of it."""
    slow, fast = (keras.layers.Dense(2, kernel_initializer="ones", use_bias=False) for _ in range(2))
    slow.lr_scale = 0.1
    inputs = keras.Input((2,))
    network = keras.Model(inputs, fast(slow(inputs)))
    adam = Adam(0.1, weight_decay=0.5)
    adam.build(network.trainable_variables)
    scale_rates(adam, network)
    for _ in range(5):
        adam.apply([keras.ops.zeros((2, 2))] * 2, network.trainable_variables)
    np.testing.assert_allclose(slow.kernel, np.full((2, 2), 0.995**5), rtol=1e-6)
    np.testing.assert_allclose(fast.kernel, np.full((2, 2), 0.95**5), rtol=1e-6)
