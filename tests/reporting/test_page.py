import dataclasses
import json
import re
import shutil
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from pipeline import paths
from pipeline.errors import UserError
from pipeline.images.dataset import DatasetInfo
from pipeline.reporting import results
from pipeline.stages import report

PARAMS = Path(paths.PARAMS).resolve()
HOSTILE = "<script>alert('x')</script>"
SEGMENTATION = {
    **{"iou": 0.81234, "dice": 0.89645, "mean_iou": 0.8911, "iou_background": 0.9699, "accuracy": 0.9734},
    **{"precision": 0.9012, "recall": 0.8918, "loss": 0.20471, "dice_per_image": 0.8722, "average_precision": 0.9433},
    **{"threshold": 0.5078125, "trivial_iou": 0.1301, "trivial_dice": 0.23025, "test_images": 2},
}
CLASSIFICATION = {
    **{"accuracy": 0.8125, "balanced_accuracy": 0.7991, "macro_f1": 0.7888, "auroc": None, "ece": 0.0567},
    **{"loss": 0.6182, "trivial_accuracy": 0.1666, "test_images": 3},
}


class Page(HTMLParser):
    """Collects the tags, what they load, and the text."""

    VOID = ("meta", "img", "br", "link")

    def __init__(self, html):
        super().__init__()
        self.tags, self.loads, self.links, self.open, self.text = [], [], [], [], ""
        self.feed(html)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        attributes = dict(attrs)
        self.loads += [attributes[key] for key in ("src", "srcset", "poster", "data") if key in attributes]
        (self.links if tag == "a" else self.loads).extend([attributes["href"]] if "href" in attributes else [])
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.text += data


@pytest.fixture
def workspace(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    shutil.copy(PARAMS, paths.PARAMS)
    for dataset in ("mitochondria", "polyps"):
        _write_dataset(dataset, "segmentation", ("background", "object"))
        for network in ("unet", "attn_resunet"):
            _write_network(dataset, network, SEGMENTATION, "dice")
            folder = paths.report(dataset, network)
            rows = [["007", "g", 0.8, 0.7, 0.9, 0.8, 0.1, 0.1], ["NA", "g", 0.9, 0.8, 0.9, None, 0.1, 0.1]]
            columns = ["image", "group", "dice", "iou", "precision", "recall", "reference_fraction", "predicted_fraction"]
            pd.DataFrame(rows, columns=columns).to_csv(folder / "per_image.csv", index=False)
            curve = pd.DataFrame({"threshold": [0.0, 0.5], "precision": [0.1, 0.9], "recall": [1.0, 0.8]})
            curve.to_csv(folder / "precision_recall.csv", index=False)
    better = SEGMENTATION | {"iou": 0.82345}
    (paths.report("mitochondria", "attn_resunet") / "metrics.json").write_text(json.dumps(better))
    _write_dataset("tissue", "classification", ("NA", "tumour"))
    _write_network("tissue", "vgg16", CLASSIFICATION, "accuracy")
    folder = paths.report("tissue", "vgg16")
    table = pd.DataFrame({"image": ["t1", "t2", "t3"], "group": "g", "actual": ["NA", "tumour", "tumour"]})
    table = table.assign(predicted=["NA", "NA", "tumour"], confidence=[0.9, 0.7654, 0.8])
    table.to_csv(folder / "per_image.csv", index=False)
    table[["actual", "predicted"]].to_csv(folder / "confusion.csv", index=False)
    return tmp_path


def _picture(path):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.zeros((4, 16), np.uint8)).save(path)


def _write_dataset(name, kind, classes, **changes):
    info = DatasetInfo(name, "phantom", kind, classes, 1, phantom=True, licence="MIT", citation="Doe & Roe 2020", sha256={})
    paths.raw(name).mkdir(parents=True, exist_ok=True)
    (paths.raw(name) / "dataset.json").write_text(json.dumps(dataclasses.asdict(info) | changes))
    _picture(paths.preview(name))


def _write_network(dataset, network, metrics, score):
    folder = paths.report(dataset, network)
    _picture(folder / "panels" / "1-worst-007.png")
    (folder / "metrics.json").write_text(json.dumps(metrics))
    curves = {"epoch": [1, 2], "loss": [1, 0.5], "val_loss": [1, 0.6], score: [0.2, 0.6], f"val_{score}": [0.2, 0.5]}
    pd.DataFrame(curves).to_csv(folder / "curves.csv", index=False)
    card = {"precision": "bfloat16", "parameters": 1941105, "epochs": 12, "best_epoch": 2}
    paths.model_card(dataset, network).parent.mkdir(parents=True, exist_ok=True)
    paths.model_card(dataset, network).write_text(json.dumps(card))


def _page():
    report.main()
    return paths.REPORT.read_text()


def test_nothing_there_names_every_file_and_its_stage(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    shutil.copy(PARAMS, paths.PARAMS)
    with pytest.raises(UserError) as caught:
        report.main()
    lines = str(caught.value).splitlines()
    assert len(lines) == 3 * 2 + 5 * 5
    assert "data/raw/polyps/dataset.json: expected this file; `dvc repro download@polyps` makes it" in lines
    assert any("curves.csv" in line and "train-attn-resunet@mitochondria" in line for line in lines)
    assert any("confusion.csv" in line and "evaluate@tissue-vgg16" in line for line in lines)
    assert not paths.REPORT.exists()


def test_page_is_sound_and_loads_nothing(workspace):
    page = Page(_page())
    assert page.open == []
    assert page.loads and all(load.startswith(("data:image/webp;base64,", "data:image/svg+xml;base64,")) for load in page.loads)
    assert "script" not in page.tags and "link" not in page.tags
    assert not re.search(r"url\(|@import", paths.REPORT.read_text())


def test_page_contains_every_number(workspace):
    text = Page(_page()).text
    for values in (SEGMENTATION, CLASSIFICATION):
        for name, value in values.items():
            if name == "loss":
                assert f"{value:.4f}" in text
            elif name == "threshold":
                assert "0.508" in text
            elif name != "test_images" and value is not None:
                assert f"{100 * value:.2f}" in text, name
    for reported in ("94.56", "70.318", "0.25755", "77.72", "1.5588"):
        assert reported in text
    assert "+1.11" in text  # the difference of the two IoUs, in points
    assert "1,941,105" in text and "12, the best is 2" in text
    assert "implies a foreground IoU of 90.97, not 94.56" in text
    assert text.count("these numbers say nothing about real tissue") == 3
    assert "worst: 007" in text and "lr_scale" in text and "Doe & Roe 2020" in text


def test_undefined_is_a_dash(workspace):
    row = Page(_page()).text.split("AUROC")[1].split("Calibration")[0]
    assert row.count("–") == 3


def test_names_of_images_stay_text(workspace):
    text = Page(_page()).text
    hardest = text.split("Test images of the lowest Dice")[1]
    assert hardest.index("007") < hardest.index("NA")
    assert "76.54" in text.split("Most confidently wrong")[1]


def test_summary_has_the_headline(workspace):
    _page()
    summary = paths.SUMMARY.read_text()
    assert "| mitochondria | phantom (generated) | U-Net | IoU | 81.23 | 13.01 | 94.56 |" in summary
    assert "| tissue | phantom (generated) | VGG16 | Accuracy | 81.25 | 16.66 | 77.72 |" in summary
    assert "| IoU | 81.23 | 82.34 | +1.11 | 13.01 | 94.56 |" in summary
    assert "say nothing about real tissue" in summary


def test_equal_results_are_equal_bytes(workspace):
    assert _page() == _page()


def test_hostile_texts_are_escaped(workspace):
    _picture(paths.report("polyps", "unet") / "panels" / "2-<img src=x onerror=alert(1)>.png")
    _write_dataset("polyps", "segmentation", ("background", HOSTILE), citation=HOSTILE, url="javascript:alert(1)")
    per_image = paths.report("polyps", "unet") / "per_image.csv"
    per_image.write_text(per_image.read_text().replace("007,g", f"007,{HOSTILE}"))
    paths.PARAMS.write_text(paths.PARAMS.read_text() + f"# {HOSTILE}\n")
    page = Page(_page())
    assert "script" not in page.tags
    assert not any(load == "x" for load in page.loads)
    assert page.text.count(HOSTILE) == 4
    assert page.text.count("onerror") == 1 and "javascript:alert(1)" in page.text
    assert all(link.startswith("#") for link in page.links)


def test_a_public_source_is_linked_and_not_called_a_phantom(workspace):
    for name in ("mitochondria", "polyps"):
        _write_dataset(name, "segmentation", ("background", "object"), phantom=False, url="https://example.org/a?b=1&c=2")
    page = Page(_page())
    assert page.links.count("https://example.org/a?b=1&c=2") == 2
    assert page.text.count("these numbers say nothing about real tissue") == 1


def test_a_leaking_split_is_named(workspace):
    assert "These numbers leak" not in _page()
    text = paths.PARAMS.read_text().replace("method: blocks", "method: random")
    paths.PARAMS.write_text(text)
    assert _page().count("These numbers leak") == 1
    assert "for comparison only" in paths.SUMMARY.read_text()


def test_a_network_may_have_no_panels(workspace):
    shutil.rmtree(paths.report("tissue", "vgg16") / "panels")
    assert "VGG16 on test images" not in _page()


@pytest.mark.parametrize(
    ("file", "content", "message"),
    [
        ("reports/polyps/unet/metrics.json", "{", "expected JSON"),
        ("reports/polyps/unet/metrics.json", "[]", "iou, dice"),
        ("reports/polyps/unet/metrics.json", '{"iou": 1}', "trivial_dice, test_images missing"),
        ("reports/polyps/unet/curves.csv", "", "expected a table"),
        ("reports/polyps/unet/curves.csv", "epoch,loss\n1,2\n", "val_loss, dice, val_dice missing"),
        ("models/tissue/vgg16.json", "{}", "parameters, epochs, best_epoch missing"),
        ("data/raw/tissue/dataset.json", "{}", "expected a description of the dataset"),
        ("reports/tissue/vgg16/confusion.csv", "actual,predicted\nNA,bone\n", "received bone"),
        ("reports/tissue/patches.png", "no picture", "expected a picture"),
    ],
)
def test_damaged_files_are_named(workspace, file, content, message):
    Path(file).write_text(content)
    with pytest.raises(UserError, match=re.escape(message)) as caught:
        report.main()
    assert str(caught.value).startswith(file)


def test_a_description_of_another_dataset_is_refused(workspace):
    shutil.copy(paths.raw("polyps") / "dataset.json", paths.raw("mitochondria") / "dataset.json")
    with pytest.raises(UserError, match=r"expected mitochondria \(segmentation\), received polyps"):
        results.read_results()
