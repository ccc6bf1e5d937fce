"""Batch statistics measured afresh are those of the patches, for the weights that the network has now."""

import keras
import numpy as np

from pipeline.networks.common.layers import BatchNormalization
from pipeline.patches.packed import Packed
from pipeline.training.batch_statistics import BatchStatistics


def test_the_statistics_are_those_of_all_patches():
    """Two kinds of patches, dark and bright: most of the variance lies between them, whatever the batches are."""
    rng = np.random.default_rng(0)
    images = np.concatenate([rng.integers(0, 50, (20, 4, 4, 2)), rng.integers(150, 256, (20, 4, 4, 2))]).astype(np.uint8)
    inputs = keras.Input((None, None, 2))
    normalisation, frozen = BatchNormalization(), BatchNormalization(trainable=False)
    x = frozen(normalisation(inputs))
    network = keras.Model(inputs, keras.layers.Dropout(0.9)(x))
    statistics = BatchStatistics(network, Packed(images, images[..., 0] > 100), 4, seed=1)
    statistics.measure()
    values = images.astype(np.float64).reshape(-1, 2) / 255
    np.testing.assert_allclose(keras.ops.convert_to_numpy(normalisation.moving_mean), values.mean(axis=0), rtol=1e-5)
    np.testing.assert_allclose(keras.ops.convert_to_numpy(normalisation.moving_variance), values.var(axis=0), rtol=1e-4)
    np.testing.assert_array_equal(keras.ops.convert_to_numpy(frozen.moving_mean), 0)
    assert (normalisation.momentum, network.layers[-1].rate) == (0.99, 0.9)


def test_the_statistics_follow_the_weights():
    images = np.random.default_rng(0).integers(0, 256, (8, 4, 4, 1), np.uint8)
    inputs = keras.Input((None, None, 1))
    convolution, normalisation = keras.layers.Conv2D(1, 1, kernel_initializer="ones"), keras.layers.BatchNormalization()
    network = keras.Model(inputs, normalisation(convolution(inputs)))
    statistics = BatchStatistics(network, Packed(images, images[..., 0] > 100), 3, seed=1)
    means = []
    for weight in (1.0, -2.0):
        convolution.kernel.assign(np.full((1, 1, 1, 1), weight, np.float32))
        statistics.measure()
        means.append(float(keras.ops.convert_to_numpy(normalisation.moving_mean)[0]))
    assert means[1] == -2 * means[0] != 0


def test_a_network_without_batch_normalisation_is_left_alone():
    inputs = keras.Input((None, None, 1))
    network = keras.Model(inputs, keras.layers.Conv2D(1, 1)(inputs))
    images = np.zeros((2, 4, 4, 1), np.uint8)
    before = network.get_weights()
    BatchStatistics(network, Packed(images, images[..., 0] > 0), 2, seed=0).measure()
    for mine, its in zip(before, network.get_weights(), strict=True):
        np.testing.assert_array_equal(mine, its)
