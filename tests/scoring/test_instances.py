import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis.extra.numpy import arrays
from scipy.ndimage import gaussian_filter

from pipeline.scoring.instances import Matches, ObjectCounts, count_objects, f1_of_image
from pipeline.scoring.objects import find_objects

EMPTY = np.zeros((3, 4), bool)
FULL = np.ones((3, 4), bool)


def drawn(*rows):
    """A mask from text: every character but a dot is foreground."""
    return np.array([[character != "." for character in row] for row in rows])


def counted(reference, prediction):
    return count_objects(find_objects(reference, prediction))


def ratios(matches):
    return [getattr(matches, name) for name in ("precision", "recall", "f1", "sq", "rq", "pq")]


def test_both_empty_is_right_for_an_image_and_undefined_when_pooled():
    counts = counted(EMPTY, EMPTY)
    assert counts == ObjectCounts()
    assert f1_of_image(counts) == 1.0
    pooled = counts + counts
    assert ratios(pooled.at_50) == ratios(pooled.at_75) == [None] * 6
    assert pooled.reference == pooled.predicted == pooled.count_error == 0


def test_empty_reference_with_a_prediction_scores_zero():
    counts = counted(EMPTY, FULL)
    assert ratios(counts.at_50) == [0.0, None, 0.0, None, 0.0, 0.0]
    assert f1_of_image(counts) == counts.at_75.f1 == 0.0
    assert counts.count_error == 1


def test_empty_prediction_scores_zero():
    counts = counted(FULL, EMPTY)
    assert ratios(counts.at_50) == [None, 0.0, 0.0, None, 0.0, 0.0]
    assert f1_of_image(counts) == 0.0
    assert counts.count_error == -1


@pytest.mark.parametrize("mask", [FULL, drawn("....", "..#."), drawn("#..#", "....", "#..#")])
def test_a_mask_agrees_with_itself(mask):
    counts = counted(mask, mask)
    assert ratios(counts.at_50) == ratios(counts.at_75) == [1.0] * 6
    assert counts.splits == counts.merges == counts.count_error == 0


def test_hand_computed():
    reference = drawn("####.##.#", ".........", "#........")
    prediction = drawn("####.#...", ".........", "........#")
    counts = counted(reference, prediction)
    # IoU 1 and 1/2; two reference objects missed, one predicted object out of nowhere
    assert counts == ObjectCounts(Matches(tp=2, fp=1, fn=2, iou_sum=1.5), Matches(tp=1, fp=2, fn=3, iou_sum=1.0))
    assert type(counts.at_50.tp) is type(counts.splits) is int and type(counts.at_50.iou_sum) is float
    assert (counts.reference, counts.predicted, counts.count_error) == (4, 3, -1)
    usual = counts.at_50
    assert (usual.precision, usual.recall, usual.f1, usual.sq) == (2 / 3, 2 / 4, 4 / 7, 1.5 / 2)
    assert f1_of_image(counts) == usual.rq == 4 / 7 and counts.at_75.f1 == 2 / 7
    assert usual.pq == pytest.approx(usual.sq * usual.rq) == 1.5 / (2 + 1 / 2 + 2 / 2)


def test_split_and_merge_are_the_mirror_of_each_other():
    whole, pieces = drawn("#######"), drawn("###.###")
    assert (counted(whole, pieces).splits, counted(whole, pieces).merges) == (1, 0)
    assert (counted(pieces, whole).splits, counted(pieces, whole).merges) == (0, 1)
    assert counted(whole, pieces).at_50 == Matches(tp=0, fp=2, fn=1)  # 3/7 each: a split object can be missed


def test_a_split_object_can_still_match_and_a_speck_splits_nothing():
    whole = drawn("##########")
    assert counted(whole, drawn("#######.##")) == ObjectCounts(Matches(1, 1, 0, 0.7), Matches(0, 2, 1), splits=1)
    assert counted(whole, drawn("########.#")).splits == 0  # an IoU of exactly 0.1 is not above it
    assert counted(whole[:, 1:], drawn("#######.#")).splits == 1  # 1/9 is


def test_pooled_weighs_objects():
    many, few = Matches(tp=9, fp=1, fn=0, iou_sum=8.1), Matches(tp=0, fp=0, fn=1)
    pooled = ObjectCounts(many, many, splits=1) + ObjectCounts(few, few, merges=2)
    assert pooled.at_50.recall == 9 / 10 and pooled.at_50.f1 == 18 / 20
    assert pooled.at_50.pq == pytest.approx(8.1 / 10) and pooled.at_50.sq == pytest.approx(0.9)
    assert pooled.count_error == 0  # one too many, one too few
    assert (pooled.splits, pooled.merges) == (1, 2)


masks = arrays(bool, (6, 9))
patient = settings(deadline=None)  # a busy machine is no error


@patient
@given(masks, masks, masks, masks)
def test_counts_add_up(a, b, c, d):
    gap = np.zeros((6, 1), bool)  # keeps the objects of the two halves apart
    together = counted(np.hstack([a, gap, c]), np.hstack([b, gap, d]))
    apart = counted(a, b) + counted(c, d)
    assert ratios(apart.at_50) == pytest.approx(ratios(together.at_50))
    assert ratios(apart.at_75) == pytest.approx(ratios(together.at_75))
    assert (apart.splits, apart.merges, apart.count_error) == (together.splits, together.merges, together.count_error)


@patient
@given(masks, masks)
def test_exchanging_the_masks_exchanges_the_errors(a, b):
    there, back = counted(a, b), counted(b, a)
    assert (there.at_50.fp, there.at_50.fn) == (back.at_50.fn, back.at_50.fp)
    assert (there.splits, there.merges) == (back.merges, back.splits)
    assert there.at_50.pq == pytest.approx(back.at_50.pq)
    assert there.count_error == -back.count_error


@patient
@given(masks, masks)
def test_agrees_with_brute_force(a, b):
    objects = find_objects(a, b)
    table = np.array(
        [
            [
                ((objects.reference == i) & (objects.prediction == j)).sum()
                / ((objects.reference == i) | (objects.prediction == j)).sum()
                for j in range(1, objects.prediction.max() + 1)
            ]
            for i in range(1, objects.reference.max() + 1)
        ]
    ).reshape(objects.reference.max(), objects.prediction.max())
    counts = count_objects(objects)
    assert (counts.reference, counts.predicted) == table.shape
    assert counts.splits == ((table > 0.1).sum(axis=1) > 1).sum()
    assert counts.merges == ((table > 0.1).sum(axis=0) > 1).sum()
    for matches, threshold in ((counts.at_50, 0.5), (counts.at_75, 0.75)):
        assert matches.tp == (table >= threshold).sum()
        assert matches.iou_sum == pytest.approx(table[table >= threshold].sum())


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
    images = [getattr(counted(*pair), threshold) for pair in random_pairs(240)]
    pooled = sum(images, Matches())
    means = [np.mean([getattr(image, name) or 0 for image in images]) for name in ("rq", "sq", "pq")]
    counts, expected = PANOPTICA[threshold]
    assert (pooled.tp, pooled.fp, pooled.fn) == counts
    assert means == pytest.approx(expected, abs=1e-6)
