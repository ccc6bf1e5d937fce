"""A small finished run with data sets and networks of any names, and a browser to look at its page."""

import json
import shutil
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from pipeline import params, paths
from pipeline.evaluation import gallery
from pipeline.reporting import charts
from pipeline.stages import report

# By data set: its task and its networks, by their module, with their title and score. The best is never the first.
RUN = {
    "nuclei": ("segmentation", {"toy": ("Toy-Net", 0.8965)}),
    "blood-vessels": ("segmentation", {"toy": ("Toy-Net", 0.8), "wide_unet": ("Wide U-Net", 0.9), "deep": ("Deep", 0.85)}),
    "cells": ("classification", {"small": ("Small", 0.7), "large": ("Large", 0.8125)}),
}
REPORTED = {"iou": 94.56, "dice": 95.27, "loss": 0.3255, "note": "a paper, on other images"}
IMAGES = ["007", "NA", "section 03", "section 04", "section 05", "section 06"]  # the first two look like numbers
UNITS = ["b1", "b1", "b2", "b3", "b4", "b5"]
SHAPE = (48, 64)  # of the pictures
POOLED = ("iou", "dice", "mean_iou", "iou_background", "accuracy", "precision", "recall")


@pytest.fixture(scope="session")
def build():
    """Write the finished run into the working directory."""

    def write():
        paths.PARAMS.write_text("seed: 1\n" + "# a comment\n" * 60)
        for name, (task, networks) in RUN.items():
            write_dataset(name, task, networks)
            for network, (title, score) in networks.items():
                write_network(name, task, network, title, score)

    return write


def settings():
    datasets = {name: SimpleNamespace(reported=REPORTED if name == "nuclei" else {}) for name in RUN}
    datasets |= {"later": SimpleNamespace(reported={}), "unused": SimpleNamespace(reported={})}
    return SimpleNamespace(datasets=datasets, transfers={}, networks_of=lambda name: list(RUN[name][1]))


@pytest.fixture
def known_params(monkeypatch):
    """`params.load` gives the data sets of the run, and two without results."""
    monkeypatch.setattr(params, "load", settings)


@pytest.fixture
def workspace(tmp_path, monkeypatch, build, known_params):
    """A finished run of its own in the working directory, whose charts cost no time."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(charts, "draw", lambda *_: b'<svg xmlns="http://www.w3.org/2000/svg"/>')
    build()
    return tmp_path


@pytest.fixture(scope="session")
def finished(tmp_path_factory, build):
    """Folder of a finished run with its page; nobody changes it."""
    folder = tmp_path_factory.mktemp("finished")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(params, "load", settings)
        patch.chdir(folder)
        build()
        report.main()
    return folder


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


def write_dataset(name, task, networks):
    classes = ["background", "object"] if task == "segmentation" else ["NA", "tumour"]
    info = {"name": name, "source": "folder", "task": task, "classes": classes, "channels": 1, "pixel_size_nm": [8.0, 8.0]}
    info |= {"phantom": name != "cells", "licence": "MIT", "citation": "Doe & Roe 2020", "url": None}
    info |= {"split_method": "groups", "grouped": False}
    write_json(paths.details(name) / "dataset.json", info)
    audit = {"images": {"train": 12, "val": 3, "test": 6}, "pairs": 1234, "correlation": 0.95, "identical": 0, "near": 0}
    write_json(paths.audit(name), audit | {"test_images_with_a_near_duplicate_in_train": 0})
    for path in (paths.preview(name), paths.leakage(name, "png")):
        write_picture(path, np.zeros((40, 320), np.uint8))
    metric = "dice" if task == "segmentation" else "accuracy"
    scores = {network: score for network, (_, score) in networks.items()}
    best = max(scores, key=scores.get)
    others = [network for network in networks if network != best]
    found = {"difference": -0.05, "interval": [-0.08, 0.01]}
    write_json(
        paths.details(name) / "comparison.json",
        {
            **{"metric": metric, "best": best},
            "differences": {other: {metric: found, "loss": {"difference": 0.02, "interval": None}} for other in others},
            "sentences": {other: f"{networks[best][0]} against {networks[other][0]}: 5 blocks cannot tell." for other in others},
        },
    )
    write_json(paths.results(name), {"dataset": name, "task": task, "networks": list(networks), "files": {}})
    write_json(paths.results("unused"), {"dataset": "unused", "task": task, "networks": [], "files": {}})


def write_network(dataset, task, network, title, score):
    folder, log = paths.details(dataset, network), paths.training_log(dataset, network)
    card = {"network": network, "title": title, "network_citation": f"{title} & others 2015", "task": task, "seed": 2026}
    card |= {
        "precision": "bfloat16",
        "monitor": "loss",
        "parameters": 1941105,
        "gflops": 3.02,
        "epochs": 12,
        "best_epoch": 2,
        "threshold": 0.5,
    }
    if task == "classification":
        del card["threshold"]
    write_json(folder / "card.json", card | {"keras": "3.15.1", "backend": "tensorflow"})
    metric = "dice" if task == "segmentation" else "accuracy"
    losses = {"epoch": [1, 2], "loss": [1, 0.5], "val_loss": [1, 0.6]}
    write_csv(log / "curves.csv", losses | {metric: [0.2, 0.6], f"val_{metric}": 0.25, "learning_rate": 0.002})
    bins = {"low": [0.0, 0.5], "high": [0.5, 1.0], "count": [0, 6], "confidence": [None, 0.8], "frequency": [None, 0.7]}
    write_csv(folder / "reliability.csv", bins)
    (write_segmentation if task == "segmentation" else write_classification)(dataset, network, folder, score)


def write_segmentation(dataset, network, folder, score):
    scores = {"iou": 0.8123, "dice": score, "mean_iou": 0.8911, "accuracy": 0.9734, "nsd": 0.7333, "pq": 0.6111, "loss": 0.2047}
    write_json(paths.metrics(dataset, network), scores)
    middle = {"mean": 0.8642, "median": 0.8757, "q1": 0.8521, "q3": 0.9111, "n": 6, "undefined": 0}
    lengths = {"mean": 3.4567, "median": 3.2123, "q1": 2.5, "q3": 4.75, "n": 5, "undefined": 1}
    objects = {"reference": 46, "predicted": 97, "count_error": 51, "precision": 0.474, "recall": 0.987, "f1": 0.643}
    objects |= {"precision_75": 0.433, "recall_75": 0.913, "f1_75": 0.587, "pq": 0.6111, "sq": 0.819, "rq": 0.643}
    detail = {
        **{
            "test_images": 6,
            "unit": {"name": "block of 2 images", "count": 5, "alike": False},
            "threshold": 0.5,
            "tolerance": 2.0,
        },
        **{"pixel_size_nm": [8.0, 8.0], "trivial": {"iou": 0.1301, "dice": 0.2303}},
        "scores": {"iou_background": 0.9699, "precision": 0.9012, "recall": 0.8918, "dice_per_image": 0.8722},
        "intervals": {key: [0.7004, 0.9496] for key in (*POOLED, "dice_per_image", "loss", "nsd", "pq", "object_f1")},
        "per_image": dict.fromkeys(("dice", "iou", "nsd"), middle)
        | dict.fromkeys(("hd95", "assd", "hd95_nm", "assd_nm"), lengths),
        "objects": objects | {"average_precision": 0.555, "splits": 3, "merges": 4},
        "probability": {"average_precision": 0.9433, "auroc": 0.9988, "ece": 0.0234, "brier": 0.0123},
        "repeats": {},
    }
    write_json(folder / "detail.json", detail)
    dices = np.linspace(score, score - 0.25, 6)  # the last image is the hardest
    table = {"image": IMAGES, "group": "g", "unit": UNITS, "dice": dices, "iou": dices - 0.1, "reference_fraction": 0.2}
    table |= {"nsd": 0.75, "hd95": [1.5] * 5 + [None], "assd": 1.0, "objects_reference": 2, "objects_predicted": 3}
    write_csv(folder / "per_image.csv", table | {"picture": [*stems(5), ""]})
    write_csv(folder / "precision_recall.csv", {"threshold": [0.0, 0.5], "precision": [0.1, 0.9], "recall": [1.0, 0.8]})
    write_csv(folder / "roc.csv", {"false_positive_rate": [1, 0.1, 0], "true_positive_rate": [1, 0.9, 0]})
    log = paths.training_log(dataset, network)
    write_csv(log / "threshold.csv", {"threshold": [0.0, 0.5, 1.0], "dice": [0.1, 0.9, 0], "precision": 0.5, "recall": 0.5})
    rng, rows, columns = np.random.default_rng(1), *np.indices(SHAPE)
    for number, stem in enumerate(stems(5)):
        mask = np.hypot(rows - 24, columns - 20 - 5 * number) < 14
        prediction = np.hypot(rows - 22, columns - 24 - 5 * number) < 20 * score - 3
        write_picture(folder / f"gallery/{stem}-image.webp", (90 + 80 * mask + rng.normal(0, 15, SHAPE)).astype(np.uint8))
        gallery.write_answer(folder / "gallery", number, mask, prediction, 2)
    for name in (paths.of_image("section 03"), f"attention-{paths.of_image('section 03')}", "007"):
        write_picture(paths.panels(dataset) / f"{network}-{name}.png", np.zeros((40, 160), np.uint8))


def write_classification(dataset, network, folder, score):
    write_json(paths.metrics(dataset, network), {"accuracy": score, "macro_f1": 0.79, "auroc": None, "ece": 0.06, "loss": 0.62})
    keys = ("accuracy", "balanced_accuracy", "macro_f1", "auroc", "average_precision", "ece", "brier", "kappa", "loss")
    detail = {"test_images": 3, "unit": {"name": "group", "count": 3, "alike": False}, "trivial": {"accuracy": 0.1666}}
    detail |= {"intervals": dict.fromkeys(keys), "scores": {"balanced_accuracy": 0.7991}, "repeats": {}}
    write_json(folder / "detail.json", detail | {"kappa": 0.4321, "brier": 0.3777, "average_precision": 0.75})
    table = {"image": ["t1", "t2", "t3"], "group": "g", "unit": ["p1", "p2", "p3"], "actual": ["NA", "tumour", "tumour"]}
    table |= {"predicted": ["NA", "NA", "tumour"], "confidence": [0.9, 0.7654, 0.8], "probability_of_actual": [0.9, 0.2346, 0.8]}
    pictured = stems(3) if network == "large" else [*stems(2), ""]
    write_csv(folder / "per_image.csv", table | {"loss": [0.1, 1.4, 0.2], "picture": pictured})
    classes = {"class": ["NA", "tumour"], "support": [1, 2], "precision": [0.5, 1], "recall": [1, 0.5], "f1": 0.6666}
    write_csv(folder / "per_class.csv", classes | {"auroc": [1, None], "average_precision": 1})
    write_csv(folder / "precision_recall.csv", {"class": ["NA", "NA", "tumour"], "recall": [0, 1, 1], "precision": [1, 0.5, 1]})
    roc = {"class": ["NA", "NA", "tumour"], "false_positive_rate": [0, 1, 0], "true_positive_rate": [0.5, 1, 1]}
    write_csv(folder / "roc.csv", roc)
    for stem in filter(None, pictured):
        for kind, grey in (("image", 120), ("gradcam", 200)):
            write_picture(folder / f"gallery/{stem}-{kind}.webp", np.full(SHAPE, grey, np.uint8))
    for name in ("mistakes", "gradcam"):
        write_picture(paths.panels(dataset) / f"{network}-{name}.png", np.zeros((40, 160), np.uint8))


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
    opened.implicitly_wait(5)  # seconds; on a busy computer, the page's script may come late
    yield opened
    opened.quit()
