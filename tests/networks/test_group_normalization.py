"""Normalisation of each image by itself: Keras's layer as a second opinion, and no image minds its neighbours."""

import keras
import numpy as np
import pytest

from pipeline.networks.common import blocks
from pipeline.networks.common.layers import GroupNormalization

IMAGES = np.random.default_rng(0).normal(3.0, 2.0, (3, 5, 7, 6)).astype(np.float32)


@pytest.mark.parametrize("groups", [6, 2, 1])
def test_it_is_that_of_keras(groups):
    mine, its = GroupNormalization(groups), keras.layers.GroupNormalization(groups)
    for layer in (mine, its):
        layer.build(IMAGES.shape)
        layer.set_weights([np.arange(1, 7, dtype=np.float32), np.arange(6, dtype=np.float32)])
    np.testing.assert_allclose(mine(IMAGES), its(IMAGES), rtol=1e-4, atol=1e-4)


def test_each_channel_of_an_image_has_mean_0_and_variance_1():
    layer = GroupNormalization(6)
    found = keras.ops.convert_to_numpy(layer(IMAGES))
    np.testing.assert_allclose(found.mean(axis=(1, 2)), 0, atol=1e-5)
    np.testing.assert_allclose(found.var(axis=(1, 2)), 1, atol=2e-3)
    np.testing.assert_allclose(found[1:2], keras.ops.convert_to_numpy(layer(IMAGES[1:2])), atol=1e-6)


@pytest.mark.parametrize(("filters", "groups"), [(16, 8), (6, 2), (5, 1)])
def test_groups_divide_the_filters(filters, groups):
    inputs = keras.Input((None, None, 1))
    network = keras.Model(inputs, blocks.convolution(inputs, filters, "group"))
    (layer,) = (layer for layer in network.layers if isinstance(layer, GroupNormalization))
    assert layer.groups == groups


def test_a_saved_network_loads(tmp_path):
    inputs = keras.Input((None, None, 1))
    network = keras.Model(inputs, blocks.convolution(inputs, 4, "instance"))
    network.save(tmp_path / "network.keras")
    loaded = keras.saving.load_model(tmp_path / "network.keras", compile=False)
    np.testing.assert_array_equal(network(IMAGES[..., :1]), loaded(IMAGES[..., :1]))
