import pytest

from pipeline.errors import UserError
from pipeline.reporting.comparison import differences, verdict
from pipeline.reporting.results import read_results


def test_differences_are_those_of_the_pooled_counts(workspace):
    found = differences(read_results()[0], seed=0)
    # tp, fp, fn of the six images together: 200, 50, 70 and 235, 25, 35
    assert found["dice"].difference == pytest.approx(470 / 530 - 400 / 520)
    assert found["iou"].difference == pytest.approx(235 / 295 - 200 / 320)
    assert found["dice_per_image"].difference == pytest.approx((5 * 0.9 + 2 / 3) / 6 - 5 * 0.8 / 6)
    assert found["nsd"].difference == 0 and found["object_f1"].difference == 0
    assert found["dice"].units == 5
    low, high = found["dice"].interval
    assert low < found["dice"].difference < high


def test_objects_are_pooled(workspace):
    path = workspace / "reports/polyps/attn_resunet/per_image.csv"
    path.write_text(path.read_text().replace(",2,2,1,0.8,0.5,", ",2,4,2,1.5,0.6666667,"))
    found = differences(read_results()[1], seed=0)
    # Of each of six images: 1 match of IoU 0.8 among 2 + 2 objects, and 2 matches of 1.5 together among 2 + 4
    assert found["object_f1"].difference == pytest.approx(24 / 36 - 12 / 24)
    assert found["pq"].difference == pytest.approx(2 * 9 / 36 - 2 * 4.8 / 24)


def test_verdict_names_networks_and_units(workspace):
    dataset = read_results()[0]
    text = verdict(dataset, differences(dataset, seed=0))
    assert "Attention ResU-Net" in text and "Dice" in text and "5 blocks" in text


def test_one_network_has_nothing_to_compare_with(workspace):
    tissue = read_results()[2]
    assert differences(tissue, seed=0) == {} and verdict(tissue, {}) == ""


def test_other_images_are_refused(workspace):
    path = workspace / "reports/polyps/attn_resunet/per_image.csv"
    path.write_text(path.read_text().replace("section 04", "section 99"))
    with pytest.raises(UserError, match=r"attn_resunet/per_image.csv: expected the images .* received .*section 04, section 99"):
        differences(read_results()[1], seed=0)
