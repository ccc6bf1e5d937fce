import numpy as np

from pipeline.images.resize import resize_image, resize_mask


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
