"""Augmentation: what is set to zero changes nothing, masks move with images, and the seed decides."""

import numpy as np
import pytest

from pipeline.images.symmetry import SYMMETRIES, draw_symmetry, symmetries
from pipeline.params import Augment
from pipeline.patches.augment import augmented_patch, elastic_displacement

STILL = dict(rotation=0, scale=0, stretch=0, shear=0, elastic=0, elastic_sigma=16, brightness=0, contrast=0, colour=0, gamma=0)
STILL |= dict(noise=0, blur=0, cutout=0, faults=0)


def settings(**changes):
    return Augment(when="patchify", copies=1, **{key: float(value) for key, value in (STILL | changes).items()})


@pytest.fixture
def disc():
    rows, columns = np.mgrid[:64, :64]
    mask = (rows - 30) ** 2 + (columns - 36) ** 2 < 15**2
    return mask[..., None].astype(np.float32), mask


def test_all_zero_is_the_plain_patch(disc):
    image, mask = disc
    patch, patch_mask = augmented_patch(image, mask, (8, 16), (32, 40), np.random.default_rng(0), settings())
    np.testing.assert_allclose(patch, image[8:40, 16:56], atol=1e-6)
    np.testing.assert_array_equal(patch_mask, mask[8:40, 16:56])


def test_the_mask_moves_with_the_image(disc):
    image, mask = disc
    rng = np.random.default_rng(3)
    change = settings(rotation=180, scale=0.2, elastic=3, shear=20, stretch=0.3)
    patch, patch_mask = augmented_patch(image, mask, (0, 0), (64, 64), rng, change)
    assert patch_mask.dtype == bool
    assert not np.array_equal(patch_mask, mask)
    assert np.mean((patch[..., 0] > 0.5) == patch_mask) > 0.99


def test_classes_move_as_the_two_of_a_mask_do_and_none_is_invented(disc):
    image, mask = disc
    change = settings(rotation=180, scale=0.2, elastic=3)
    moved, numbers = (
        augmented_patch(image, values, (0, 0), (64, 64), np.random.default_rng(3), change)[1]
        for values in (mask, np.where(mask, np.uint8(255), np.uint8(3)))
    )
    assert numbers.dtype == np.uint8
    np.testing.assert_array_equal(numbers, np.where(moved, 255, 3))


def test_faults_fall_on_neighbouring_sections_alone():
    """Each of four neighbours is whole, shifted, dark or missing; the middle one, which the mask belongs to, stays."""
    rows = np.linspace(0.1, 1, 64 * 48, dtype=np.float32).reshape(64, 48, 1).repeat(5, -1)
    found = {"whole": 0, "shifted": 0, "dark": 0, "missing": 0}
    for seed in range(60):
        rng = np.random.default_rng(seed)
        patch, _ = augmented_patch(rows, None, (0, 0), (64, 48), rng, settings(faults=0.5), sections=5)
        np.testing.assert_allclose(patch[..., 2], rows[..., 2], atol=1e-6)
        for place in (0, 1, 3, 4):
            ratio = patch[..., place] / rows[..., place]
            constant = ratio.std() < 1e-5
            fault = "missing" if constant and ratio.mean() == 0 else "dark" if constant and ratio.mean() < 0.9 else None
            found[fault or ("whole" if constant else "shifted")] += 1
    assert 90 < found["whole"] < 150 and min(found.values()) > 25  # of 240; half of them, and a sixth of each fault
    alone, _ = augmented_patch(rows, None, (0, 0), (64, 48), np.random.default_rng(0), settings(faults=0.5))
    np.testing.assert_allclose(alone, rows, atol=1e-6)  # five channels of one section


def test_intensities_stay_in_range_and_leave_the_mask(disc):
    image, mask = disc
    strong = settings(brightness=0.5, contrast=0.9, noise=0.3, blur=2, colour=0.3)
    patch, patch_mask = augmented_patch(image.repeat(3, -1), mask, (0, 0), (64, 64), np.random.default_rng(1), strong)
    assert patch.min() >= 0
    assert patch.max() <= 1
    assert patch.dtype == np.float32
    np.testing.assert_array_equal(patch_mask, mask)


class Highest:
    """Draws the upper end of each range."""

    def uniform(self, low, high, size=None):
        return high if size is None else np.full(size, high)

    def integers(self, low, high):
        return high - 1


def test_stretch_and_shear_by_hand():
    """A point 6 rows and 6 columns off the centre of the patch is looked for where the drawn matrix says."""
    image = np.zeros((65, 65, 1), np.float32)
    found = lambda **change: augmented_patch(image + 1, places, (0, 0), (65, 65), Highest(), settings(**change))[1]  # noqa: E731
    places = np.repeat(np.arange(65, dtype=np.uint8)[:, None], 65, axis=1)
    ratio = np.sqrt(1.5)  # by which heights grow, and widths shrink
    assert found(stretch=0.5)[32 + 6, 32] == round(32 + 6 / ratio)
    assert found(shear=45)[32 + 6, 32 + 6] == 32 + 6  # rows stay
    places = places.T.copy()
    assert found(stretch=0.5)[32, 32 + 6] == round(32 + 6 * ratio)
    assert found(shear=45)[32 + 6, 32 + 6] == 32 + 12  # tan 45° columns for each row


def test_gamma_by_hand():
    image = np.full((4, 4, 1), 0.25, np.float32)
    patch, _ = augmented_patch(image, None, (0, 0), (4, 4), Highest(), settings(gamma=0.5))
    np.testing.assert_allclose(patch, 0.25**1.5, rtol=1e-6)


def test_cutout_blanks_a_square_of_the_drawn_side(disc):
    image, mask = disc
    patch, patch_mask = augmented_patch(image, mask, (0, 0), (64, 64), np.random.default_rng(0), settings(cutout=0.9))
    rows, columns = np.nonzero(patch[..., 0] == image.mean(dtype=np.float32))
    assert 0 < len(rows) == (np.ptp(rows) + 1) * (np.ptp(columns) + 1)
    outside = np.ones((64, 64), bool)
    outside[rows, columns] = False
    np.testing.assert_array_equal(patch[outside], image[outside])
    np.testing.assert_array_equal(patch_mask, mask)


def test_the_seed_decides(disc):
    image, mask = disc
    change = settings(rotation=180, elastic=3, noise=0.1)
    draws = [augmented_patch(image, mask, (0, 0), (64, 64), np.random.default_rng(s), change)[0] for s in (0, 0, 1)]
    np.testing.assert_array_equal(draws[0], draws[1])
    assert not np.array_equal(draws[0], draws[2])


def test_elastic_displacement_is_as_large_and_as_smooth_as_asked():
    field = elastic_displacement((512, 512), 4.0, 32.0, np.random.default_rng(0))
    # Between control points, a cubic B-spline averages them: the variance lies below that at the points.
    assert 1.0 < field.std() < 4.0
    assert np.abs(np.diff(field, axis=1)).max() < 4.0 * 4 / 32


def test_symmetries_undo_themselves():
    batch = np.random.default_rng(0).random((2, 5, 5, 3))
    seen = {symmetry.apply(batch).tobytes() for symmetry in SYMMETRIES}
    assert len(seen) == 8
    for symmetry in SYMMETRIES:
        np.testing.assert_array_equal(symmetry.undo(symmetry.apply(batch)), batch)


def test_a_symmetry_is_a_flip_and_quarter_turns_of_numpy():
    batch = np.random.default_rng(0).random((2, 4, 6, 3))
    for symmetry in SYMMETRIES:
        flipped = batch[:, ::-1] if symmetry.flip else batch
        np.testing.assert_array_equal(symmetry.apply(batch), np.rot90(flipped, symmetry.turns, axes=(1, 2)))


def test_rectangles_keep_their_shape_and_each_symmetry_is_drawn():
    images = np.random.default_rng(0).random((2, 4, 6, 1))
    rng = np.random.default_rng(0)
    drawn = {draw_symmetry(4, 6, rng) for _ in range(100)}
    assert drawn == {0, 1, 2, 3}
    for number in drawn:
        assert symmetries(4, 6)[number].apply(images).shape == images.shape
    assert {draw_symmetry(5, 5, rng) for _ in range(200)} == set(range(8))
