import pytest

from pipeline.reporting import tables
from pipeline.reporting.comparison import differences
from pipeline.reporting.provenance import audit_in_words, versions
from pipeline.reporting.results import read_results
from pipeline.reporting.rows import images
from pipeline.reporting.table import markdown
from pipeline.tasks.classification import tables as classification
from pipeline.tasks.segmentation import tables as segmentation


@pytest.fixture
def read(workspace):
    return read_results


def rows(table):
    return {row.title: [str(cell) for cell in row.cells] for row in table.rows}


def test_overlap_stands_beside_trivial_and_reported(read):
    dataset = read()[0]
    table = segmentation.overlap(dataset, differences(dataset, seed=0))
    assert table.headers == ["U-Net", "Attention ResU-Net", "difference", "trivial", "reported"]
    iou = rows(table)["IoU"]
    assert iou[0] == "81.2 (70.0–95.0)" and iou[3:] == ["13.0", "94.56"]
    assert iou[2].startswith("+17.2 (") and " to +" in iou[2]
    assert rows(table)["Loss"] == ["0.2047 (0.7004–0.9496)"] * 2 + ["0.0000", "–", "0.3255"]
    assert "6 test images in 5 blocks of 2 images." in table.note
    assert "Difference: Attention ResU-Net minus U-Net." in table.note
    assert "implies a foreground IoU of 90.97, not 94.56" in table.note


def test_images_and_borders_have_mean_median_and_quartiles(read):
    dataset = read()[0]
    _, per_image, boundary, *_ = segmentation.all_tables(dataset, differences(dataset, seed=0))
    assert rows(per_image)["Dice"][0] == "86.4 (70.0–95.0)" and rows(per_image)["Dice"][3] == "87.6 [85.2–91.1]"
    assert rows(per_image)["IoU"][:3] == ["86.4", "86.4", "0.0"]
    assert rows(boundary)["HD95, pixels"] == ["3.46", "3.46", "0.00", "3.21 [2.50–4.75]", "3.21 [2.50–4.75]"]
    assert rows(boundary)["ASSD, nm"][0] == "3"
    assert "within 2 pixels" in boundary.note and "empty: U-Net 1, Attention ResU-Net 1." in boundary.note


def test_borders_without_a_pixel_size_have_no_nanometres(read, change, workspace):
    for network in ("unet", "attn_resunet"):
        change(f"reports/polyps/{network}/detail.json", {"pixel_size_nm": None})
        path = workspace / f"reports/polyps/{network}/detail.json"
        path.write_text(path.read_text().replace("hd95_nm", "other").replace("assd_nm", "another"))
    table = segmentation.boundary(read()[1], {})
    assert list(rows(table)) == ["NSD", "HD95, pixels", "ASSD, pixels"]
    assert "no nanometres" in table.note


def test_objects_and_probabilities(read):
    dataset = read()[0]
    *_, objects, probability = segmentation.all_tables(dataset, differences(dataset, seed=0))
    assert rows(objects)["Count error"] == ["51", "51", "0"]
    assert rows(objects)["F1"][0] == "64.3 (70.0–95.0)" and rows(objects)["Splits"][0] == "3"
    assert rows(probability)["Brier score"] == ["0.012", "0.012", "0.000"]


def test_undefined_is_a_dash(read, change):
    change("reports/polyps/unet/metrics.json", {"iou": None})
    change("reports/polyps/unet/detail.json", {"intervals.iou": None, "per_image.hd95.mean": None, "per_image.hd95.median": None})
    change("reports/polyps/unet/detail.json", {"objects.f1": None})
    dataset = read()[1]
    overlap, _, boundary, objects, _ = segmentation.all_tables(dataset, {})
    assert rows(overlap)["IoU"][:3] == ["–", "81.2 (70.0–95.0)", "–"]
    assert rows(boundary)["HD95, pixels"][0] == "–" and rows(boundary)["HD95, pixels"][3] == "–"
    assert rows(objects)["F1"][0] == "–"
    assert "A score without brackets" in overlap.note and "calibration" not in overlap.note


def test_classification(read):
    dataset = read()[2]
    scores, per_class = classification.all_tables(dataset)
    assert rows(scores)["Accuracy"] == ["81.2", "16.7", "77.72"]
    assert rows(scores)["AUROC"] == ["–", "–", "–"] and rows(scores)["Cohen's kappa"][0] == "0.432"
    assert "No intervals: they need at least 4 independent units." in scores.note
    assert rows(per_class) == {
        "NA": ["1", "50.0", "100.0", "66.7", "100.0", "100.0"],
        "tumour": ["2", "100.0", "50.0", "66.7", "–", "100.0"],
    }
    assert classification.confusion(dataset).rows == [
        ("NA", [("1", "100.0", 10), ("0", "0.0", 0)]),
        ("tumour", [("1", "50.0", 5), ("1", "50.0", 5)]),
    ]


def test_a_class_without_test_images_has_no_rates(read, workspace):
    file = workspace / "reports/tissue/vgg16/per_image.csv"
    file.write_text("".join(file.read_text().splitlines(keepends=True)[:2]))
    assert classification.confusion(read()[2]).rows[1] == ("tumour", [("0", "–", 0), ("0", "–", 0)])


def test_spread_over_seeds_only_where_there_are_several(read, change):
    assert tables.seeds(read()[0]) is None
    summary = {"mean": 0.9, "sd": 0.0123, "n": 3}
    change("reports/polyps/unet/detail.json", {"repeats": {"dice": summary, "loss": summary | {"sd": None, "n": 1}}})
    table = tables.seeds(read()[1])
    assert rows(table) == {"Dice": ["90.0 ± 1.2", "–"], "Loss": ["0.9000", "–"]}
    assert "1 to 3 networks" in table.note


@pytest.mark.parametrize(
    ("unit", "text"),
    [
        ({"name": "block of 2 images", "count": 4}, "4 blocks of 2 images"),
        ({"name": "block of 2 images", "count": 1}, "1 block of 2 images"),
        ({"name": "group", "count": 3}, "3 groups"),
    ],
)
def test_units_in_words(unit, text):
    assert tables.units_in_words(unit) == text


def test_hardest_images_come_first_with_their_pictures(read):
    table = images(read()[0])
    assert [entries[0].text for _, entries in table.rows][:3] == ["section 06", "007", "NA"]
    assert [picture for picture, _ in table.rows][:2] == ["", "mitochondria-0000"]
    assert table.groups == [["", 1], ["", 1], ["", 1], ["Dice", 3], ["NSD", 2], ["HD95, px", 2], ["objects", 3]]
    first = table.rows[0][1]
    assert [entry.text for entry in first[3:6]] == ["0.0", "66.7", "+66.7"]
    assert (first[8].text, first[8].value) == ("–", None)


def test_least_certain_of_the_truth_comes_first(read):
    table = images(read()[2])
    assert [entry.text for entry in table.rows[0][1]] == ["t2", "p2", "tumour", "NA", "76.5", "23.5"]
    assert table.columns[table.sorted_by].title == "probability of the actual class"


def test_audit_in_words():
    audit = {"images": {"train": 1200, "val": 3, "test": 6}, "pairs": 9000, "correlation": 0.95, "identical": 0, "near": 1}
    audit["test_images_with_a_near_duplicate_in_train"] = 0
    text = audit_in_words(audit)
    assert "9,000 pairs" in text and "1,200 training, 3 validation, 6 test" in text
    assert "no identical pairs, 1 pair of near-duplicates (correlation of 0.95 or more)." in text
    assert "memory" not in text
    assert "1 test image of 6 has a near-duplicate" in audit_in_words(audit | {"test_images_with_a_near_duplicate_in_train": 1})


def test_versions_name_what_is_installed():
    found = versions()
    assert next(iter(found)) == "Python" and found["keras"].startswith("3.")


def test_markdown_keeps_names_in_their_cells():
    lines = markdown(["a", "b"], [["x|y", "<script>"]])
    assert lines == ["| a | b |", "| --- | --: |", r"| x\|y | &lt;script> |"]


def test_a_calibration_error_without_interval_is_told_apart(read, change):
    keys = ("accuracy", "balanced_accuracy", "macro_f1", "auroc", "average_precision", "brier", "kappa", "loss")
    known = {f"intervals.{key}": [0.7, 0.8] for key in keys}
    change("reports/tissue/vgg16/detail.json", {"unit.count": 9, "intervals.ece": None} | known)
    note = classification.all_tables(read()[2])[0].note
    assert "The calibration error never has them" in note and "A score without brackets" not in note
    change("reports/tissue/vgg16/detail.json", {"intervals.auroc": None})
    assert "A score without brackets" in classification.all_tables(read()[2])[0].note
