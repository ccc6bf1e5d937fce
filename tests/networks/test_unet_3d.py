"""The 3D U-Net: its count against the paper, its convolutions against those of Keras in three dimensions."""

import keras
import numpy as np
import pytest

from pipeline.errors import UserError
from pipeline.images.sections import join
from pipeline.networks.common.cost import gigaflops
from pipeline.networks.common.layers import MiddleSections, SectionsApart, SectionsInThrees
from tests.builder import builder

build = builder("unet_3d")

PUBLISHED = 19_069_955  # with biases of all convolutions but the transposed ones, without the normalisation


def test_the_count_is_that_of_the_paper_but_for_the_depth_of_its_transposed_convolutions():
    network = build(channels=3 * 29, context=14, classes=3, filters=32, normalization="none")
    transposed = [layer for layer in network.layers if isinstance(layer, keras.layers.Conv2DTranspose)]
    missing = sum(4 * layer.filters**2 - layer.filters for layer in transposed)  # of 2 × 2 × 2; the paper counts no bias there
    assert network.count_params() + missing == PUBLISHED


def test_three_sections_side_by_side_are_a_convolution_in_three_dimensions():
    rng = np.random.default_rng(0)
    sections = rng.normal(size=(2, 5, 6, 7, 4)).astype(np.float32)  # (N, S, H, W, C)
    kernel = rng.normal(size=(3, 3, 3, 4, 8)).astype(np.float32)
    expected = keras.ops.conv(np.pad(sections, [(0, 0), (0, 0), (1, 1), (1, 1), (0, 0)]), kernel, padding="valid")
    images = np.stack([join(list(volume), "") for volume in sections])  # (N, H, W, S · C)
    seen = SectionsInThrees(5)(SectionsApart(5)(images))
    found = keras.ops.conv(seen, np.concatenate(list(kernel), axis=2), padding="same")
    np.testing.assert_allclose(np.reshape(found, expected.shape), expected, atol=1e-4)


def test_the_middle_is_kept_of_each_volume():
    images = np.arange(10, dtype=np.float32).reshape(10, 1, 1, 1)  # two volumes of five sections
    assert np.ravel(MiddleSections(5, 3)(images)).tolist() == [1, 2, 3, 6, 7, 8]


@pytest.mark.parametrize(("context", "flat_levels"), [(1, 0), (3, 0), (2, 1), (8, 0)])
def test_each_section_of_the_context_counts_and_none_beyond_its_own_pixels(context, flat_levels):
    keras.utils.set_random_seed(0)
    network = build(channels=2 * context + 1, context=context, filters=2, depth=2, flat_levels=flat_levels, normalization="none")
    image = np.random.default_rng(0).random((1, 12, 20, 2 * context + 1)).astype(np.float32)
    plain = np.asarray(network(image))
    assert plain.shape == (1, 12, 20, 1)
    for section in range(2 * context + 1):
        other = image.copy()
        other[..., section] += 1
        assert np.abs(np.asarray(network(other)) - plain).max() > 1e-6


@pytest.mark.parametrize("context", [0, 15])
def test_more_context_than_convolutions_is_refused(context):
    with pytest.raises(
        UserError, match=f"expected patches.context of 1 to 14, as many as its 3 × 3 × 3 convolutions, received {context}"
    ):
        build(channels=3, context=context)


def test_residual_blocks_add_a_shortcut_of_one_pixel():
    plain, residual = (build(channels=5, context=2, filters=2, depth=1, residual=r, normalization="none") for r in (False, True))
    # From 1 to 4, from 4 to 8 and from 8 + 4 to 4 channels, each with a bias.
    assert residual.count_params() - plain.count_params() == (1 + 1) * 4 + (4 + 1) * 8 + (12 + 1) * 4


def test_operations_are_counted_for_each_section():
    network = build(channels=3, context=1, filters=1, depth=1, normalization="none")
    # At full size: 3 × 3 × 3 from 1 to 1, 3 × 3 from 1 to 2, then from 4 + 2 to 2 and from 2 to 2 channels, and the logit. At
    # half of it: 3 × 3 from 2 to 2 and from 2 to 4 channels, and the transposed convolution.
    full, half = 27 + 9 * (2 + 12 + 4) + 2, 9 * (4 + 8) + 4 * 16
    assert gigaflops(network, (8, 8)) == pytest.approx(2e-9 * (64 * full + 16 * half))
