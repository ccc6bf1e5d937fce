"""A small finished run: everything that the report reads, and a browser to look at the page with."""

import dataclasses
import json
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from pipeline import paths
from pipeline.datasets.layout import DatasetInfo
from pipeline.reporting import charts
from pipeline.stages import report

PARAMS = Path(paths.PARAMS).resolve()
POOLED = ("iou", "dice", "mean_iou", "iou_background", "accuracy", "precision", "recall")
SEGMENTATION = {
    **{"iou": 0.8123, "dice": 0.8965, "dice_per_image": 0.8722, "mean_iou": 0.8911, "iou_background": 0.9699},
    **{"accuracy": 0.9734, "precision": 0.9012, "recall": 0.8918, "loss": 0.2047, "nsd": 0.7333, "pq": 0.6111},
}
CLASSIFICATION = {
    "accuracy": 0.8125,
    "balanced_accuracy": 0.7991,
    "macro_f1": 0.7888,
    "auroc": None,
    "ece": 0.0567,
    "loss": 0.6182,
}
IMAGES = ["007", "NA", "section 03", "section 04", "section 05", "section 06"]  # the first two look like no names, and are
COUNTS = {"unet": [(40, 10, 10, 40)] * 5 + [(0, 0, 20, 80)], "attn_resunet": [(45, 5, 5, 45)] * 5 + [(10, 0, 10, 80)]}
SHAPE = (8, 12)  # of the pictures


@pytest.fixture(scope="session")
def build():
    """Write the finished run into the working directory."""

    def write():
        shutil.copy(PARAMS, paths.PARAMS)
        for dataset in ("mitochondria", "polyps"):
            write_dataset(dataset, "segmentation", ("background", "object"))
            for network in ("unet", "attn_resunet"):
                write_segmentation(dataset, network)
        write_dataset("tissue", "classification", ("NA", "tumour"))
        write_classification("tissue", "vgg16")

    return write


@pytest.fixture
def workspace(tmp_path, monkeypatch, build):
    """A finished run of its own in the working directory, whose charts cost no time."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(charts, "draw", lambda *_: b'<svg xmlns="http://www.w3.org/2000/svg"/>')
    build()
    return tmp_path


@pytest.fixture
def change():
    """Change values of a JSON file, keys being joined by dots."""

    def write(path, values):
        content = json.loads(Path(path).read_text())
        for key, value in values.items():
            *parents, last = key.split(".")
            place = content
            for parent in parents:
                place = place[parent]
            place[last] = value
        Path(path).write_text(json.dumps(content))

    return write


@pytest.fixture(scope="session")
def finished(tmp_path_factory, build):
    """Folder of a finished run with its page; nobody changes it."""
    folder = tmp_path_factory.mktemp("finished")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        build()
        report.main()
    return folder


def write_dataset(name, kind, classes):
    info = DatasetInfo(name, "phantom", kind, classes, 1, (8.0, 8.0), True, "MIT", "Doe & Roe 2020", sha256={})
    write_json(paths.raw(name) / "dataset.json", dataclasses.asdict(info))
    audit = {"images": {"train": 12, "val": 3, "test": 6}, "pairs": 1234, "correlation": 0.95, "identical": 0, "near": 0}
    write_json(paths.audit(name), audit | {"test_images_with_a_near_duplicate_in_train": 0})
    for path in (paths.preview(name), paths.leakage(name, "png")):
        write_picture(path, np.zeros((4, 16), np.uint8))


def write_network(dataset, network, score):
    folder = paths.report(dataset, network)
    card = {"precision": "bfloat16", "monitor": "loss", "parameters": 1941105, "epochs": 12, "best_epoch": 2, "seed": 2026}
    write_json(paths.model_card(dataset, network), card | {"keras": "3.15.1", "backend": "tensorflow"})
    write_csv(
        folder / "curves.csv", {"epoch": [1, 2], "loss": [1, 0.5], "val_loss": [1, 0.6], score: [0.2, 0.6], f"val_{score}": 0.2}
    )
    bins = {"low": [0.0, 0.5], "high": [0.5, 1.0], "count": [0, 6], "confidence": [None, 0.8], "frequency": [None, 0.7]}
    write_csv(folder / "reliability.csv", bins)
    write_picture(folder / "panels" / "1-worst-section_03.png", np.zeros((4, 16), np.uint8))
    return folder


def write_segmentation(dataset, network):
    folder = write_network(dataset, network, "dice")
    write_json(folder / "metrics.json", SEGMENTATION)
    summary = {"mean": 0.8642, "median": 0.8757, "q1": 0.8521, "q3": 0.9111, "n": 6, "undefined": 0}
    lengths = {"mean": 3.4567, "median": 3.2123, "q1": 2.5, "q3": 4.75, "n": 5, "undefined": 1}
    per_image = dict.fromkeys(("dice", "iou", "nsd"), summary) | dict.fromkeys(("hd95", "assd", "hd95_nm", "assd_nm"), lengths)
    objects = {"reference": 46, "predicted": 97, "count_error": 51, "precision": 0.474, "recall": 0.987, "f1": 0.643}
    objects |= {"precision_75": 0.433, "recall_75": 0.913, "f1_75": 0.587, "pq": 0.6111, "sq": 0.819, "rq": 0.643}
    objects |= {"average_precision": 0.555, "splits": 3, "merges": 4}
    detail = {"test_images": 6, "unit": {"name": "block of 2 images", "count": 5}, "threshold": 0.5078125, "tolerance": 2.0}
    detail |= {
        "pixel_size_nm": [8.0, 8.0],
        "trivial": {"iou": 0.1301, "dice": 0.2303},
        "per_image": per_image,
        "objects": objects,
    }
    detail["intervals"] = {key: [0.7004, 0.9496] for key in (*POOLED, "dice_per_image", "loss", "nsd", "pq", "object_f1")}
    detail["probability"] = {"average_precision": 0.9433, "auroc": 0.9988, "ece": 0.0234, "brier": 0.0123}
    write_json(folder / "detail.json", detail | {"repeats": {}})
    counts = np.array(COUNTS[network])
    tp, fp, fn, tn = counts.T
    hd95 = [1.5] * 5 + [None if network == "unet" else 2.5]
    table = {"image": IMAGES, "group": "g", "unit": ["b1", "b1", "b2", "b3", "b4", "b5"], "dice": 2 * tp / (2 * tp + fp + fn)}
    table |= {"iou": tp / (tp + fp + fn), "precision": 0.5, "recall": 0.5, "reference_fraction": 0.2, "predicted_fraction": 0.2}
    table |= {"nsd": 0.75, "hd95": hd95, "assd": hd95, "loss": 0.3, "objects_reference": 2, "objects_predicted": 2}
    table |= {"objects_matched": 1, "objects_iou": 0.8, "object_f1": 0.5}
    write_csv(folder / "per_image.csv", table | {"tp": tp, "fp": fp, "fn": fn, "tn": tn, "picture": [*stems(5), ""]})
    write_csv(folder / "precision_recall.csv", {"threshold": [0.0, 0.5], "precision": [0.1, 0.9], "recall": [1.0, 0.8]})
    roc = {"threshold": [0.0, 0.5, None], "false_positive_rate": [1, 0.1, 0], "true_positive_rate": [1, 0.9, 0]}
    write_csv(folder / "roc.csv", roc)
    write_csv(folder / "threshold.csv", {"threshold": [0.0, 0.5, 1.0], "dice": [0.1, 0.9, 0], "precision": 0.5, "recall": 0.5})
    for number, stem in enumerate(stems(5)):
        write_picture(folder / "gallery" / f"{stem}-image.webp", np.full(SHAPE, 40 * number + 20, np.uint8))
        errors = Image.fromarray(np.arange(SHAPE[0] * SHAPE[1]).reshape(SHAPE).astype(np.uint8) % 4)
        errors.putpalette([0] * 12)
        errors.save(folder / "gallery" / f"{stem}-errors.png")


def write_classification(dataset, network):
    folder = write_network(dataset, network, "accuracy")
    write_json(folder / "metrics.json", CLASSIFICATION)
    intervals = dict.fromkeys(
        ("accuracy", "balanced_accuracy", "macro_f1", "auroc", "average_precision", "ece", "brier", "kappa", "loss")
    )
    detail = {"test_images": 3, "unit": {"name": "group", "count": 3}, "trivial": {"accuracy": 0.1666}, "intervals": intervals}
    write_json(folder / "detail.json", detail | {"kappa": 0.4321, "brier": 0.3777, "average_precision": 0.75, "repeats": {}})
    table = {"image": ["t1", "t2", "t3"], "group": "g", "unit": ["p1", "p2", "p3"], "actual": ["NA", "tumour", "tumour"]}
    table |= {"predicted": ["NA", "NA", "tumour"], "confidence": [0.9, 0.7654, 0.8], "probability_of_actual": [0.9, 0.2346, 0.8]}
    table |= {"loss": [0.1, 1.4, 0.2]}
    write_csv(folder / "per_image.csv", table | {"picture": stems(3)})
    curve = {"class": ["NA", "NA", "tumour"], "recall": [0, 1, 1], "precision": [1, 0.5, 1]}
    write_csv(folder / "precision_recall.csv", curve)
    classes = {
        "class": ["NA", "tumour"],
        "support": [1, 2],
        "precision": [0.5, 1],
        "recall": [1, 0.5],
        "f1": 0.6666,
        "auroc": [1, None],
        "average_precision": 1,
    }
    write_csv(folder / "per_class.csv", classes)
    roc = {"class": ["NA", "NA", "tumour"], "false_positive_rate": [0, 1, 0], "true_positive_rate": [0.5, 1, 1]}
    write_csv(folder / "roc.csv", roc)
    for stem in stems(3):
        for kind in ("image", "gradcam"):
            write_picture(folder / "gallery" / f"{stem}-{kind}.webp", np.zeros(SHAPE, np.uint8))
    write_picture(folder / "panels" / "2-gradcam.png", np.zeros((4, 16), np.uint8))


def stems(count):
    return [f"{number:04d}" for number in range(count)]


def write_json(path, values):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(values))


def write_csv(path, columns):
    path.parent.mkdir(parents=True, exist_ok=True)
    pd.DataFrame(columns).to_csv(path, index=False)


def write_picture(path, pixels):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(path)


@pytest.fixture(scope="session")
def browser(tmp_path_factory):
    """Chromium without a window, driven by selenium; the tests are skipped where there is none."""
    webdriver = pytest.importorskip("selenium.webdriver", reason="selenium is not installed: the page is not tested in a browser")
    chromium = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    driver = shutil.which("chromedriver")
    if not chromium or not driver:
        pytest.skip("no chromium with its chromedriver: the page is not tested in a browser")
    options = webdriver.ChromeOptions()
    options.binary_location = chromium
    for argument in (
        *("--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking"),
        *("--disable-component-update", "--disable-sync", f"--user-data-dir={tmp_path_factory.mktemp('chromium')}"),
    ):
        options.add_argument(argument)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    opened = webdriver.Chrome(options=options, service=webdriver.ChromeService(driver))  # named: nothing is downloaded
    yield opened
    opened.quit()
