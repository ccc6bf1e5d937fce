"""Patches cover an image, lie inside it, and masks keep their labels."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from pipeline.images.resize import resize_image, resize_mask
from pipeline.patches.grid import corners, cut


def test_corners_by_hand():
    assert corners((4, 6), (4, 4), (4, 4)) == [(0, 0), (0, 2)]
    assert corners((3, 3), (4, 4), (4, 4)) == [(0, 0)]


@given(st.tuples(st.integers(1, 60), st.integers(1, 60)), st.tuples(st.integers(1, 20), st.integers(1, 20)), st.floats(0.3, 1.0))
def test_patches_cover_every_pixel(shape, size, step):
    stride = tuple(max(1, int(s * step)) for s in size)
    seen = np.zeros(shape, int)
    for row, column in corners(shape, size, stride):
        assert row + size[0] <= max(shape[0], size[0])
        seen[row : row + size[0], column : column + size[1]] += 1
    assert seen.min() >= 1


def test_a_small_image_is_reflected():
    patch = cut(np.arange(6).reshape(2, 3), (0, 0), (3, 5))
    np.testing.assert_array_equal(patch, [[0, 1, 2, 2, 1], [3, 4, 5, 5, 4], [3, 4, 5, 5, 4]])


def test_resized_masks_hold_no_new_values():
    mask = np.zeros((40, 30), bool)
    mask[10:30, 4:24] = True  # even borders: no pixel lies between two
    small = resize_mask(mask, (20, 15))
    assert small.dtype == bool
    np.testing.assert_array_equal(small, mask[::2, ::2])


def test_resized_images_keep_their_mean():
    image = np.random.default_rng(1).random((64, 48, 3), np.float32)
    small = resize_image(image, (32, 24))
    assert small.dtype == np.float32
    np.testing.assert_allclose(small.mean(), image.mean(), atol=0.01)
