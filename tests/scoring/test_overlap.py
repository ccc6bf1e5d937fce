import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis.extra.numpy import arrays
from sklearn import metrics

from pipeline.scoring.overlap import confusion_counts, per_image, scores, summarise, trivial

EMPTY = np.zeros((3, 4), bool)
FULL = np.ones((3, 4), bool)


def test_both_empty_is_right_for_an_image_and_undefined_when_pooled():
    counts = confusion_counts(EMPTY, EMPTY)
    assert counts.tolist() == [0, 0, 0, 12]
    assert scores(counts)["iou"] is scores(counts)["dice"] is scores(counts)["mean_iou"] is None
    assert per_image(counts)["dice"] == per_image(counts)["iou"] == 1.0
    assert per_image(counts)["precision"] is None and per_image(counts)["recall"] is None
    pooled = summarise([counts, counts])
    assert pooled["iou"] is None and pooled["dice"] is None and pooled["recall"] is None
    assert pooled["accuracy"] == pooled["iou_background"] == pooled["dice_per_image"] == 1.0


def test_empty_reference_with_a_prediction_scores_zero():
    image = per_image(confusion_counts(EMPTY, FULL))
    assert image["dice"] == image["iou"] == image["precision"] == 0.0
    assert image["recall"] is None


def test_empty_prediction_scores_zero():
    image = per_image(confusion_counts(FULL, EMPTY))
    assert image["dice"] == image["iou"] == image["recall"] == 0.0
    assert image["precision"] is None


def test_no_images_leave_everything_undefined():
    assert set(summarise([]).values()) == {None}


def test_hand_computed():
    reference = np.array([[1, 1, 1, 0], [0, 0, 0, 0]], bool)
    prediction = np.array([[1, 1, 0, 1], [0, 0, 0, 0]], bool)
    counts = confusion_counts(reference, prediction)
    assert counts.tolist() == [2, 1, 1, 4] and counts.dtype == np.int64  # tp, fp, fn, tn
    expected = {"iou": 2 / 4, "dice": 4 / 6, "mean_iou": (1 / 2 + 2 / 3) / 2, "iou_background": 4 / 6, "accuracy": 6 / 8}
    assert scores(counts) == pytest.approx(expected | {"precision": 2 / 3, "recall": 2 / 3}, abs=1e-15)
    assert per_image(counts)["reference_fraction"] == per_image(counts)["predicted_fraction"] == 3 / 8


def test_pooled_weighs_pixels_and_per_image_weighs_images():
    summary = summarise([(90, 0, 10, 0), (0, 0, 10, 90)])
    assert summary["dice"] == 180 / 200
    assert summary["dice_per_image"] == pytest.approx((180 / 190 + 0) / 2)


def test_counts_of_a_volume_are_exact_beyond_float32():
    """As large as the Lucchi volume, one section in memory at a time."""
    sections, height, width = 165, 768, 1024
    reference, prediction = np.zeros((2, height, width), bool)
    reference[:, :200] = True
    prediction[:, 10:200] = True  # ten columns missed
    odd = prediction.copy()
    odd[0, 0] = True  # one of their pixels is found, so the sum is odd
    counts = [confusion_counts(reference, odd if z == 0 else prediction) for z in range(sections)]
    tp, fn = sections * height * 190 + 1, sections * height * 10 - 1
    assert int(np.float32(tp)) != tp > 2**24
    assert sum(counts).tolist() == [tp, 0, fn, sections * height * 824]
    summary = summarise(counts)
    assert summary["dice"] == 2 * tp / (2 * tp + fn) and summary["iou"] == summary["recall"] == tp / (tp + fn)
    first, ordinary = 2 * 145921 / (2 * 145921 + 7679), 2 * 190 / (2 * 190 + 10)
    assert summary["dice_per_image"] == pytest.approx((first + 164 * ordinary) / 165, abs=1e-12)


masks = arrays(bool, (5, 7))


@settings(deadline=None)  # the machine may be busy
@given(masks, masks)
def test_agrees_with_scikit_learn(reference, prediction):
    counts = confusion_counts(reference, prediction)
    r, p = reference.ravel(), prediction.ravel()
    second = {
        "iou": metrics.jaccard_score(r, p) if (r | p).any() else None,
        "dice": metrics.f1_score(r, p) if (r | p).any() else None,
        "precision": metrics.precision_score(r, p) if p.any() else None,
        "recall": metrics.recall_score(r, p) if r.any() else None,
        "accuracy": metrics.accuracy_score(r, p),
        "iou_background": metrics.jaccard_score(~r, ~p) if not (r & p).all() else None,
    }
    for name, expected in second.items():
        ours = scores(counts)[name]
        assert ours is None if expected is None else ours == pytest.approx(expected, abs=1e-12), name


def test_trivial_predictor_is_all_foreground():
    assert trivial([20, 5, 10, 65]) == {"iou": 0.3, "dice": 60 / 130}  # 30 of 100 pixels are foreground
    assert trivial([0, 1, 0, 9]) == {"iou": None, "dice": None}


@pytest.mark.parametrize(
    ("prediction", "received"),
    [(EMPTY.T, r"same shape, received \(3, 4\) and \(4, 3\)"), (np.zeros((3, 4)), "boolean masks, received bool and float64")],
)
def test_raises_if_masks_do_not_match(prediction, received):
    with pytest.raises(ValueError, match=received):
        confusion_counts(EMPTY, prediction)
