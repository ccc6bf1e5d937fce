import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis.extra.numpy import arrays
from pycocotools import mask as coco_mask
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval
from scipy.ndimage import gaussian_filter
from skimage.measure import regionprops_table
from sklearn.metrics import average_precision_score

from pipeline.scoring.detections import average_precision, per_object
from pipeline.scoring.instances import count_objects
from pipeline.scoring.objects import find_objects

EMPTY = np.zeros((3, 4), bool)
FULL = np.ones((3, 4), bool)
COLUMNS = ["kind", "label", "area", "row", "column", "partner", "iou", "confidence"]


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


def test_both_empty_has_no_rows_and_no_average_precision():
    table = listed(EMPTY, EMPTY)
    assert list(table) == COLUMNS and len(table) == 0
    assert average_precision(table) is None


def test_empty_reference_leaves_average_precision_undefined():
    table = listed(EMPTY, FULL)
    assert table["kind"].tolist() == ["prediction"] and table["partner"].isna().all() and table["iou"].isna().all()
    assert average_precision(table) is None


def test_empty_prediction_has_average_precision_zero():
    table = listed(FULL, EMPTY)
    assert table["kind"].tolist() == ["reference"] and table["confidence"].isna().all()
    assert average_precision(table) == 0.0


@pytest.mark.parametrize("mask", [FULL, drawn("....", "..#.")], ids=["all foreground", "one pixel"])
def test_a_mask_agrees_with_itself(mask):
    table = listed(mask, mask)
    assert table["partner"].tolist() == [1, 1] and table["iou"].tolist() == [1.0, 1.0]
    assert average_precision(table) == 1.0


def test_hand_computed():
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


def test_what_is_missing_is_an_empty_cell():
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


def test_a_table_read_from_a_file_gives_the_same(tmp_path):
    table = listed(drawn("##..##"), drawn("###..."))
    table.to_csv(tmp_path / "per_object.csv", index=False)
    assert average_precision(pd.read_csv(tmp_path / "per_object.csv")) == average_precision(table) == 0.5


masks = arrays(bool, (6, 9))
patient = settings(deadline=None)  # a busy machine is no error


@patient
@given(masks, masks, arrays(float, (6, 9), elements={"min_value": 0, "max_value": 1}))
def test_agrees_with_scikit_image_and_the_counts(reference, prediction, probability):
    objects = find_objects(reference, prediction)
    table, counts = per_object(objects, probability), count_objects(objects)
    assert len(table) == counts.reference + counts.predicted
    for kind, labels in (("reference", objects.reference), ("prediction", objects.prediction)):
        ours = table[table["kind"] == kind]
        theirs = regionprops_table(labels, probability, ["label", "area", "centroid", "mean_intensity"])
        for column, name in zip(("label", "area", "row", "column"), ("label", "area", "centroid-0", "centroid-1"), strict=True):
            np.testing.assert_allclose(ours[column], theirs[name], rtol=0, atol=1e-9)
        if kind == "prediction":
            np.testing.assert_allclose(ours["confidence"], theirs["mean_intensity"], rtol=0, atol=1e-9)
        assert ours["partner"].notna().sum() == counts.at_50.tp
        assert ours["iou"].sum() == pytest.approx(counts.at_50.iou_sum)


def coco_of(images, kind):
    """The objects of one kind as a COCO data set, in memory."""
    entries = []
    for number, (labels, scores) in enumerate(images, 1):
        for one, score in enumerate(scores, 1):
            runs = coco_mask.encode(np.asfortranarray(labels == one, np.uint8))
            entry = {"id": len(entries) + 1, "image_id": number, "category_id": 1, "iscrowd": 0, "score": score}
            entries.append(entry | {"segmentation": runs, "area": float((labels == one).sum())})
    data = COCO()
    height, width = images[0][0].shape
    data.dataset = {
        "images": [{"id": number, "height": height, "width": width} for number in range(1, len(images) + 1)],
        "categories": [{"id": 1}],
        "annotations": entries,
    }
    data.createIndex()
    return data


def test_agrees_with_coco():
    """COCO matches greedily by confidence; from an IoU of 0.5 upwards no match has a rival, so ours is the same one.

    The area under its matches is scikit-learn's, times the recall that is reached (scikit-learn knows of no missed object).
    COCO's own figure is interpolated at 101 recalls: so done, our table gives it too.
    """
    rng = np.random.default_rng(5)
    tables, truth, found, counts = [], [], [], []
    for turn in range(210):
        field = gaussian_filter(rng.random((56, 60)), rng.uniform(0.8, 2.5), mode="wrap")
        field /= field.std()
        noisy = field + rng.uniform(0, 1) * rng.standard_normal(field.shape)
        reference, probability = field > np.quantile(field, rng.uniform(0.7, 0.95)), 1 / (1 + np.exp(noisy.mean() + 1 - noisy))
        prediction = probability > rng.uniform(0.4, 0.8) if turn % 20 else np.zeros_like(reference)
        objects = find_objects(reference, prediction)
        tables.append(per_object(objects, probability))
        counts.append(count_objects(objects))
        confidence = tables[-1].loc[tables[-1]["kind"] == "prediction", "confidence"].tolist()
        truth.append((objects.reference, [1.0] * len(objects.reference_area)))
        found.append((objects.prediction, confidence))

    evaluation = COCOeval(coco_of(truth, "reference"), coco_of(found, "prediction"), "segm")
    evaluation.params.iouThrs, evaluation.params.maxDets = np.array([0.5, 0.75]), [10_000]
    evaluation.params.areaRng, evaluation.params.areaRngLbl = [[0, 1e9]], ["all"]
    evaluation.evaluate()
    evaluation.accumulate()
    theirs = [image for image in evaluation.evalImgs if image is not None]
    hits = [(np.asarray(image["dtMatches"]) > 0).sum(axis=1).tolist() if image else [0, 0] for image in evaluation.evalImgs]
    assert hits == [[image.at_50.tp, image.at_75.tp] for image in counts]

    flags = np.concatenate([image["dtMatches"][0] > 0 for image in theirs])
    scores = np.concatenate([image["dtScores"] for image in theirs])
    positives = sum(image.reference for image in counts)
    table = pd.concat(tables)
    expected = average_precision_score(flags, scores) * flags.sum() / positives
    assert average_precision(table) == pytest.approx(expected, abs=1e-9)

    predictions = table[table["kind"] == "prediction"].sort_values("confidence", ascending=False)
    tp = predictions["partner"].notna().cumsum().to_numpy()
    best_beyond = np.maximum.accumulate((tp / np.arange(1, len(tp) + 1))[::-1])[::-1]
    first = np.searchsorted(tp / positives, evaluation.params.recThrs)
    interpolated = np.append(best_beyond, 0)[first].mean()
    assert interpolated == pytest.approx(evaluation.eval["precision"][0].mean(), abs=1e-6)
    assert interpolated != pytest.approx(expected, abs=1e-3)


def test_refuses_probabilities_of_another_shape():
    with pytest.raises(ValueError, match=r"probabilities of shape \(3, 4\), received \(4, 3\)"):
        per_object(find_objects(FULL, FULL), np.ones((4, 3)))


def test_refuses_detections_without_confidence():
    with pytest.raises(ValueError, match="confidence for every predicted object"):
        average_precision(per_object(find_objects(FULL, FULL)))
