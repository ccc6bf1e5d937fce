import pytest

from pipeline import params, paths
from pipeline.errors import UserError
from pipeline.reporting import tables
from pipeline.reporting.read import read_results
from pipeline.tasks import part


@pytest.fixture
def read(workspace):
    """Read all data sets: a dict by name."""
    return lambda: {dataset.name: dataset for dataset in read_results(params.load(), lambda task: part(task, "tables"))[0]}


def rows(table):
    return {title: row.tolist() for title, row in table["frame"].iterrows()}


def titled(dataset, title):
    return next(table for table in dataset.task.tables(dataset) if table["title"].startswith(title))


def test_data_sets_without_results_are_listed_with_the_reason(workspace):
    evaluated, without = read_results(params.load(), lambda task: part(task, "tables"))
    assert [dataset.name for dataset in evaluated] == ["nuclei", "blood-vessels", "cells"]
    assert without == {"later": "not evaluated yet", "unused": "no network is trained on it"}


def test_names_stay_text_and_empty_cells_are_missing(read):
    found = read()
    table = found["nuclei"].networks[0].tables["per_image"]
    assert table["image"][:2].tolist() == ["007", "NA"] and table["picture"].iloc[-1] == ""
    assert table["hd95"].isna().tolist() == [False] * 5 + [True]
    assert found["cells"].networks[0].tables["per_image"]["actual"][0] == "NA"


def test_the_leaderboard_of_one_network_has_no_differences(read):
    table = tables.leaderboard(read()["nuclei"])
    assert list(table["frame"]) == ["Dice", "IoU", "parameters", "GFLOPs", "epochs"]
    assert rows(table) == {
        "Toy-Net": ["89.6 (70.0–95.0)", "81.2 (70.0–95.0)", "1,941,105", "3.02", "12"],
        "trivial": ["23.0", "13.0", "–", "–", "–"],
        "reported": ["95.27", "94.56", "–", "–", "–"],
    }


def test_the_leaderboard_ranks_any_number_of_networks(read):
    table = tables.leaderboard(read()["blood-vessels"])
    assert table["frame"].index.tolist() == ["Wide U-Net", "Deep", "Toy-Net", "trivial"]  # nothing reported
    assert table["frame"]["Dice minus the best"].tolist() == ["best", "−5.0 (−8.0 to +1.0)", "−5.0 (−8.0 to +1.0)", "–"]
    table = tables.leaderboard(read()["cells"])
    assert table["frame"].iloc[:, :3].loc["Small"].tolist() == ["70.0", "79.0", "−5.0 (−8.0 to +1.0)"]


def test_scores_are_rounded_once(read, change):
    change("reports/nuclei/metrics/toy.json", {"iou": 0.8685})
    change("reports/nuclei/details/toy/detail.json", {"scores.iou": 0.868488})
    assert tables.leaderboard(read()["nuclei"])["frame"].loc["Toy-Net", "IoU"].startswith("86.8 ")


def test_pretrained_is_said(read, change):
    board = tables.leaderboard(read()["blood-vessels"])
    assert "pretrained" not in board["frame"]  # all from random weights
    change("reports/blood-vessels/details/deep/card.json", {"pretrained": {"name": "VGG16, ImageNet (Keras)"}})
    change("reports/blood-vessels/details/toy/card.json", {"start": {"file": "former/toy.keras", "epochs": 9}})
    found = read()["blood-vessels"]
    column = tables.leaderboard(found)["frame"]["pretrained"]
    assert column.to_dict() == {"Wide U-Net": "no", "Deep": "VGG16, ImageNet", "Toy-Net": "former/toy.keras", "trivial": "–"}
    told = rows(tables.training(found))["Pretrained"]
    assert "VGG16, ImageNet (Keras)" in told and "former/toy.keras (9 epochs)" in told


def test_networks_of_equal_or_undefined_score_are_ranked(read, change):
    change("reports/cells/metrics/small.json", {"accuracy": None})
    assert [network.name for network in read()["cells"].ranked] == ["large", "small"]
    change("reports/cells/metrics/small.json", {"accuracy": 0.8125})
    change("reports/cells/details/comparison.json", {"best": "small"})
    assert [network.name for network in read()["cells"].ranked] == ["small", "large"]


def test_differences_to_the_best_have_their_intervals(read):
    found = read()
    assert tables.differences(found["nuclei"]) is None
    table = tables.differences(found["blood-vessels"])
    assert table["title"] == "Differences from Wide U-Net" and list(table["frame"]) == ["Deep", "Toy-Net"]
    assert rows(table) == {"Dice": ["−5.0 (−8.0 to +1.0)"] * 2, "Loss": ["+0.0200"] * 2}


def test_overlap_has_trivial_and_reported_figures(read):
    found = read()
    table = titled(found["nuclei"], "Overlap, all")
    assert list(table["frame"]) == ["Toy-Net", "trivial", "reported"]
    assert rows(table)["IoU"] == ["81.2 (70.0–95.0)", "13.0", "94.56"]
    assert rows(table)["Loss"] == ["0.2047 (0.7004–0.9496)", "–", "0.3255"]
    assert rows(table)["IoU background"][0] == "97.0 (70.0–95.0)"  # from the details
    assert "6 test images in 5 blocks of 2 images." in table["note"]
    assert table["note"].endswith("Reported: a paper, on other images.")
    table = titled(found["blood-vessels"], "Overlap, all")
    assert list(table["frame"]) == ["Toy-Net", "Wide U-Net", "Deep", "trivial"] and "Reported" not in table["note"]


def test_a_misspelled_reported_figure_is_refused(read, monkeypatch):
    known = params.load()
    known.datasets["nuclei"].reported = {"dcie": 95.27}
    monkeypatch.setattr(params, "load", lambda: known)
    with pytest.raises(UserError, match=r"params\.yaml: datasets\.nuclei\.reported\.dcie: unknown key; did you mean dice\?"):
        read()


def test_images_and_borders_have_mean_median_and_quartiles(read):
    dataset = read()["nuclei"]
    assert rows(titled(dataset, "Overlap, image")) == {
        "Dice": ["86.4 (70.0–95.0)", "87.6 [85.2–91.1]"],
        "IoU": ["86.4", "87.6 [85.2–91.1]"],
    }
    borders = titled(dataset, "Borders")
    assert rows(borders)["HD95, pixels"] == ["3.46", "3.21 [2.50–4.75]"] and rows(borders)["ASSD, nm"][0] == "3"
    assert "within 2 pixels" in borders["note"] and "empty: Toy-Net 1." in borders["note"]


def test_borders_without_a_pixel_size_have_no_nanometres(read, change, workspace):
    path = workspace / "reports/nuclei/details/toy/detail.json"
    path.write_text(path.read_text().replace("hd95_nm", "other").replace("assd_nm", "another"))
    change(path, {"pixel_size_nm": None})
    borders = titled(read()["nuclei"], "Borders")
    assert list(rows(borders)) == ["NSD", "HD95, pixels", "ASSD, pixels"] and "no nanometres" in borders["note"]


def test_objects_and_probabilities(read):
    dataset = read()["nuclei"]
    objects = rows(titled(dataset, "Objects"))
    assert objects["Count error"] == ["51"] and objects["F1"] == ["64.3 (70.0–95.0)"] and objects["Splits"] == ["3"]
    assert rows(titled(dataset, "Probabilities"))["Brier score"] == ["0.012"]


def test_objects_of_label_images_are_named_so(read, change):
    before = titled(read()["nuclei"], "Objects")
    assert before["meanings"][0] == "connected pieces of foreground" and before["note"] == ""
    change("reports/nuclei/details/dataset.json", {"instances": True})
    change("reports/nuclei/details/toy/card.json", {"separation": "watershed", "smallest": 16})
    after = titled(read()["nuclei"], "Objects")
    assert list(tables.leaderboard(read()["nuclei"])["frame"].columns)[:3] == ["Dice", "IoU", "Panoptic quality"]
    assert after["meanings"][0].startswith("as the label images number them") and "touch are separated: Toy-Net." in after["note"]


def test_folds_may_weigh_classes_differently(read, change):
    fold = {"images": 2, "units": 1, "dice": 0.5, "best_epoch": 1, "epochs": 2}
    folds = [fold | {"fold": n, "class_factors": factors} for n, factors in enumerate(([1, 0.5, 1.414], [1, 1, 0.841]))]
    change("reports/nuclei/details/toy/detail.json", {"folds": folds})
    change("reports/nuclei/details/dataset.json", {"folds": 2})
    found = tables.folds(read()["nuclei"])["frame"]["factors"]
    assert found.tolist() == ["1, 0.5, 1.41", "1, 1, 0.841", "–"]


def test_folds_may_choose_differently_which_objects_count(read, change):
    chosen = [{"separation": "components", "smallest": 1}, *2 * [{"separation": "watershed", "smallest": 64}]]
    change("reports/nuclei/details/toy/detail.json", {"folds": chosen})
    note = titled(read()["nuclei"], "Objects")["note"]
    assert "separated: Toy-Net (2 of 3 folds)." in note and "do not count: Toy-Net 1 or 64." in note


def test_volumes_are_there_where_images_are_sections(read, change, workspace):
    dataset = read()["nuclei"]
    assert "Volumes" not in [table["title"] for table in dataset.task.tables(dataset)]
    volumes = {"nsd": 0.9031, "hd95_nm": 96.4, "assd_nm": None, "reference": 4, "predicted": 5, "f1": 0.75, "pq": 0.6}
    change(paths.details("nuclei", "toy") / "detail.json", {"volumes": volumes})
    (paths.details("nuclei", "toy") / "per_volume.csv").write_text("first,last,sections\n007,NA,3\n")  # names, not numbers
    found = titled(read()["nuclei"], "Volumes")
    assert [values[0] for values in rows(found).values()] == ["90.3", "96", "–", "4", "5", "75.0", "60.0"]
    assert "within 16 nm" in found["note"]


def test_undefined_is_a_dash(read, change):
    change("reports/nuclei/metrics/toy.json", {"iou": None})
    values = {"intervals.iou": None, "per_image.hd95.mean": None, "per_image.hd95.median": None, "objects.f1": None}
    change("reports/nuclei/details/toy/detail.json", values)
    dataset = read()["nuclei"]
    overlap = titled(dataset, "Overlap, all")
    assert rows(overlap)["IoU"][0] == "–" and rows(titled(dataset, "Objects"))["F1"] == ["–"]
    assert rows(titled(dataset, "Borders"))["HD95, pixels"] == ["–", "–"]
    assert "A score without an interval" in overlap["note"] and "calibration" not in overlap["note"]


def test_classification(read):
    dataset = read()["cells"]
    scores = titled(dataset, "All classes")
    assert rows(scores)["Accuracy"] == ["70.0", "81.2", "16.7"] and rows(scores)["AUROC"] == ["–", "–", "–"]
    assert rows(scores)["Cohen's kappa"][0] == "0.432" and rows(scores)["Balanced accuracy"][0] == "79.9"
    assert "There are no intervals, because they need at least 4 independent units." in scores["note"]
    assert rows(titled(dataset, "Each class, Small")) == {
        "NA": ["1", "50.0", "100.0", "66.7", "100.0", "100.0"],
        "tumour": ["2", "100.0", "50.0", "66.7", "–", "100.0"],
    }
    confusion = titled(dataset, "Confusion matrix, Large")
    assert rows(confusion) == {"NA": ["1", "0"], "tumour": ["1", "1"]}
    assert confusion["rates"].to_numpy().tolist() == [[1, 0], [0.5, 0.5]]


def test_a_class_without_test_images_has_no_rates(read, workspace):
    file = workspace / "reports/cells/details/large/per_image.csv"
    file.write_text("".join(file.read_text().splitlines(keepends=True)[:2]))
    confusion = titled(read()["cells"], "Confusion matrix, Large")
    assert rows(confusion)["tumour"] == ["0", "0"] and confusion["rates"].loc["tumour"].isna().all()


def test_a_calibration_error_has_no_interval_by_design(read, change):
    keys = ("accuracy", "balanced_accuracy", "macro_f1", "auroc", "average_precision", "brier", "kappa", "loss")
    known = {f"intervals.{key}": [0.7, 0.8] for key in keys}
    for network in ("small", "large"):
        change(f"reports/cells/details/{network}/detail.json", {"unit.count": 9, "intervals.ece": None} | known)
    table = titled(read()["cells"], "All classes")
    assert any("no interval" in text for text in table["meanings"]) and "A score without an interval" not in table["note"]
    change("reports/cells/details/small/detail.json", {"intervals.auroc": None})
    assert "A score without an interval" in titled(read()["cells"], "All classes")["note"]


def test_the_note_on_intervals_is_true_of_all_networks(read, change):
    """One network may predict nothing where another does, and another may be right everywhere."""
    change("reports/blood-vessels/details/deep/detail.json", {"intervals.precision": None})
    assert "A score without an interval" in tables.note_on_intervals(read()["blood-vessels"])
    file = "reports/blood-vessels/details/toy/detail.json"
    change(file, {"intervals": dict.fromkeys(("dice", "loss"))})
    note = tables.note_on_intervals(read()["blood-vessels"])
    assert "In brackets" in note and "There are no intervals" not in note


def test_units_that_are_alike_are_doubted(read, change):
    known = {f"intervals.{key}": [0.7, 0.8] for key in ("accuracy", "loss")}
    change("reports/cells/details/small/detail.json", {"unit.count": 9} | known)
    assert "too narrow" not in tables.note_on_intervals(read()["cells"])
    change("reports/cells/details/small/detail.json", {"unit.alike": True})
    assert "Neighbouring units are alike, so the intervals may be too narrow." in tables.note_on_intervals(read()["cells"])


def test_spread_over_seeds_only_where_there_are_several(read, change):
    assert tables.seeds(read()["nuclei"]) is None
    summary = {"mean": 0.9, "sd": 0.0123, "n": 3}
    repeats = {"dice": summary, "loss": summary | {"sd": None, "n": 1}}
    change("reports/blood-vessels/details/deep/detail.json", {"repeats": repeats})
    table = tables.seeds(read()["blood-vessels"])
    assert rows(table) == {"Dice": ["–", "–", "90.0 ± 1.2"], "Loss": ["–", "–", "0.9000"]}
    assert "1 to 3 networks" in table["note"]


def test_training_has_the_threshold_of_a_segmentation(read):
    found = read()
    assert rows(tables.training(found["nuclei"]))["Threshold"] == ["0.500"]
    shown = rows(tables.training(found["cells"]))
    assert "Threshold" not in shown and shown["Epoch kept"] == ["2, lowest loss"] * 2


def test_training_has_the_factors_of_those_networks_that_took_them(read, change):
    change("reports/blood-vessels/details/deep/card.json", {"class_factors": [1.0, 0.84, 2.0]})
    assert rows(tables.training(read()["blood-vessels"]))["Factors"] == ["–", "–", "1, 0.84, 2"]


@pytest.mark.parametrize(
    ("unit", "text"),
    [
        ({"name": "block of 2 images", "count": 4}, "4 blocks of 2 images"),
        ({"name": "block of 2 images", "count": 1}, "1 block"),
        ({"name": "group", "count": 3}, "3 groups"),
    ],
)
def test_units_in_words(unit, text):
    assert tables.units_in_words(unit) == text


def test_hardest_images_come_first(read):
    dataset = read()["blood-vessels"]
    frame, columns, sorted_by = dataset.task.images(dataset)
    assert frame["image"].tolist()[:2] == ["section 06", "section 05"] and sorted_by == "dice wide_unet"
    assert [above for _, _, above, _ in columns] == [""] * 3 + ["Dice"] * 4 + ["NSD"] * 3 + ["HD95, px"] * 3 + ["objects"] * 4
    assert frame["range"].round(6).tolist() == pytest.approx([0.1] * 6)
    dataset = read()["cells"]
    frame, columns, _ = dataset.task.images(dataset)
    assert frame["image"].tolist() == ["t2", "t3", "t1"]  # by the probability that the best network gives to the true class
    assert frame["picture"].tolist() == ["0001", "0002", "0000"]  # t3 has a picture of one network alone
