"""What is measured of an image with ignored pixels, and means over its classes."""

import numpy as np
import pytest

from pipeline.scoring.classes import against_the_rest, confusion_matrix
from pipeline.tasks.segmentation.evaluation.image import mean_over_classes, score_image

RECORD = {"name": "a", "group": "a", "unit": "a"}


def scored(reference, prediction, counted=True, instances=None):
    """Score two masks as evaluation does; `counted` is False where pixels are ignored."""
    counted = np.broadcast_to(counted, reference.shape)
    pixels = against_the_rest(confusion_matrix(reference[counted], prediction[counted], 2))[1]
    areas = reference & counted, prediction & counted, prediction.astype(np.float32)
    return score_image(RECORD, pixels, *areas, 1.0, None, instances)


def test_ignored_pixels_belong_to_no_count_no_border_and_no_object():
    reference, prediction, counted = np.zeros((3, 8, 8), bool)
    reference[1:3, 1:3] = prediction[1:3, 1:3] = True
    prediction[5:8, 5:8] = True  # wrong, but nobody knows
    counted[...] = True
    counted[5:8, 5:8] = False
    score = scored(reference, prediction, counted)
    assert [score.row[name] for name in ("tp", "fp", "fn", "tn")] == [4, 0, 0, 64 - 9 - 4]
    assert (score.row["dice"], score.row["nsd"], score.row["hd95"]) == (1, 1, 0)
    assert score.row["objects_predicted"] == 1
    assert score.row["reference_fraction"] == pytest.approx(4 / 55)


def test_objects_of_a_label_image_that_touch_are_two():
    """The left one is found; what is predicted beside the right one is ignored."""
    instances = np.zeros((4, 8), np.uint32)
    instances[:, :3], instances[:, 3:6] = 7, 2
    counted = np.arange(8) < np.full((4, 1), 6)
    prediction = (instances == 7) | ~counted
    score = scored(instances > 0, prediction, counted, instances)
    row, table = score.row, score.table
    assert [row[f"objects_{name}"] for name in ("reference", "predicted", "matched", "iou")] == [2, 1, 1, 1]
    assert table["partner"].tolist()[1:] == [1, 2] and table["area"].tolist() == [12, 12, 12]  # numbered in the same order
    assert scored(instances > 0, prediction, counted).row["objects_reference"] == 1


def test_an_image_of_ignored_pixels_alone_has_no_dice():
    empty = np.zeros((4, 4), bool)
    score = scored(empty, empty, counted=False)
    assert [score.row[name] for name in ("tp", "fp", "fn", "tn")] == [0, 0, 0, 0]
    assert mean_over_classes([score, score])["dice"] is None


def test_an_image_is_scored_by_the_classes_that_it_shows():
    there, absent = np.zeros((4, 4), bool), np.zeros((4, 4), bool)
    there[:2] = True
    row = mean_over_classes([scored(there, there), scored(absent, absent), scored(~there, absent)])
    assert row["dice"] == 0.5  # of the first and the last
    assert row["precision"] == 1  # undefined where nothing is predicted
    assert row["hd95"] is None and row["assd"] is None  # of the last; the first alone would be 0
    assert row["nsd"] == 0.5
    assert row["objects_reference"] == 2
    assert row["reference_fraction"] == 1
    assert list(row)[:3] == ["image", "group", "unit"]
    assert mean_over_classes([scored(absent, absent)] * 2)["dice"] == 1  # nothing there and nothing found
