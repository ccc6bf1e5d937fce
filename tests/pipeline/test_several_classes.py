"""Three classes and ignored pixels, from the standard layout to report, prediction and export."""

import json
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import tifffile
from PIL import Image
from sklearn.metrics import confusion_matrix, jaccard_score

from pipeline import networks, params, paths, tasks
from pipeline.datasets.layout import DatasetInfo, DatasetWriter
from pipeline.errors import UserError
from pipeline.evaluation.evaluate import evaluate
from pipeline.export import export
from pipeline.images.io import read_image, read_mask
from pipeline.patches.packed import load_packed
from pipeline.patches.patchify import patchify
from pipeline.predict import describe, load, main, predict
from pipeline.stages import report
from pipeline.training.train import train
from tests.builder import builder

CLASSES = ("ground", "square", "spot")
SHAPE = (48, 64)


def picture(rng):
    """Grey squares and few white spots on black, with noise; the mask ignores the last eight columns."""
    mask = np.zeros(SHAPE, np.uint8)
    top, left = rng.integers(0, (32, 40))
    mask[top : top + 14, left : left + 14] = 1
    row, column = rng.integers(0, (42, 50))
    mask[row : row + 5, column : column + 5] = 2
    image = np.array([40, 120, 220])[mask] + rng.normal(0, 8, SHAPE)
    mask[:, -8:] = 255
    return np.clip(image, 0, 255).astype(np.uint8)[..., None], mask


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """Parameters of a finished run in the working directory."""
    settings = params.load()
    text = paths.PARAMS.read_text()
    dataset = params.Dataset(
        task="segmentation",
        source="folder",
        path="shapes",
        split={"method": "blocks", "val": 0.2, "test": 0.4},
        patches={"size": [32, 32], "stride": [16, 32], "foreground": 0.33},
    )
    settings = settings.model_copy(
        update={
            "datasets": {"shapes": dataset},
            "augment": settings.augment.model_copy(update={"copies": 0}),
            "train": settings.train.model_copy(update={"epochs": 8, "lr": 0.02, "batch_size": 8, "precision": "float32"}),
            "segmentation": settings.segmentation.model_copy(update={"class_weights": "balanced"}),
        }
    )
    settings.networks["unet"] |= {"filters": 4, "depth": 2, "dropout": 0.0, "datasets": ["shapes"]}
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(tmp_path_factory.mktemp("classes"))
        patch.setattr(params, "load", lambda: settings)
        paths.PARAMS.write_text(text)
        rng = np.random.default_rng(4)
        with DatasetWriter(paths.raw("shapes")) as writer:
            for number in range(15):
                image, mask = picture(rng)
                writer.add(f"s{number:02d}", image, mask=mask)
            writer.finish(DatasetInfo("shapes", "folder", "segmentation", CLASSES, 1))
        patchify("shapes", settings)
        train("shapes", networks.load("unet", settings), tasks.part("segmentation", "training"), settings)
        evaluate("shapes", ["unet"], tasks.part("segmentation", "evaluation"), settings)
        report.main()
        yield settings


@pytest.fixture
def details(run):
    return paths.details("shapes", "unet")


def test_patches_hold_class_numbers_and_a_third_is_drawn_around_foreground(run):
    masks = load_packed(paths.patches("shapes"), "train").targets
    assert masks.dtype == np.uint8 and set(np.unique(masks)) == {0, 1, 2, 255}
    grid = 6 * 2 * 2  # images, rows and columns of patches
    assert len(masks) == grid + np.ceil(grid * 0.33 / 0.67)
    card = json.loads(paths.model("shapes", "unet").with_suffix(".json").read_text())
    assert card["ignored"] and len(card["class_weights"]) == 3 and "threshold" not in card
    assert card["class_weights"][2] > card["class_weights"][1] > card["class_weights"][0]


def test_scikit_learn_finds_the_same_scores(run, details):
    model = load(paths.model("shapes", "unet"))
    table = pd.read_csv(details / "per_image.csv")
    truth, found = [], []
    for name in table["image"]:
        mask = read_mask(paths.raw("shapes") / f"masks/{name}.png")
        answer = predict(model, read_image(paths.raw("shapes") / f"images/{name}.png")).mask
        truth.append(mask[mask != 255])
        found.append(answer[mask != 255])
    truth, found = np.concatenate(truth), np.concatenate(found)
    counts = pd.read_csv(details / "confusion.csv")
    np.testing.assert_array_equal(counts["pixels"].to_numpy().reshape(3, 3), confusion_matrix(truth, found))
    ious = jaccard_score(truth, found, average=None)
    per_class = pd.read_csv(details / "per_class.csv").set_index("class")
    np.testing.assert_allclose(per_class["iou"], ious, atol=1e-5)
    np.testing.assert_allclose(per_class["trivial_iou"], per_class["share"])
    headline = json.loads(paths.metrics("shapes", "unet").read_text())
    assert headline["iou"] == pytest.approx(ious[1:].mean(), abs=1e-4)
    assert headline["mean_iou"] == pytest.approx(ious.mean(), abs=1e-4)
    assert headline["accuracy"] == pytest.approx((truth == found).mean(), abs=1e-4)
    assert (per_class["iou"] > per_class["trivial_iou"]).all()


def test_the_report_has_a_row_for_each_class(run):
    page = paths.PAGE.read_text()
    assert "Each class, U-Net" in page and "Confusion matrix, U-Net" in page
    assert "of the probability of each class, chosen on validation" in page
    confusion = pd.read_csv(paths.PLOTS / "confusion.csv")
    assert confusion["actual"].tolist() == np.repeat(CLASSES, 3).tolist()


def test_prediction_writes_class_numbers_a_probability_of_each_and_the_class_of_each_object(run, tmp_path):
    image = str(paths.raw("shapes") / "images/s14.png")
    main([str(paths.model("shapes", "unet")), image, "--out", str(tmp_path)])
    mask, labels = (tifffile.imread(tmp_path / f"s14_{kind}.tif") for kind in ("mask", "labels"))
    probability = tifffile.imread(tmp_path / "s14_probability.tif")
    assert probability.shape == (3, *SHAPE)
    np.testing.assert_allclose(probability.sum(axis=0), 1, atol=1e-5)
    np.testing.assert_array_equal(probability.argmax(axis=0), mask)
    objects = pd.read_csv(tmp_path / "s14_objects.csv")
    assert objects["label"].tolist() == list(range(1, labels.max() + 1))
    for found in objects.itertuples():
        area = labels == found.label
        assert area.sum() == found.area_px
        assert set(mask[area]) == {CLASSES.index(found[2])}  # its class
    images = pd.read_csv(tmp_path / "images.csv")
    assert images["class"].tolist() == ["square", "spot"] and images["count"].sum() == len(objects)
    with Image.open(tmp_path / "s14_overlay.png") as overlay:
        assert overlay.size == SHAPE[::-1]


def test_a_threshold_means_nothing_and_is_refused(run, tmp_path):
    model = paths.model("shapes", "unet")
    image = paths.raw("shapes") / "images/s14.png"
    with pytest.raises(UserError, match="--threshold: no effect"):
        main([str(model), str(image), "--out", str(tmp_path), "--threshold", "0.5"])
    with pytest.raises(UserError, match=r"^threshold: no effect"):
        predict(load(model), read_image(image), threshold=0.5)
    assert "ground, square, spot" in describe(model, load(model))


def test_an_export_gives_the_same_probabilities(run, tmp_path):
    """A package of the Model Zoo, which holds an ONNX file."""
    _, difference = export(paths.model("shapes", "unet"), "bioimage", tmp_path / "shapes.zip")
    assert difference < 1e-4


def test_a_network_that_gives_one_logit_for_all_classes_is_told(run):
    unet = networks.load("unet", run)
    binary = replace(unet, builder=lambda *, channels: builder("unet")(channels=channels, filters=2, depth=1))
    with pytest.raises(UserError, match="expected 3 logits for the classes ground, square, spot of shapes, received 1"):
        train("shapes", binary, tasks.part("segmentation", "training"), run)


def test_class_weights_must_fit_the_classes(run):
    wrong = run.model_copy(update={"segmentation": run.segmentation.model_copy(update={"class_weights": (1.0, 2.0)})})
    with pytest.raises(UserError, match="class_weights: expected 3 numbers, for ground, square, spot"):
        train("shapes", networks.load("unet", wrong), tasks.part("segmentation", "training"), wrong)
