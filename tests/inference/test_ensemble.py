"""Several networks as one: the mean of what each says of the same raw image, whatever range it was trained with."""

import subprocess
import sys

import keras
import numpy as np
import pytest
from scipy.special import expit

from pipeline.errors import UserError
from pipeline.inference.decision import mean_and_spread
from pipeline.inference.ensemble import ensemble
from pipeline.inference.model import TrainedModel
from pipeline.params import Inference
from tests.builder import pointwise

SETTINGS = Inference(tile=(16, 16), overlap=(4, 4), batch_size=2, flips=False)
CARD = {"task": "segmentation", "classes": ["background", "cell"], "channels": 1, "resize": None, "network": "toy"}
FIVE = """
from pipeline.startup import load_keras
load_keras()
from tests.inference.test_ensemble import SETTINGS, ensemble, model, np
ensemble([model(0, 100, 0.5) for _ in range(5)]).segment(np.zeros((8, 8, 1), np.float32), SETTINGS)
"""
SEEN = [[[0.0], [0.25], [0.5], [0.75], [1.0], [0.5]], [[0.5], [0.5], [0.5], [0.75], [1.0], [1.0]]]


def model(low, high, threshold, gain=4.0, **changes):
    """Probability sigmoid(gain · x), where x is 0 at `low` and 1 at `high`."""
    card = CARD | {"intensity_range": [[low, high]], "intensity_seen": SEEN, "threshold": threshold, "threshold_flips": threshold}
    return TrainedModel(pointwise([[gain]], [0.0]), card | changes)


def test_each_member_sees_the_image_in_its_own_range():
    joined = ensemble([model(0, 100, 0.3), model(50, 250, 0.5), model(0, 100, 0.7, gain=-4.0)])
    image = np.linspace(0, 250, 26 * 20).reshape(26, 20, 1)
    x, y = np.clip(image[..., 0] / 100, 0, 1), np.clip((image[..., 0] - 50) / 200, 0, 1)
    each = [expit(4 * x), expit(4 * y), expit(-4 * x)]
    scaled = joined.scaled(image)
    np.testing.assert_allclose(joined.segment(scaled, SETTINGS), np.mean(each, axis=0), atol=1e-5)
    rows = list(joined.segment_rows(lambda start, stop: scaled[start:stop], (26, 20), SETTINGS))
    np.testing.assert_allclose(np.concatenate([band for _, band in rows]), np.mean(each, axis=0), atol=1e-5)
    np.testing.assert_allclose(mean_and_spread(joined.segment_members(scaled, SETTINGS))[1], np.std(each, axis=0), atol=1e-5)
    assert joined.threshold(SETTINGS) == pytest.approx(0.5)


def test_five_members_are_not_taken_for_one_that_is_compiled_five_times():
    done = subprocess.run([sys.executable, "-c", FIVE], capture_output=True, text=True, check=True)
    assert "retracing" not in done.stderr


def test_the_card_says_what_the_members_have_seen_in_the_common_range():
    """Of 0 to 100 and 50 to 250, the common range is 0 to 250: the first spans two fifths of it, the second ends with it."""
    card = ensemble([model(0, 100, 0.5), model(50, 250, 0.5)]).card
    assert card["intensity_range"] == [[0, 250]] and card["members"] == 2
    least, greatest = np.array(card["intensity_seen"])[..., 0]
    np.testing.assert_allclose(least, [0, 0.1, 0.2, 0.3, 0.4, 0.2])  # quantiles and contrast of the first, times 0.4
    np.testing.assert_allclose(greatest, [0.6, 0.6, 0.6, 0.8, 1.0, 0.8])  # of the second: 0.2 + 0.8 q, and 0.8 times the contrast


def test_the_spread_of_several_classes_is_that_of_the_most_disputed_one():
    mean, spread = mean_and_spread([np.array([[[0.5, 0.3, 0.2]]]), np.array([[[0.5, 0.1, 0.4]]])])
    np.testing.assert_allclose(mean, [[[0.5, 0.2, 0.3]]])
    np.testing.assert_allclose(spread, [[0.1]])


@pytest.mark.parametrize(("size", "views"), [((6, 6), 8), ((4, 6), 4)])
def test_a_classifier_averages_over_flips_and_turns(size, views):
    """Of a square all eight; of a rectangle the four that keep its shape."""
    inputs = keras.Input((*size, 1))
    layer = keras.layers.Dense(3)
    network = keras.Model(inputs, layer(keras.layers.Flatten()(inputs)))
    rng = np.random.default_rng(0)
    layer.set_weights([rng.normal(size=weights.shape) for weights in layer.get_weights()])
    card = {"task": "classification", "classes": ["a", "b", "c"], "channels": 1, "resize": list(size), "network": "toy"}
    card |= {"intensity_range": [[0, 1]], "intensity_seen": SEEN}
    one = TrainedModel(network, card)
    images = rng.random((2, *size, 1), np.float32)
    turned = [np.rot90(image, turns, axes=(1, 2)) for image in (images, images[:, ::-1]) for turns in range(4)]
    expected = np.mean([one.classify(image) for image in turned if image.shape == images.shape], axis=0)
    assert sum(image.shape == images.shape for image in turned) == views
    np.testing.assert_allclose(one.classify(images, flips=True), expected, atol=1e-6)
    np.testing.assert_allclose(ensemble([one, one]).classify(images, flips=True), expected, atol=1e-6)
    assert np.abs(one.classify(images) - expected).max() > 0.01


@pytest.mark.parametrize("changes", [{"channels": 3}, {"classes": ["background", "nucleus"]}, {"resize": [8, 8]}])
def test_members_must_fit_together(changes):
    with pytest.raises(UserError, match=f"b: expected {next(iter(changes))} .* as a has, received"):
        ensemble([model(0, 1, 0.5), model(0, 1, 0.5, **changes)], ["a", "b"])


def test_ranges_of_each_image_and_of_all_do_not_mix():
    with pytest.raises(UserError, match="each image by itself, or all alike"):
        ensemble([model(0, 1, 0.5), model(0, 1, 0.5, intensity_range="image")])


def test_members_take_an_image_that_was_scaled_by_a_range_of_the_user_as_it_is():
    joined, one = ensemble([model(0, 100, 0.3), model(50, 250, 0.5)]), model(0, 100, 0.3)
    image = np.linspace(0, 1, 20 * 20, dtype=np.float32).reshape(20, 20, 1)
    np.testing.assert_allclose(joined.taking_any_range().segment(image, SETTINGS), one.segment(image, SETTINGS), atol=1e-6)
    assert one.taking_any_range() is one
