import json
import re
import shutil
from pathlib import Path

import pytest

from pipeline import paths
from pipeline.errors import UserError
from pipeline.reporting import results
from pipeline.reporting.gallery import pictures
from pipeline.stages import report

PER_CLASS = "class,support,precision,recall,f1,auroc,average_precision"


def test_nothing_there_names_every_file_and_its_stage(tmp_path, monkeypatch):
    shutil.copy(paths.PARAMS, tmp_path)
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UserError) as caught:
        report.main()
    lines = str(caught.value).splitlines()
    assert len(lines) == 3 * 4 + 4 * 9 + 9
    assert "data/raw/polyps/dataset.json: expected this file; `dvc repro download@polyps` makes it" in lines
    assert "reports/tissue/audit.json: expected this file; `dvc repro patchify@tissue` makes it" in lines
    assert any("unet/threshold.csv" in line and "train-unet@mitochondria" in line for line in lines)
    assert any("per_class.csv" in line and "evaluate@tissue-vgg16" in line for line in lines)
    assert not paths.REPORT.exists()


def test_names_stay_text_and_empty_cells_are_missing(workspace):
    mitochondria, _, tissue = results.read_results()
    table = mitochondria.networks[0].tables["per_image"]
    assert table["image"][:2].tolist() == ["007", "NA"] and table["picture"].iloc[-1] == ""
    assert table["hd95"].isna().tolist() == [False] * 5 + [True]
    assert tissue.networks[0].tables["per_image"]["actual"][0] == "NA"


@pytest.mark.parametrize(
    ("file", "content", "message"),
    [
        ("reports/polyps/unet/metrics.json", "{", "expected JSON"),
        ("reports/polyps/unet/metrics.json", "[]", "iou, dice"),
        ("reports/polyps/unet/metrics.json", '{"iou": 1}', "nsd, pq missing"),
        ("reports/polyps/unet/detail.json", '{"unit": 3}', "unit.name, unit.count, threshold"),
        ("reports/polyps/unet/curves.csv", "", "expected a table"),
        ("reports/polyps/unet/curves.csv", "epoch,loss\n1,2\n", "val_loss, dice, val_dice missing"),
        ("reports/polyps/unet/roc.csv", "threshold,false_positive_rate,true_positive_rate\n0,a,1\n", "received 'a'"),
        ("models/tissue/vgg16.json", "{}", "monitor, parameters, epochs, best_epoch"),
        ("data/raw/tissue/dataset.json", "{}", "expected a description of the dataset"),
        ("reports/tissue/audit.json", "{}", "pairs, correlation"),
        (
            "reports/tissue/vgg16/per_class.csv",
            f"{PER_CLASS}\nbone,1,,,,,\n",
            "received bone",
        ),
        ("reports/tissue/patches.png", "no picture", "expected a picture"),
        ("reports/tissue/vgg16/gallery/0001-gradcam.webp", "no picture", "expected a picture"),
        ("reports/polyps/unet/gallery/0000-errors.png", "no picture", "expected a picture"),
    ],
)
def test_damaged_files_are_named(workspace, file, content, message):
    Path(file).write_text(content)
    with pytest.raises(UserError, match=re.escape(message)) as caught:
        report.main()
    assert str(caught.value).startswith(file)


def test_errors_of_another_size_are_refused(workspace):
    folder = workspace / "reports/polyps/attn_resunet/gallery"
    shutil.copy(workspace / "reports/polyps/patches.png", folder / "0000-errors.png")
    with pytest.raises(UserError, match=r"attn_resunet/gallery/0000-errors.png: expected a palette image of 12 × 8"):
        pictures(results.read_results()[1], {})


def test_a_picture_outside_the_gallery_is_refused(workspace):
    path = workspace / "reports/polyps/unet/per_image.csv"
    path.write_text(path.read_text().replace("0000\n", "../../secret\n"))
    with pytest.raises(UserError, match=r"received '../../secret'"):
        pictures(results.read_results()[1], {})


def test_a_description_of_another_dataset_is_refused(workspace):
    shutil.copy(paths.raw("polyps") / "dataset.json", paths.raw("mitochondria") / "dataset.json")
    with pytest.raises(UserError, match=r"expected mitochondria \(segmentation\), received polyps"):
        results.read_results()


def test_more_keys_than_needed_are_fine(workspace):
    path = Path("reports/polyps/unet/metrics.json")
    path.write_text(json.dumps(json.loads(path.read_text()) | {"new": 1}))
    assert results.read_results()[1].networks[0].metrics["new"] == 1
