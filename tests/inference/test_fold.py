"""Folding changes how a network computes, not what."""

import keras
import numpy as np
import pytest

from pipeline.inference.fold import folded
from pipeline.inference.model import TrainedModel
from pipeline.params import Inference
from pipeline.training.devices import resolve_precision
from tests.builder import builder

attn_resunet, unet, vgg16, wide_resnet = map(builder, ("attn_resunet", "unet", "vgg16", "wide_resnet"))


def trained(build):
    """A small network whose normalisations have seen something."""
    network = build(channels=1, filters=4, depth=2, normalization="batch", mean=0.4, variance=0.1)
    rng = np.random.default_rng(5)
    for layer in network.layers:
        if isinstance(layer, keras.layers.BatchNormalization):
            layer.set_weights([rng.uniform(0.5, 2, w.shape) for w in layer.get_weights()])
    return network


@pytest.mark.parametrize("build", [unet, attn_resunet])
def test_a_folded_network_answers_the_same(build):
    network = trained(build)
    copy = folded(network)
    assert not any(isinstance(layer, keras.layers.BatchNormalization) for layer in copy.layers)
    for size in [(16, 16), (33, 47)]:
        image = np.random.default_rng(1).uniform(size=(2, *size, 1)).astype(np.float32)
        expected = np.asarray(network(image, training=False))
        np.testing.assert_allclose(np.asarray(copy(image)), expected, rtol=1e-4, atol=1e-4 * np.abs(expected).max())


def test_a_folded_vgg16_answers_the_same():
    network = trained(lambda **_: vgg16(size=(32, 32), channels=1, classes=3, dense=8, normalization="batch"))
    copy = folded(network)
    assert not any(isinstance(layer, keras.layers.BatchNormalization) for layer in copy.layers)
    images = np.random.default_rng(1).random((2, 32, 32, 1), np.float32)
    expected = network.predict_on_batch(images)
    np.testing.assert_allclose(copy.predict_on_batch(images), expected, rtol=1e-3, atol=1e-3 * np.abs(expected).max())


def test_a_convolution_that_a_shortcut_reads_too_is_not_folded():
    network = trained(lambda **_: wide_resnet(size=(16, 16), channels=1, classes=3, depth=10, width=1))
    images = np.random.default_rng(1).random((2, 16, 16, 1), np.float32)
    expected = np.asarray(network(images, training=False))
    np.testing.assert_allclose(folded(network)(images, training=False), expected, rtol=1e-3, atol=1e-3 * np.abs(expected).max())


def test_nothing_to_fold_is_left_alone():
    network = vgg16(size=(32, 32), channels=3, classes=2, dense=8)
    assert folded(network) is network


def test_a_trained_model_predicts_what_its_network_says():
    network = trained(attn_resunet)
    model = TrainedModel(network, {"resize": None})
    assert model.align == 4
    settings = Inference(tile=(64, 64), overlap=(16, 16), batch_size=2, flips=False)
    for size in [(20, 31), (64, 64), (17, 23)]:
        image = np.random.default_rng(2).random((*size, 1), np.float32)
        logits = np.asarray(network(image[None], training=False))[0, ..., 0]
        np.testing.assert_allclose(model.segment(image, settings), 1 / (1 + np.exp(-logits)), atol=1e-4)


def test_a_folded_network_computes_as_it_was_trained(tmp_path):
    """Whatever the policy of the process that loads it: a layer in another precision would convert every image."""
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        attn_resunet(channels=1, filters=4, depth=2, normalization="batch").save(tmp_path / "network.keras")
    finally:
        keras.config.set_dtype_policy("float32")
    network = keras.saving.load_model(tmp_path / "network.keras")
    computed = {layer.name: layer.compute_dtype for layer in network.layers}
    assert "bfloat16" in computed.values()
    assert {layer.name: layer.compute_dtype for layer in folded(network).layers} == computed


@pytest.mark.parametrize("precision", sorted({"float32", resolve_precision("auto")}))
def test_a_window_alone_has_the_bits_that_it_has_among_others(precision):
    """Whoever predicts a part of an image, or with other batches, gets the same mask."""
    keras.config.set_dtype_policy({"float32": "float32", "bfloat16": "mixed_bfloat16"}[precision])
    try:
        model = TrainedModel(attn_resunet(channels=1, filters=16, depth=3, normalization="batch"), {"resize": None})
    finally:
        keras.config.set_dtype_policy("float32")
    windows = np.random.default_rng(4).random((5, 64, 96, 1), np.float32)
    several = model._probability(windows)
    assert several.std() > 0.01
    for count in (1, 2, 3):
        np.testing.assert_array_equal(model._probability(windows[:count]), several[:count])
