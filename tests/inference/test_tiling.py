"""Windows blend without a seam: what goes through an identity comes out as it was, at any size."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.inference.tiling import gaussian_window, predict_image, sigmoid


def identity(windows):
    """A network whose probability is the image itself."""
    return windows[..., 0]


@settings(max_examples=60, deadline=None)
@given(
    shape=st.tuples(st.integers(1, 90), st.integers(1, 90)),
    tile=st.integers(4, 40),
    overlap=st.floats(0, 0.5),
    batch=st.integers(1, 5),
    flips=st.booleans(),
)
def test_identity_at_any_size(shape, tile, overlap, batch, flips):
    image = np.random.default_rng(0).uniform(0.01, 0.99, (*shape, 1)).astype(np.float32)
    probability = predict_image(identity, image, (tile, tile), (int(overlap * tile),) * 2, batch, flips)
    assert probability.dtype == np.float32
    np.testing.assert_allclose(probability, image[..., 0], atol=1e-5)


def test_every_call_has_the_same_shape():
    shapes = set()

    def predict(windows):
        shapes.add(windows.shape)
        return identity(windows)

    predict_image(predict, np.full((70, 50, 1), 0.5, np.float32), (32, 32), (8, 8), batch_size=4)
    assert shapes == {(4, 32, 32, 1)}


def test_a_small_image_is_predicted_whole():
    calls = []
    predict_image(lambda w: calls.append(w.shape) or identity(w), np.full((20, 30, 1), 0.5, np.float32), (64, 64), (8, 8), 4)
    assert calls == [(1, 20, 30, 1)]


def test_flips_average_what_a_direction_changes():
    def leftmost(windows):  # sure of foreground in the first column only
        probability = np.zeros(windows.shape[:3], np.float32)
        probability[:, :, 0] = 1
        return probability

    probability = predict_image(leftmost, np.zeros((4, 4, 1), np.float32), (8, 8), (0, 0), 1, flips=True)
    np.testing.assert_allclose(probability[1:3, 1:3], 0, atol=1e-6)
    np.testing.assert_allclose(probability[0, 1:3], 0.25, atol=1e-6)
    np.testing.assert_allclose(probability[0, 0], 0.5, atol=1e-6)


def test_the_window_is_highest_in_its_middle():
    window = gaussian_window((5, 7))
    assert np.unravel_index(window.argmax(), window.shape) == (2, 3)
    assert window.max() == 1
    assert window.min() == pytest.approx(np.exp(-4), rel=1e-5)


def test_sigmoid_does_not_overflow():
    with np.errstate(all="raise"):
        np.testing.assert_allclose(sigmoid([-1e4, 0, 1e4]), [0, 0.5, 1])
