"""Windows blend without a seam: what goes through an identity comes out as it was, at any size."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.inference.tiling import predict_image, predict_rows, windows
from pipeline.networks.common.run import sigmoid
from pipeline.params import Inference


def inference(tile, overlap, batch_size=4, flips=False):
    """Settings, also with more overlap than params.yaml allows."""
    return Inference.model_construct(tile=(tile, tile), overlap=(overlap, overlap), batch_size=batch_size, flips=flips)


def identity(windows):
    """A network whose probability is the image itself."""
    return windows[..., 0]


@settings(max_examples=60)
@given(
    shape=st.tuples(st.integers(1, 90), st.integers(1, 90)),
    tile=st.integers(4, 40),
    overlap=st.floats(0, 0.5),
    batch=st.integers(1, 5),
    flips=st.booleans(),
)
def test_identity_at_any_size(shape, tile, overlap, batch, flips):
    image = np.random.default_rng(0).uniform(0.01, 0.99, (*shape, 1)).astype(np.float32)
    probability = predict_image(identity, image, inference(tile, int(overlap * tile), batch, flips))
    assert probability.dtype == np.float32
    np.testing.assert_allclose(probability, image[..., 0], atol=1e-5)


def test_calls_have_few_shapes():
    shapes = set()

    def predict(windows):
        shapes.add(windows.shape)
        return identity(windows)

    predict_image(predict, np.full((70, 90, 1), 0.5, np.float32), inference(32, 8, 4))
    assert shapes == {(4, 32, 32, 1)}
    shapes.clear()
    predict_image(predict, np.full((70, 90, 1), 0.5, np.float32), inference(32, 8, 2), align=16)
    assert shapes == {(2, 32, 32, 1), (1, 32, 26, 1), (2, 22, 32, 1), (1, 22, 26, 1)}


@settings(max_examples=60)
@given(
    height=st.integers(1, 120),
    rows=st.tuples(st.integers(0, 119), st.integers(1, 120)),
    overlap=st.integers(0, 10),
    align=st.sampled_from([1, 4]),
)
def test_rows_are_the_same_whatever_else_is_asked_for(height, rows, overlap, align):
    first, end = min(rows[0], height - 1), min(max(rows[0] + 1, rows[1]), height)
    image = np.random.default_rng(1).uniform(0, 1, (height, 33, 1)).astype(np.float32)

    def predict(windows):  # what a pixel gets depends on the whole window, so that blending matters
        return (0.5 * windows[..., 0] + 0.5 * windows[..., 0].mean(axis=(1, 2), keepdims=True)).astype(np.float32)

    how = (inference(20, overlap, 2), align)
    blocks = list(predict_rows(predict, lambda start, stop: image[start:stop], image.shape[:2], *how, (first, end)))
    starts = np.cumsum([first] + [len(block) for _, block in blocks])
    assert [start for start, _ in blocks] == list(starts[:-1])
    np.testing.assert_array_equal(np.concatenate([block for _, block in blocks]), predict_image(predict, image, *how)[first:end])


@settings(max_examples=200)
@given(length=st.integers(1, 500), size=st.integers(8, 64), overlap=st.floats(0, 0.5), align=st.sampled_from([1, 2, 4]))
def test_windows_cover_every_pixel_with_weights_of_sum_one(length, size, overlap, align):
    overlap = int(overlap * size)
    total, ends = np.zeros(length), []
    for start, weights in windows(length, size, overlap, align):
        assert start % align == 0
        assert len(weights) <= size
        total[start : start + len(weights)] += weights
        ends.append(start + len(weights))
    np.testing.assert_allclose(total, 1, atol=1e-6)
    assert ends[-1] == length


def test_the_border_of_a_window_counts_only_at_the_border_of_the_image():
    (_, first), (start, last) = windows(100, 64, 24)
    assert start == 36  # the last window ends with the image: they share 28 pixels
    assert first[0] == last[-1] == 1
    np.testing.assert_array_equal(first[-10:], 0)  # 5/12 of the overlap
    np.testing.assert_array_equal(last[:10], 0)


def test_a_small_image_is_predicted_whole():
    calls = []
    predict_image(lambda w: calls.append(w.shape) or identity(w), np.full((20, 30, 1), 0.5, np.float32), inference(64, 8))
    assert calls == [(1, 20, 30, 1)]


def test_flips_average_what_a_direction_changes():
    def leftmost(windows):  # sure of foreground in the first column only
        probability = np.zeros(windows.shape[:3], np.float32)
        probability[:, :, 0] = 1
        return probability

    probability = predict_image(leftmost, np.zeros((4, 4, 1), np.float32), inference(8, 0, 1, flips=True))
    np.testing.assert_allclose(probability[1:3, 1:3], 0, atol=1e-6)
    np.testing.assert_allclose(probability[0, 1:3], 0.25, atol=1e-6)
    np.testing.assert_allclose(probability[0, 0], 0.5, atol=1e-6)


def test_sigmoid_does_not_overflow():
    with np.errstate(all="raise"):
        np.testing.assert_allclose(sigmoid([-1e4, 0, 1e4]), [0, 0.5, 1])
