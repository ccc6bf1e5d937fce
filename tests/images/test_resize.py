import numpy as np
import pytest

from pipeline.images.resize import resize_image, resize_mask

SIZES = [((40, 30), (20, 15)), ((40, 30), (10, 5)), ((40, 30), (13, 11)), ((40, 30), (61, 30)), ((41, 30), (20, 60))]
RNG = np.random.default_rng(0)
NUMBERS = np.array([0, 1, 2, 255], np.uint8)  # class numbers, and what is ignored


@pytest.mark.parametrize(("shape", "size"), SIZES)
@pytest.mark.parametrize("values", [np.array([False, True]), NUMBERS], ids=["bool", "classes"])
def test_a_resized_mask_is_as_good_flipped_and_holds_no_new_values(shape, size, values):
    """Half a pixel of shift to one side would become one to the other side."""
    mask = RNG.choice(values, shape)
    resized = resize_mask(mask, size)
    assert resized.shape == size and resized.dtype == mask.dtype and np.isin(resized, values).all()
    for axis in (0, 1):
        np.testing.assert_array_equal(resize_mask(np.flip(mask, axis), size), np.flip(resized, axis))


@pytest.mark.parametrize("factor", [2, 4])
def test_a_reduced_disc_stays_in_the_centre_as_its_image_does(factor):
    rows, columns = np.indices((96, 120))
    mask = (rows - 47.5) ** 2 + (columns - 59.5) ** 2 < 23**2
    size = (96 // factor, 120 // factor)
    image = resize_image(mask[..., None].astype(np.float32), size)[..., 0]
    small = resize_mask(mask, size)
    for position, length in zip(np.indices(size), size, strict=True):
        np.testing.assert_allclose(position[small].mean(), (length - 1) / 2, atol=1e-9)
        np.testing.assert_allclose(np.average(position, weights=image), (length - 1) / 2, atol=1e-3)


def test_the_value_of_most_of_the_area_wins():
    mask = np.array([[0, 0, 1, 2, 1, 1], [0, 3, 1, 2, 2, 255], [7, 7, 7, 7, 7, 7]], np.uint8)
    np.testing.assert_array_equal(resize_mask(mask[:2], (1, 3)), [[0, 2, 1]])  # ties: the higher number, foreground
    np.testing.assert_array_equal(resize_mask(mask[2:], (3, 2)), np.full((3, 2), 7))


def test_enlarged_masks_repeat_their_pixels():
    mask = RNG.choice(NUMBERS, (4, 5))
    np.testing.assert_array_equal(resize_mask(mask, (8, 15)), mask.repeat(2, axis=0).repeat(3, axis=1))


@pytest.mark.parametrize(("shape", "factor", "size"), [((40, 30), 0.5, (20, 15)), ((41, 3), 0.1, (4, 1)), ((4, 6), 1.5, (6, 9))])
def test_a_factor_gives_each_image_a_size_of_its_own(shape, factor, size):
    mask = RNG.random(shape) < 0.5
    np.testing.assert_array_equal(resize_mask(mask, factor), resize_mask(mask, size))
    image = RNG.random((*shape, 3), np.float32)
    np.testing.assert_array_equal(resize_image(image, factor), resize_image(image, size))


def test_resized_images_keep_their_mean():
    image = np.random.default_rng(1).random((64, 48, 3), np.float32)
    small = resize_image(image, (32, 24))
    assert small.dtype == np.float32
    np.testing.assert_allclose(small.mean(), image.mean(), atol=0.01)
