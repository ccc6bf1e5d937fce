import numpy as np
import pytest
import SimpleITK as sitk  # noqa: N813 (its users know it by no other name)
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from pycocotools import mask as coco
from scipy.ndimage import gaussian_filter
from scipy.optimize import linear_sum_assignment

from pipeline.scoring.objects import Objects, find_objects, label, match

EMPTY = np.zeros((3, 4), bool)
FULL = np.ones((3, 4), bool)


def drawn(*rows):
    """A mask from text: every character but a dot is foreground."""
    return np.array([[character != "." for character in row] for row in rows])


def test_both_empty_hold_no_object():
    objects = find_objects(EMPTY, EMPTY)
    assert len(objects.reference_area) == len(objects.prediction_area) == len(objects.iou) == 0
    assert objects.pairs.shape == (0, 2) and match(objects).shape == (0,)


@pytest.mark.parametrize(("masks", "areas"), [((EMPTY, FULL), ([], [12])), ((FULL, EMPTY), ([12], []))])
def test_one_empty_leaves_objects_without_a_pair(masks, areas):
    objects = find_objects(*masks)
    assert (objects.reference_area.tolist(), objects.prediction_area.tolist()) == areas
    assert len(objects.pairs) == 0 and not match(objects).any()


def test_one_pixel_is_an_object():
    pixel = drawn("....", "..#.")
    objects = find_objects(pixel, pixel)
    assert objects.pairs.tolist() == [[1, 1]] and objects.iou.tolist() == [1.0] and match(objects).all()


def test_all_foreground_is_one_object():
    objects = find_objects(FULL, FULL)
    assert objects.reference_area.tolist() == [12] and objects.iou.tolist() == [1.0]


def test_a_shared_corner_connects_and_opposite_edges_of_the_image_do_not():
    assert label(drawn("#...", ".#..", "..#.")).max() == 1
    assert label(drawn("#..#", "#..#", "#..#")).max() == 2


def test_objects_that_touch_are_one():
    objects = find_objects(drawn("##.##"), drawn("#####"))
    assert objects.reference_area.tolist() == [2, 2] and objects.prediction_area.tolist() == [5]
    assert objects.pairs.tolist() == [[1, 1], [2, 1]] and objects.iou.tolist() == [2 / 5, 2 / 5]


def test_hand_computed():
    reference = drawn("###..##", ".......", "#......")
    prediction = drawn("##..###", ".......", "......#")
    objects = find_objects(reference, prediction)
    assert objects.reference_area.tolist() == [3, 2, 1] and objects.prediction_area.tolist() == [2, 3, 1]
    assert objects.pairs.tolist() == [[1, 1], [2, 2]]
    assert objects.iou.tolist() == [2 / 3, 2 / 3]
    assert match(objects, 2 / 3).tolist() == [True, True] and not match(objects, 0.67).any()


def test_an_iou_equal_to_the_threshold_matches():
    objects = find_objects(drawn("####"), drawn("##.."))
    assert objects.iou.tolist() == [0.5] and match(objects, 0.5).all()


def test_below_a_half_an_object_with_two_candidates_gets_one():
    reference = drawn("####.##", ".......")
    prediction = drawn("##.####", ".......")
    objects = find_objects(reference, prediction)
    assert objects.pairs.tolist() == [[1, 1], [1, 2], [2, 2]]
    assert objects.iou == pytest.approx([2 / 4, 1 / 7, 2 / 4])
    assert match(objects, 0.1).tolist() == [True, False, True]


def test_the_largest_sum_of_iou_wins_and_not_the_largest_iou():
    pairs, iou = np.array([[1, 1], [1, 2], [2, 1]]), np.array([0.4, 0.3, 0.35])
    objects = Objects(None, None, np.ones(2), np.ones(2), pairs, iou)
    assert match(objects, 0.2).tolist() == [False, True, True]  # 0.3 + 0.35; the greedy match takes 0.4, and stops
    assert match(objects, 0.32).tolist() == [True, False, False]


masks = arrays(bool, (6, 9))
patient = settings(deadline=None)  # a busy machine is no error


@patient
@given(masks, masks, st.sampled_from([0.5, 0.75]))
def test_from_a_half_upwards_every_candidate_is_a_match(reference, prediction, threshold):
    objects = find_objects(reference, prediction)
    assert np.array_equal(match(objects, threshold), objects.iou >= threshold)


@patient
@given(masks, masks, st.floats(0.01, 1))
def test_a_match_is_one_to_one_and_optimal(reference, prediction, threshold):
    objects = find_objects(reference, prediction)
    matched = match(objects, threshold)
    for side in objects.pairs[matched].T:
        assert len(set(side)) == len(side)
    table = np.zeros((len(objects.reference_area), len(objects.prediction_area)))
    table[tuple(objects.pairs.T - 1)] = np.where(objects.iou >= threshold, objects.iou, 0)
    assert objects.iou[matched].sum() == pytest.approx(table[linear_sum_assignment(table, maximize=True)].sum())


@patient
@given(masks, masks)
def test_order_of_the_masks_does_not_matter(reference, prediction):
    there, back = find_objects(reference, prediction), find_objects(prediction, reference)
    assert {(a, b): v for (a, b), v in zip(there.pairs.tolist(), there.iou, strict=True)} == {
        (b, a): v for (a, b), v in zip(back.pairs.tolist(), back.iou, strict=True)
    }


def test_agrees_with_coco_and_simpleitk():
    """Labels by ITK, which numbers components in the same order; IoU of every pair by COCO's run-length code."""
    rng = np.random.default_rng(3)
    for turn in range(220):
        fields = [gaussian_filter(rng.random((48, 56)), rng.choice([0, 1, 2, 3])) for _ in range(2)]
        reference, prediction = (field > np.quantile(field, rng.uniform(0.4, 0.97)) for field in fields)
        if turn % 2:
            prediction = reference ^ (rng.random(reference.shape) < rng.uniform(0, 0.1))
        objects = find_objects(reference, prediction)
        runs = []
        for mask, ours in ((reference, objects.reference), (prediction, objects.prediction)):
            theirs = sitk.ConnectedComponent(sitk.GetImageFromArray(mask.astype(np.uint8)), True)  # True: by corners too
            assert np.array_equal(sitk.GetArrayFromImage(theirs), ours)
            stack = ours[..., None] == np.arange(1, ours.max() + 1)
            runs.append(coco.encode(np.asfortranarray(stack, np.uint8)))
        table = np.zeros((len(objects.reference_area), len(objects.prediction_area)))
        table[tuple(objects.pairs.T - 1)] = objects.iou
        expected = coco.iou(runs[1], runs[0], [0] * len(runs[0]))
        np.testing.assert_allclose(table, np.reshape(expected, table.T.shape).T, rtol=0, atol=1e-12)


@pytest.mark.parametrize("mask", [FULL.astype(np.uint8), FULL.astype(float), FULL[None], FULL[0]])
def test_refuses_what_is_no_mask(mask):
    with pytest.raises(ValueError, match=r"expected a boolean mask of shape \(H, W\), received (uint8|float64|bool) of"):
        label(mask)


def test_refuses_masks_of_two_shapes():
    with pytest.raises(ValueError, match=r"received \(3, 4\) and \(4, 3\)"):
        find_objects(FULL, FULL.T)


@pytest.mark.parametrize("threshold", [0, -0.5, 1.01])
def test_refuses_a_threshold_that_is_no_iou(threshold):
    with pytest.raises(ValueError, match=f"at most 1, received {threshold}"):
        match(find_objects(FULL, FULL), threshold)
