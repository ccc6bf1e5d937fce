"""Objects: labels and overlaps, counts and their scores, and the table of detections."""

import numpy as np
import pandas as pd
import pytest
import SimpleITK as sitk  # noqa: N813 (its users know it by no other name)
from hypothesis import given
from hypothesis.extra.numpy import arrays
from pycocotools import mask as coco_mask
from scipy.ndimage import gaussian_filter
from scipy.optimize import linear_sum_assignment
from skimage.measure import regionprops_table
from skimage.metrics import contingency_table

from pipeline.scoring.objects import (
    MATCH,
    average_precision,
    count_objects,
    counts_by_size,
    f1_of_image,
    find_objects,
    label,
    per_object,
    scores,
    total,
)

EMPTY = np.zeros((3, 4), bool)
FULL = np.ones((3, 4), bool)
masks = arrays(bool, (6, 9))
labels = arrays(np.uint8, (4, 6), elements={"max_value": 3})


def drawn(*rows):
    """A mask from text: every character but a dot is foreground."""
    return np.array([[character != "." for character in row] for row in rows])


def listed(reference, prediction, probability=None):
    return per_object(find_objects(reference, prediction), prediction.astype(float) if probability is None else probability)


def ranked(*detections, missed=0):
    """A table of detections (confidence, whether matched), and of reference objects, some of them missed."""
    positives = sum(matched for _, matched in detections) + missed
    table = pd.DataFrame({"kind": ["reference"] * positives + ["prediction"] * len(detections)})
    table["partner"] = pd.Series([pd.NA] * positives + [1 if matched else pd.NA for _, matched in detections], dtype="Int64")
    table["confidence"] = [np.nan] * positives + [confidence for confidence, _ in detections]
    return table


def numbered(*rows):
    """A label image from text: a digit is the number of an object, a dot is background."""
    return np.array([[int(character.replace(".", "0")) for character in row] for row in rows])


def counted(reference, prediction):
    return count_objects(find_objects(reference, prediction))


def ratios(matches):
    return [scores(matches)[name] for name in ("precision", "recall", "f1", "sq", "rq", "pq")]


def plain(counts):
    """Arrays as lists, which compare."""
    return {name: np.asarray(value).tolist() for name, value in counts.items()}


def test_a_shared_corner_connects_and_opposite_edges_of_the_image_do_not():
    assert label(drawn("#...", ".#..", "..#.")).max() == 1
    assert label(drawn("#..#", "#..#", "#..#")).max() == 2


def test_objects_that_touch_are_one():
    objects = find_objects(drawn("##.##"), drawn("#####"))
    assert objects.reference_area.tolist() == [2, 2] and objects.prediction_area.tolist() == [5]
    assert objects.pairs.tolist() == [[1, 1], [2, 1]] and objects.iou.tolist() == [2 / 5, 2 / 5]


def test_hand_computed_overlaps():
    reference = drawn("###..##", ".......", "#......")
    prediction = drawn("##..###", ".......", "......#")
    objects = find_objects(reference, prediction)
    assert objects.reference_area.tolist() == [3, 2, 1] and objects.prediction_area.tolist() == [2, 3, 1]
    assert objects.pairs.tolist() == [[1, 1], [2, 2]]
    assert objects.iou.tolist() == [2 / 3, 2 / 3]


def test_labels_and_overlaps_agree_with_simpleitk_and_coco():
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
            runs.append(coco_mask.encode(np.asfortranarray(stack, np.uint8)))
        table = np.zeros((len(objects.reference_area), len(objects.prediction_area)))
        table[tuple(objects.pairs.T - 1)] = objects.iou
        expected = coco_mask.iou(runs[1], runs[0], [0] * len(runs[0]))
        np.testing.assert_allclose(table, np.reshape(expected, table.T.shape).T, rtol=0, atol=1e-12)


@pytest.mark.parametrize("mask", [FULL.astype(np.uint8), FULL.astype(float), FULL[None, None], FULL[0]])
def test_raises_for_anything_but_a_mask(mask):
    with pytest.raises(ValueError, match=r"expected a boolean mask of shape .*, received (uint8|float|bool)"):
        label(mask)


def test_both_empty_is_right_for_an_image_and_undefined_when_pooled():
    counts = counted(EMPTY, EMPTY)
    assert plain(counts) == {"at_50": [0] * 4, "at_75": [0] * 4, "splits": 0, "merges": 0}
    assert f1_of_image(counts["at_50"]) == 1.0
    pooled = total([counts, counts])
    assert plain(pooled) == plain(counts)
    assert ratios(pooled["at_50"]) == ratios(pooled["at_75"]) == [None] * 6
    table = listed(EMPTY, EMPTY)
    assert list(table) == ["kind", "label", "area", "row", "column", "partner", "iou", "confidence"] and table.empty
    assert average_precision(table) is None


def test_empty_reference_with_a_prediction_scores_zero():
    counts = counted(EMPTY, FULL)
    assert counts["at_50"].tolist() == [0, 1, 0, 0]
    assert ratios(counts["at_50"]) == [0.0, None, 0.0, None, 0.0, 0.0]
    assert f1_of_image(counts["at_50"]) == scores(counts["at_75"])["f1"] == 0.0
    assert average_precision(listed(EMPTY, FULL)) is None


def test_empty_prediction_scores_zero():
    counts = counted(FULL, EMPTY)
    assert counts["at_50"].tolist() == [0, 0, 1, 0]
    assert ratios(counts["at_50"]) == [None, 0.0, 0.0, None, 0.0, 0.0]
    assert f1_of_image(counts["at_50"]) == 0.0
    assert average_precision(listed(FULL, EMPTY)) == 0.0


@pytest.mark.parametrize("mask", [FULL, drawn("....", "..#."), drawn("#..#", "....", "#..#")])
def test_a_mask_agrees_with_itself(mask):
    counts = counted(mask, mask)
    assert ratios(counts["at_50"]) == ratios(counts["at_75"]) == [1.0] * 6
    assert counts["splits"] == counts["merges"] == 0
    assert average_precision(listed(mask, mask)) == 1.0


def test_hand_computed_counts():
    reference = drawn("####.##.#", ".........", "#........")
    prediction = drawn("####.#...", ".........", "........#")
    counts = counted(reference, prediction)
    # IoU 1 and 1/2; two reference objects missed, one predicted object out of nowhere
    assert plain(counts) == {"at_50": [2, 1, 2, 1.5], "at_75": [1, 2, 3, 1], "splits": 0, "merges": 0}
    assert type(counts["splits"]) is int and counts["at_50"].dtype == np.float64
    precision, recall, f1, sq, rq, pq = ratios(counts["at_50"])
    assert (precision, recall, f1, sq) == (2 / 3, 2 / 4, 4 / 7, 1.5 / 2)
    assert f1_of_image(counts["at_50"]) == rq == 4 / 7 and scores(counts["at_75"])["f1"] == 2 / 7
    assert pq == pytest.approx(sq * rq) == 1.5 / (2 + 1 / 2 + 2 / 2)


def test_a_merge_is_a_split_with_the_masks_exchanged():
    whole, pieces = drawn("#######"), drawn("###.###")
    split, merge = plain(counted(whole, pieces)), plain(counted(pieces, whole))
    assert (split["splits"], split["merges"]) == (merge["merges"], merge["splits"]) == (1, 0)
    assert split["at_50"] == [0, 2, 1, 0]  # 3/7 each: a split object can be missed


def test_a_split_object_can_still_match_and_a_speck_is_no_split():
    whole = drawn("##########")
    split = plain(counted(whole, drawn("#######.##")))
    assert split == {"at_50": [1, 1, 0, 0.7], "at_75": [0, 2, 1, 0], "splits": 1, "merges": 0}
    assert counted(whole, drawn("########.#"))["splits"] == 0  # an IoU of exactly 0.1 is not above it
    assert counted(whole[:, 1:], drawn("#######.#"))["splits"] == 1  # 1/9 is


def test_an_iou_of_exactly_one_half_matches():
    assert counted(drawn("####"), drawn("##.."))["at_50"].tolist() == [1, 0, 0, 0.5]


def test_touching_objects_of_a_label_image_are_two():
    """Two cells, the left one found exactly, two of the right one's four pixels; as masks they are one object, with IoU 3/4."""
    reference, prediction = numbered("1122", "1122"), numbered("7790", "7790")
    assert plain(counted(reference, prediction)) == {"at_50": [2, 0, 0, 1.5], "at_75": [1, 1, 1, 1], "splits": 0, "merges": 0}
    merged = plain(counted(reference, prediction > 0))  # as one object: 4/6 with the left cell, 2/8 with the right one
    assert merged == {"at_50": [1, 0, 1, 4 / 6], "at_75": [0, 1, 2, 0], "splits": 0, "merges": 1}
    assert plain(counted(reference > 0, prediction > 0))["at_50"] == [1, 0, 0, 3 / 4]


def test_the_pixels_of_a_label_need_not_be_connected():
    objects = find_objects(numbered("5.5.3"), drawn("#####"))
    assert objects.reference.tolist() == [[2, 0, 2, 0, 1]] and objects.reference_area.tolist() == [1, 2]
    assert counted(numbered("5.5.3"), numbered("8.8.."))["at_50"].tolist() == [1, 0, 1, 1]


def test_label_images_of_any_integer_type_and_of_no_object():
    for kind in (np.uint8, np.int16, np.uint32, np.int64):
        assert counted(numbered("11.9").astype(kind), numbered("11..").astype(kind))["at_50"].tolist() == [1, 0, 1, 1]
    assert counted(numbered("...."), numbered("...."))["at_50"].tolist() == [0] * 4
    with pytest.raises(ValueError, match="expected a boolean mask"):
        find_objects(np.zeros((2, 2)), np.zeros((2, 2), int))
    with pytest.raises(ValueError, match="expected the same shape"):
        find_objects(np.zeros((1, 2), int), np.zeros((2, 2), int))


@pytest.mark.parametrize(("reference", "prediction"), [("1111", "2233"), ("2233", "1111")])
def test_of_two_halves_of_an_object_the_first_matches(reference, prediction):
    """Both halves have an IoU of exactly 0.5, which only touching objects of a label image can."""
    reference, prediction = numbered(reference), numbered(prediction)
    counts = counted(reference, prediction)
    tp, fp, fn, iou = counts["at_50"]
    assert (tp, fp + fn, iou) == (1, 1, 0.5) and counts["splits"] + counts["merges"] == 1
    table = listed(reference, prediction)
    assert sorted(table["partner"].dropna()) == [1, 1]


@given(labels, labels)
def test_no_object_of_a_label_image_has_two_partners(reference, prediction):
    table, counts = listed(reference, prediction), counted(reference, prediction)
    for kind, number in (("reference", prediction), ("prediction", reference)):
        partners = table.loc[table["kind"] == kind, "partner"].dropna()
        assert partners.is_unique and len(partners) == counts["at_50"][0]
        assert len(table[table["kind"] != kind]) == len(np.setdiff1d(number, 0))
    assert counts["at_50"].tolist() == pytest.approx(assigned(reference, prediction))


def assigned(reference, prediction):
    """The counts (tp, fp, fn, sum of IoU) by other means: overlaps of scikit-image, the best assignment of SciPy."""
    shared = contingency_table(reference, prediction).toarray()
    areas = shared.sum(axis=1, keepdims=True), shared.sum(axis=0, keepdims=True)
    iou = np.divide(shared, areas[0] + areas[1] - shared, out=np.zeros(shared.shape), where=shared > 0)[1:, 1:]
    iou = np.where(iou >= MATCH, iou, 0)
    pairs = linear_sum_assignment(iou, maximize=True)
    tp = np.count_nonzero(iou[pairs])
    return [tp, np.count_nonzero(areas[1][0, 1:]) - tp, np.count_nonzero(areas[0][1:]) - tp, iou[pairs].sum()]


def touching_discs(rng, shape=(96, 96), count=12, radius=11):
    """A label image of discs, most of which touch; a pixel belongs to the nearest centre."""
    rows, columns = np.indices(shape)
    centres = rng.uniform(0, shape, (count, 2))
    distances = np.hypot(rows - centres[:, :1, None], columns - centres[:, 1:, None])
    numbers = rng.permutation(np.arange(1, 4 * count, 4)).astype(np.uint16)  # label images have gaps
    return np.where(distances.min(axis=0) < radius, numbers[distances.argmin(axis=0)], 0)


def test_panoptic_quality_of_200_label_images_agrees_with_scikit_image_and_scipy():
    rng, ours, theirs = np.random.default_rng(5), [], []
    for turn in range(200):
        reference = touching_discs(rng)
        prediction = np.roll(reference, rng.integers(-4, 5, 2), (0, 1)) if turn % 2 else touching_discs(rng, radius=13)
        prediction = np.where(rng.random(reference.max() + 46)[prediction] < 0.1, 0, prediction)  # some are missed
        ours.append(counted(reference, prediction)["at_50"])
        theirs.append(assigned(reference, prediction))
    np.testing.assert_allclose(ours, theirs, rtol=0, atol=1e-9)
    tp, fp, fn, iou = np.sum(theirs, axis=0)
    assert tp > 500 and scores(sum(ours))["pq"] == pytest.approx(iou / (tp + fp / 2 + fn / 2), abs=1e-12)


def test_panoptic_quality_of_touching_discs_is_exact():
    """1 if all discs are there; (n - k) / (n - k / 2) if k of n are not, and nothing else."""
    rng = np.random.default_rng(6)
    for dropped in (0, 1, 3):
        for _ in range(20):
            reference = touching_discs(rng)
            numbers = np.setdiff1d(reference, 0)
            prediction = np.where(np.isin(reference, rng.choice(numbers, dropped, replace=False)), 0, reference)
            left = len(numbers) - dropped
            counts = counted(reference, prediction)["at_50"]
            assert counts.tolist() == [left, 0, dropped, left]
            assert scores(counts)["pq"] == left / (left + dropped / 2)


def test_pooled_weighs_objects():
    many, few = np.array([9, 1, 0, 8.1]), np.array([0, 0, 1, 0.0])
    pooled = total([{"at_50": many, "splits": 1, "merges": 0}, {"at_50": few, "splits": 0, "merges": 2}])
    assert pooled["at_50"].tolist() == [9, 1, 1, 8.1]
    _, recall, f1, sq, _, pq = ratios(pooled["at_50"])
    assert recall == 9 / 10 and f1 == 18 / 20
    assert pq == pytest.approx(8.1 / 10) and sq == pytest.approx(0.9)
    assert (pooled["splits"], pooled["merges"]) == (1, 2)


def random_pairs(number, shape=(64, 72)):
    """Pairs of masks: blobs and the same with a wavy outline, blobs and moved blobs with noise, pixel noise."""
    rng = np.random.default_rng(11)
    for turn in range(number):
        field = gaussian_filter(rng.random(shape), rng.uniform(1, 3), mode="wrap")
        blobs = field > np.quantile(field, rng.uniform(0.5, 0.95))
        if turn % 3 == 0:
            wavy = field + rng.uniform(0, 0.3) * gaussian_filter(rng.random(shape), 2, mode="wrap")
            yield blobs, wavy > np.quantile(wavy, 1 - blobs.mean())
        elif turn % 3 == 1:
            yield blobs, np.roll(blobs, rng.integers(-2, 3, 2), (0, 1)) ^ (rng.random(shape) < 0.02)
        else:
            noise = rng.random(shape) < rng.uniform(0.01, 0.05)
            yield noise, noise ^ (rng.random(shape) < rng.uniform(0, 0.02))


# What panoptica 2.1.7 finds in the 240 pairs, given the same 8-connected labels (its own, in 2-D, are 4-connected): tp, fp
# and fn of all pairs together, and the mean over the pairs of rq, sq and pq. NaiveThresholdMatching and MaxBipartiteMatching
# agree, and so did every pair by itself. It asks for NumPy < 2.3 and pandas < 3, so it cannot be installed beside this
# project, and its figures stand here in its place. Without a match it calls SQ 0, where ours is None.
PANOPTICA = {
    "at_50": ((11512, 8305, 2082), (0.6052567052476578, 0.7990813931114128, 0.536469231400228)),
    "at_75": ((9983, 9834, 3611), (0.4826742404976211, 0.7336195660461352, 0.46283836407728324)),
}


@pytest.mark.parametrize("threshold", PANOPTICA)
def test_agrees_with_panoptica(threshold):
    images = [counted(*pair)[threshold] for pair in random_pairs(240)]
    means = [np.mean([scores(image)[name] or 0 for image in images]) for name in ("rq", "sq", "pq")]
    counts, expected = PANOPTICA[threshold]
    assert tuple(sum(images)[:3]) == counts
    assert means == pytest.approx(expected, abs=1e-6)


def test_hand_computed_table():
    reference = drawn("##....#", "##....#", ".......")
    prediction = drawn("##..#.#", "#......", ".......")
    probability = np.where(prediction, np.array([[0.9], [0.6], [0.0]]), 0.3)
    table = listed(reference, prediction, probability)
    assert table["kind"].tolist() == ["reference"] * 2 + ["prediction"] * 3
    assert table["label"].tolist() == [1, 2, 1, 2, 3]
    assert table["area"].tolist() == [4, 2, 3, 1, 1]
    assert table["row"].tolist() == pytest.approx([0.5, 0.5, 1 / 3, 0, 0])
    assert table["column"].tolist() == pytest.approx([0.5, 6, 1 / 3, 4, 6])
    assert table["partner"].tolist() == [1, 3, 1, pd.NA, 2]
    assert table["iou"].tolist() == pytest.approx([3 / 4, 1 / 2, 3 / 4, np.nan, 1 / 2], nan_ok=True)
    assert table["confidence"].tolist() == pytest.approx([np.nan, np.nan, 0.8, 0.9, 0.9], nan_ok=True)
    # At 0.9 one of two is right and half of the objects are found; at 0.8 two of three, and all.
    assert average_precision(table) == pytest.approx(0.5 * 1 / 2 + 0.5 * 2 / 3)


def test_missing_values_are_empty_cells():
    table = per_object(find_objects(drawn("##.."), drawn("...#")))
    assert table.to_csv(index=False).splitlines()[1:] == ["reference,1,2,0.0,0.5,,,", "prediction,1,1,0.0,3.0,,,"]


def test_average_precision_by_hand():
    assert average_precision(ranked((0.9, True), (0.8, True))) == 1.0
    assert average_precision(ranked((0.9, True), (0.8, True), missed=2)) == 0.5
    assert average_precision(ranked((0.9, False), (0.8, True))) == 0.5
    assert average_precision(ranked((0.9, False), missed=3)) == 0.0
    assert average_precision(ranked((0.9, True), (0.8, False), (0.7, True), missed=1)) == pytest.approx((1 + 2 / 3) / 3)


def test_equal_confidences_enter_together_whatever_their_order():
    one, other = ranked((0.9, True), (0.9, False)), ranked((0.9, False), (0.9, True))
    assert average_precision(one) == average_precision(other) == 0.5


@given(masks, masks, arrays(float, (6, 9), elements={"min_value": 0, "max_value": 1}))
def test_agrees_with_scikit_image_and_the_counts(reference, prediction, probability):
    objects = find_objects(reference, prediction)
    table, counts = per_object(objects, probability), count_objects(objects)
    assert len(table) == 2 * counts["at_50"][0] + sum(counts["at_50"][1:3])
    for kind, labels in (("reference", objects.reference), ("prediction", objects.prediction)):
        ours = table[table["kind"] == kind]
        theirs = regionprops_table(labels, probability, ["label", "area", "centroid", "mean_intensity"])
        for column, name in zip(("label", "area", "row", "column"), ("label", "area", "centroid-0", "centroid-1"), strict=True):
            np.testing.assert_allclose(ours[column], theirs[name], rtol=0, atol=1e-9)
        if kind == "prediction":
            np.testing.assert_allclose(ours["confidence"], theirs["mean_intensity"], rtol=0, atol=1e-9)
        assert ours["partner"].notna().sum() == counts["at_50"][0]
        assert ours["iou"].sum() == pytest.approx(counts["at_50"][3])


@given(masks, masks)
def test_counts_by_size_are_those_without_the_smaller_objects(reference, prediction):
    sizes = np.array([1, 2, 3, 5, 100])
    found = counts_by_size(find_objects(reference, prediction), sizes)
    labels = label(prediction)
    area = np.bincount(labels.ravel())
    for size, counts in zip(sizes, found, strict=True):
        kept = np.where(area[labels] >= size, labels, 0)
        np.testing.assert_allclose(counts, count_objects(find_objects(label(reference), kept))["at_50"])
