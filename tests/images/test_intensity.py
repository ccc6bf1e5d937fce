"""Intensities in units of the data."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from pipeline.images.intensity import quantiles_and_contrast, robust_range, sample, scaled


def test_a_range_by_hand():
    values = np.arange(1001, dtype=np.uint16).reshape(-1, 1) + 3000
    assert robust_range([values]) == [(3001.0, 3999.0)]
    assert robust_range([values[:500], values[500:]]) == [(3001.0, 3999.0)]
    np.testing.assert_allclose(
        scaled(np.float64([[[2000], [3001], [3500], [3999], [9000]]]), [(3001, 3999)]).ravel(), [0, 0, 0.5, 1, 1]
    )


def test_colours_share_a_range_and_other_channels_do_not():
    colours = np.stack([np.arange(0, 101), np.arange(50, 151), np.arange(100, 201)], axis=-1)
    assert len(set(robust_range([colours]))) == 1
    low, high = np.transpose(robust_range([colours[:, :2]]))
    np.testing.assert_allclose([low, high], [[0.1, 50.1], [99.9, 149.9]])


def test_three_channels_that_are_no_colours_have_ranges_of_their_own():
    channels = np.array([[0, 0, 0], [100, 4000, 60000]])
    assert [round(high, -1) for _, high in robust_range([channels] * 99, colour=False)] == [100, 4000, 60000]
    assert len(set(robust_range([channels], colour=True))) == 1


@pytest.mark.parametrize("values", [2**31 + np.arange(201, dtype=np.uint32), 1e6 + np.arange(201) / 1000])
def test_a_narrow_range_far_from_zero(values):
    image = values.reshape(-1, 1, 1)
    found = scaled(image, robust_range([sample(image)]))
    np.testing.assert_allclose(found.ravel(), np.linspace(-0.001, 1.001, 201).clip(0, 1), atol=0.001)


def test_an_image_of_one_value_and_numbers_that_are_not_finite():
    assert robust_range([np.full((9, 1), 7)]) == [(7.0, 8.0)]
    assert robust_range([np.full((9, 1), np.nan)]) == [(0.0, 1.0)]
    image = np.float32([[[np.nan], [np.inf], [-np.inf], [0.5]]])
    assert scaled(image, [(0, 1)]).ravel().tolist() == [0, 1, 0, 0.5]


@pytest.mark.parametrize(
    "twin",
    [
        lambda a: a.astype(np.uint16) << 4,
        lambda a: a.astype(np.uint16) * 2 + 100,
        lambda a: a / np.float32(255),
        lambda a: a.astype(np.float64) * 257,
        lambda a: (a.astype(np.int16) - 128) * 16,
    ],
    ids=["12 bit", "offset", "0 to 1", "0 to 65535", "signed"],
)
@pytest.mark.parametrize("by_image", [False, True])
def test_the_same_image_in_other_numbers_is_scaled_alike(twin, by_image):
    image = np.random.default_rng(0).normal(120, 30, (70, 90, 1)).clip(0, 255).astype(np.uint8)
    ranges = ("image", "image") if by_image else (robust_range([sample(image)]), robust_range([sample(twin(image))]))
    expected = scaled(image, ranges[0])
    np.testing.assert_allclose(scaled(twin(image), ranges[1]), expected, atol=1e-5)
    np.testing.assert_allclose(
        quantiles_and_contrast(scaled(twin(image), ranges[1])), quantiles_and_contrast(expected), atol=1e-5
    )


@given(arrays.arrays(np.float32, (5, 4, 2), elements=st.floats(width=32)))
def test_whatever_the_numbers_they_become_0_to_1(image):
    values = scaled(image, "image")
    assert values.dtype == np.float32
    assert ((values >= 0) & (values <= 1)).all()
