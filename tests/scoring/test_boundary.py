from itertools import cycle

import numpy as np
import pytest
import SimpleITK as sitk  # noqa: N813 (its users know it by no other name)
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.ndimage import gaussian_filter
from scipy.spatial.distance import cdist
from skimage.segmentation import find_boundaries

from pipeline.scoring.boundary import border, per_image, surface_distances

EMPTY = np.zeros((3, 4), bool)
FULL = np.ones((3, 4), bool)
SPACINGS = [(1.0, 1.0), (4.6, 4.6), (5.0, 1.3), (0.25, 1.0)]


def points(*pixels, shape=(5, 7)):
    mask = np.zeros(shape, bool)
    for row, column in pixels:
        mask[row, column] = True
    return mask


def test_both_empty_is_exactly_right():
    distances = surface_distances(EMPTY, EMPTY)
    assert len(distances.from_reference) == len(distances.from_prediction) == 0
    assert per_image(EMPTY, EMPTY, 2, (5.0, 5.0)) == {"nsd": 1.0, "hd95": 0.0, "assd": 0.0, "hd95_nm": 0.0, "assd_nm": 0.0}


@pytest.mark.parametrize("masks", [(EMPTY, FULL), (FULL, EMPTY)], ids=["empty reference", "empty prediction"])
def test_one_empty_is_near_nothing_and_at_no_distance(masks):
    scores = per_image(*masks, 1000, (5.0, 5.0))
    assert scores == {"nsd": 0.0, "hd95": None, "assd": None, "hd95_nm": None, "assd_nm": None}


def test_distances_to_an_empty_mask_are_infinite():
    distances = surface_distances(points((1, 1), (1, 2)), points())
    assert distances.from_reference.tolist() == [np.inf, np.inf] and len(distances.from_prediction) == 0


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


def test_objects_that_touch_have_no_border_between_them():
    left, right = np.zeros((4, 6), bool), np.zeros((4, 6), bool)
    left[:, :3] = right[:, 3:] = True
    assert not border(left | right)[1:3, 1:5].any()


def test_distances_run_to_the_border_and_not_to_the_mask():
    square = np.zeros((7, 7), bool)
    square[1:6, 1:6] = True
    distances = surface_distances(square, points((3, 3), shape=(7, 7)))
    assert distances.from_prediction.tolist() == [2.0]  # inside the square, and yet two pixels from its outline
    around = sorted(distances.from_reference)
    assert around == pytest.approx([2.0] * 4 + [5**0.5] * 8 + [8**0.5] * 4)
    assert distances.assd == pytest.approx((2 + 4 * 2 + 8 * 5**0.5 + 4 * 8**0.5) / 17)
    assert distances.nsd(2.1) == 5 / 17


def test_hd95_is_the_larger_directed_percentile_and_not_that_of_both_together():
    reference, prediction = points(*((1, c) for c in range(5))), points(*((1, c) for c in range(4)))
    distances = surface_distances(reference, prediction)
    assert distances.from_reference.tolist() == [0, 0, 0, 0, 1] and distances.from_prediction.tolist() == [0, 0, 0, 0]
    assert distances.hd95 == pytest.approx(0.8)  # at 0.95 · 4 = 3.8 of [0, 0, 0, 0, 1]; of all nine it would be 0.6
    assert distances.assd == 1 / 9  # MASD, the mean of the two means, would be 1 / 10
    assert distances.nsd(0) == 8 / 9 and distances.nsd(1) == 1.0


def test_nanometres_follow_the_pixel_size_and_the_tolerance_stays_in_pixels():
    scores = per_image(points((0, 0)), points((3, 4)), 5, (4.0, 2.5))
    assert scores["nsd"] == 1.0 and scores["hd95"] == 5.0
    assert scores["hd95_nm"] == scores["assd_nm"] == pytest.approx((12**2 + 10**2) ** 0.5)


def test_pixels_that_are_not_square_change_which_is_nearest():
    reference, prediction = points((2, 2)), points((0, 2), (2, 5))
    assert surface_distances(reference, prediction).from_reference.tolist() == [2.0]
    assert surface_distances(reference, prediction, (10.0, 1.0)).from_reference.tolist() == [3.0]


def test_whole_pixels_are_exact_in_nanometres():
    far = surface_distances(points((900, 901), shape=(1024, 1024)), points((902, 901), shape=(1024, 1024)), (4.6, 4.6))
    assert far.hd95 == 9.2 and far.nsd(9.2) == 1.0


masks = arrays(bool, (5, 7))
patient = settings(deadline=None)  # a busy machine is no error


@patient
@given(masks, masks, st.sampled_from(SPACINGS))
def test_order_of_the_masks_does_not_matter(reference, prediction, spacing):
    there, back = surface_distances(reference, prediction, spacing), surface_distances(prediction, reference, spacing)
    assert np.array_equal(there.from_reference, back.from_prediction)
    assert there.hd95 == back.hd95 and there.nsd(1) == back.nsd(1)
    assert there.assd == back.assd or there.assd == pytest.approx(back.assd)


@patient
@given(masks, masks)
def test_background_around_the_image_changes_nothing(reference, prediction):
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
        np.testing.assert_allclose(distances.from_reference, there, rtol=0, atol=1e-9)
        np.testing.assert_allclose(distances.from_prediction, back, rtol=0, atol=1e-9)
        assert distances.hd95 == pytest.approx(max(np.percentile(there, 95), np.percentile(back, 95)), abs=1e-9)
        assert distances.assd == pytest.approx((there.sum() + back.sum()) / (len(there) + len(back)), abs=1e-9)
        near = (there <= 1.7).sum() + (back <= 1.7).sum()  # 1.7 is no distance between pixels: rounding decides nothing
        assert distances.nsd(1.7) == pytest.approx(near / (len(there) + len(back)), abs=1e-12)


def itk(mask, spacing):
    image = sitk.GetImageFromArray(mask.astype(np.uint8))
    image.SetSpacing(spacing[::-1])  # ITK counts columns first
    return image


def test_agrees_with_simpleitk():
    """Borders by erosion with a cross, and Maurer's distance map. (ITK's Hausdorff filters measure to masks, not borders.)

    The map is computed in single precision, so the pixels are of sizes which that holds exactly.
    """
    spacings = [(1.0, 1.0), (4.5, 4.5), (5.0, 1.25), (0.25, 1.0)]
    for (reference, prediction), spacing in zip(random_pairs(240), cycle(spacings), strict=False):
        maps, outlines = [], []
        for mask in (reference, prediction):
            inside = sitk.BinaryErode(itk(mask, spacing), [1, 1], sitk.sitkCross, 0, 1, False)  # False: none beyond the edge
            outlines.append(mask & (sitk.GetArrayFromImage(inside) == 0))
            outward = sitk.SignedMaurerDistanceMap(itk(outlines[-1], spacing), squaredDistance=False, useImageSpacing=True)
            maps.append(np.maximum(sitk.GetArrayFromImage(outward), 0))  # negative inside a border two pixels thick
        distances = surface_distances(reference, prediction, spacing)
        np.testing.assert_allclose(distances.from_reference, maps[1][outlines[0]], rtol=1e-6, atol=1e-6)
        np.testing.assert_allclose(distances.from_prediction, maps[0][outlines[1]], rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize(
    ("arguments", "received"),
    [
        ((EMPTY, np.zeros((4, 3), bool)), r"shape \(H, W\), received \(3, 4\) and \(4, 3\)"),
        ((np.zeros(4, bool), np.zeros(4, bool)), r"received \(4,\) and \(4,\)"),
        ((EMPTY, np.zeros((3, 4))), "boolean masks, received bool and float64"),
        ((FULL, FULL, (1.0, 0.0)), r"pixel, received \(1.0, 0.0\)"),
        ((FULL, FULL, (1.0, 1.0, 1.0)), r"pixel, received \(1.0, 1.0, 1.0\)"),
    ],
)
def test_refuses_what_is_no_pair_of_masks(arguments, received):
    with pytest.raises(ValueError, match=received):
        surface_distances(*arguments)


def test_refuses_a_negative_tolerance():
    with pytest.raises(ValueError, match="tolerance of 0 or more, received -1"):
        per_image(FULL, FULL, -1)
