from itertools import cycle

import numpy as np
import pytest
import SimpleITK as sitk  # noqa: N813 (its users know it by no other name)
from hypothesis import given
from hypothesis.extra.numpy import arrays
from scipy.ndimage import gaussian_filter
from scipy.spatial.distance import cdist
from skimage.segmentation import find_boundaries

from pipeline.scoring.boundary import assd, border, hd95, nsd, per_image, surface_distances

EMPTY = np.zeros((3, 4), bool)
FULL = np.ones((3, 4), bool)
SPACINGS = [(1.0, 1.0), (4.6, 4.6), (5.0, 1.3), (0.25, 1.0)]


def points(*pixels, shape=(5, 7)):
    mask = np.zeros(shape, bool)
    for row, column in pixels:
        mask[row, column] = True
    return mask


def test_both_empty_is_exactly_right():
    assert per_image(EMPTY, EMPTY, 2, (5.0, 5.0)) == {"nsd": 1.0, "hd95": 0.0, "assd": 0.0, "hd95_nm": 0.0, "assd_nm": 0.0}


@pytest.mark.parametrize("masks", [(EMPTY, FULL), (FULL, EMPTY)], ids=["empty reference", "empty prediction"])
def test_one_empty_scores_zero_and_has_no_distance(masks):
    scores = per_image(*masks, 1000, (5.0, 5.0))
    assert scores == {"nsd": 0.0, "hd95": None, "assd": None, "hd95_nm": None, "assd_nm": None}


@pytest.mark.parametrize(
    ("prediction", "received"),
    [(EMPTY.T, r"same shape, received \(3, 4\) and \(4, 3\)"), (np.zeros((3, 4)), "boolean masks, received bool and float64")],
)
def test_masks_must_match(prediction, received):
    with pytest.raises(ValueError, match=received):
        surface_distances(EMPTY, prediction)


def test_one_pixel_each():
    reference, prediction = points((1, 1)), points((4, 5))
    assert per_image(reference, prediction, 4.99) == {"nsd": 0.0, "hd95": 5.0, "assd": 5.0}
    assert per_image(reference, prediction, 5)["nsd"] == 1.0  # a distance equal to the tolerance is within


def test_all_foreground_has_its_border_at_the_image_edge():
    assert np.array_equal(border(FULL), [[1, 1, 1, 1], [1, 0, 0, 1], [1, 1, 1, 1]])
    assert per_image(FULL, FULL, 0) == {"nsd": 1.0, "hd95": 0.0, "assd": 0.0}


def test_border_is_four_connected_to_the_background_and_lines_holes():
    mask = np.ones((5, 5), bool)
    mask[2, 2] = False
    ring = np.ones((5, 5), bool)
    ring[[1, 1, 2, 3, 3], [1, 3, 2, 1, 3]] = False  # the hole, and the pixels that touch it by a corner alone
    assert np.array_equal(border(mask), ring)


def test_distances_run_to_the_border_and_not_to_the_mask():
    square = np.zeros((7, 7), bool)
    square[1:6, 1:6] = True
    there, back = surface_distances(square, points((3, 3), shape=(7, 7)))
    assert back.tolist() == [2.0]  # inside the square, but two pixels from its outline
    assert sorted(there) == pytest.approx([2.0] * 4 + [5**0.5] * 8 + [8**0.5] * 4)
    assert assd(there, back) == pytest.approx((2 + 4 * 2 + 8 * 5**0.5 + 4 * 8**0.5) / 17)
    assert nsd(there, back, 2.1) == 5 / 17


def test_hd95_is_the_larger_directed_percentile_and_not_that_of_both_together():
    reference, prediction = points(*((1, c) for c in range(5))), points(*((1, c) for c in range(4)))
    there, back = surface_distances(reference, prediction)
    assert there.tolist() == [0, 0, 0, 0, 1] and back.tolist() == [0, 0, 0, 0]
    assert hd95(there, back) == pytest.approx(0.8)  # at 0.95 · 4 = 3.8 of [0, 0, 0, 0, 1]; of all nine it would be 0.6
    assert assd(there, back) == 1 / 9  # MASD, the mean of the two means, would be 1 / 10
    assert nsd(there, back, 0) == 8 / 9 and nsd(there, back, 1) == 1.0


def test_nanometres_follow_the_pixel_size_and_the_tolerance_stays_in_pixels():
    scores = per_image(points((0, 0)), points((3, 4)), 5, (4.0, 2.5))
    assert scores["nsd"] == 1.0 and scores["hd95"] == 5.0
    assert scores["hd95_nm"] == scores["assd_nm"] == pytest.approx((12**2 + 10**2) ** 0.5)


def test_pixels_that_are_not_square_change_which_is_nearest():
    reference, prediction = points((2, 2)), points((0, 2), (2, 5))
    assert surface_distances(reference, prediction)[0].tolist() == [2.0]
    assert surface_distances(reference, prediction, (10.0, 1.0))[0].tolist() == [3.0]


def test_whole_pixels_are_exact_in_nanometres():
    far = surface_distances(points((900, 901), shape=(1024, 1024)), points((902, 901), shape=(1024, 1024)), (4.6, 4.6))
    assert hd95(*far) == 9.2 and nsd(*far, 9.2) == 1.0


masks = arrays(bool, (5, 7))


@given(masks, masks)
def test_padding_with_background_changes_nothing(reference, prediction):
    assert per_image(reference, prediction, 1) == per_image(np.pad(reference, 3), np.pad(prediction, 3), 1)


def random_pairs(number, shape=(37, 46)):
    """Pairs of masks, dense and sparse: blobs and moved blobs, blobs and other blobs, pixel noise."""
    rng = np.random.default_rng(7)
    for turn in range(number):
        smooth = [gaussian_filter(rng.random(shape), rng.uniform(1, 4), mode="wrap") for _ in range(2)]
        share = rng.uniform(0.02, 0.9)
        first, second = (field > np.quantile(field, 1 - share) for field in smooth)
        if turn % 3 == 0:
            yield first, np.roll(first, rng.integers(-3, 4, 2), (0, 1)) ^ (rng.random(shape) < 0.01)
        elif turn % 3 == 1:
            yield first, second
        else:
            yield rng.random(shape) < share, rng.random(shape) < rng.uniform(0.01, 0.5)


def test_agrees_with_brute_force():
    """Borders by scikit-image, all distances between all border pixels by SciPy, and the figures from their definitions."""
    for (reference, prediction), spacing in zip(random_pairs(240), cycle(SPACINGS), strict=False):
        outlines = [
            np.argwhere(find_boundaries(np.pad(mask, 1), connectivity=1, mode="inner")) * spacing
            for mask in (reference, prediction)
        ]
        table = cdist(*outlines)
        there, back = table.min(axis=1), table.min(axis=0)
        distances = surface_distances(reference, prediction, spacing)
        np.testing.assert_allclose(distances[0], there, rtol=0, atol=1e-9)
        np.testing.assert_allclose(distances[1], back, rtol=0, atol=1e-9)
        assert hd95(*distances) == pytest.approx(max(np.percentile(there, 95), np.percentile(back, 95)), abs=1e-9)
        assert assd(*distances) == pytest.approx((there.sum() + back.sum()) / (len(there) + len(back)), abs=1e-9)
        near = (there <= 1.7).sum() + (back <= 1.7).sum()  # 1.7 is no distance between pixels: rounding decides nothing
        assert nsd(*distances, 1.7) == pytest.approx(near / (len(there) + len(back)), abs=1e-12)


def test_the_surface_of_a_cube_by_hand():
    """A cube of 3 × 3 × 3 voxels and its middle voxel: 26 surface voxels, each as far away as its steps say."""
    cube, middle = np.zeros((2, 5, 5, 5), bool)
    cube[1:4, 1:4, 1:4] = middle[2, 2, 2] = True
    there, back = surface_distances(cube, middle, (50.0, 4.0, 3.0))
    assert len(there) == 26 and back.tolist() == [3.0]  # to the voxel beside it, not to the one in the next section
    steps = {(1, 0, 0): 2, (0, 1, 0): 2, (0, 0, 1): 2, (1, 1, 0): 4, (1, 0, 1): 4, (0, 1, 1): 4, (1, 1, 1): 8}
    expected = [((50 * z) ** 2 + (4 * y) ** 2 + (3 * x) ** 2) ** 0.5 for (z, y, x), n in steps.items() for _ in range(n)]
    np.testing.assert_allclose(sorted(there), sorted(expected), rtol=1e-12)
    assert nsd(there, back, 5.0) == 9 / 27  # the eight voxels around it in its own section, and itself
    assert assd(there, back) == pytest.approx((sum(expected) + 3) / 27)


def test_a_solid_that_reaches_the_first_and_the_last_section_ends_there():
    assert border(np.ones((2, 4, 4), bool)).all()
    assert np.argwhere(~border(np.ones((3, 3, 3), bool))).tolist() == [[1, 1, 1]]


def test_surfaces_in_three_dimensions_agree_with_itk():
    """Surfaces by ITK's contours, and distances by its exact distance map, with voxels of three different sides."""
    spacing, rng = (40.0, 4.0, 5.0), np.random.default_rng(3)
    for share in (0.05, 0.3, 0.7):
        fields = [gaussian_filter(rng.random((9, 30, 35)), (1, 2.5, 2.5)) for _ in range(2)]
        masks = [field > np.quantile(field, 1 - share) for field in fields]
        surfaces, maps = [], []
        for mask in masks:
            image = sitk.GetImageFromArray(np.pad(mask, 1).astype(np.uint8))
            image.SetSpacing(spacing[::-1])
            contour = sitk.LabelContour(image, fullyConnected=False)
            surfaces.append(sitk.GetArrayFromImage(contour) > 0)
            maps.append(sitk.GetArrayFromImage(sitk.SignedMaurerDistanceMap(contour, False, False, True)))
        there, back = surface_distances(*masks, spacing)
        # Inside a contour ITK's distance is negative; a contour is one voxel thick, so there it is 0.
        np.testing.assert_allclose(there, np.abs(maps[1])[surfaces[0]], atol=1e-3)
        np.testing.assert_allclose(back, np.abs(maps[0])[surfaces[1]], atol=1e-3)
