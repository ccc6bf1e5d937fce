"""Three folds of both tasks, from the split to report and prediction."""

import json
import re
from dataclasses import replace

import keras
import numpy as np
import pandas as pd
import pytest
import tifffile

from pipeline import networks, params, paths, tasks
from pipeline.datasets.layout import DatasetInfo, DatasetWriter
from pipeline.errors import UserError
from pipeline.evaluation.evaluate import evaluate
from pipeline.evaluation.test_split import fingerprint, open_every_image
from pipeline.evaluation.transfer import transfer
from pipeline.images.io import read_image, read_mask
from pipeline.inference.ensemble import Ensemble
from pipeline.networks.vgg16 import TITLE as CLASSIFIER
from pipeline.patches.packed import load_packed
from pipeline.patches.patchify import patchify
from pipeline.predict import describe, load, main, predict
from pipeline.scoring.classes import confusion_matrix
from pipeline.stages import report
from pipeline.training.train import train

pytestmark = pytest.mark.filterwarnings("ignore:unlike all training images")  # which the others are

FOLDS, SEEDS = 3, 2
SHAPE = (32, 32)
SPLIT = {"method": "groups", "folds": FOLDS}
SPOTS = {
    "task": "segmentation",
    "source": "folder",
    "path": "spots",
    "split": SPLIT,
    "patches": {"size": [32, 32], "stride": [32, 32]},
}
KINDS = {"task": "classification", "source": "folder", "path": "kinds", "split": SPLIT, "patches": {"resize": [32, 32]}}


def small(*, channels, classes):
    """A classifier of one layer: that of the project takes a minute to save six times."""
    image = keras.Input((32, 32, channels))
    features = keras.layers.Conv2D(2, 9, strides=4)(image)
    return keras.Model(image, keras.layers.Dense(classes)(keras.layers.Flatten()(features)))


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """Params of a finished run in the working directory; brighter groups make the folds measure different intensities."""
    settings = params.load()
    text = paths.PARAMS.read_text()
    settings = settings.model_copy(
        update={
            "datasets": {"spots": params.Dataset(**SPOTS), "kinds": params.Dataset(**KINDS)},
            "augment": settings.augment.model_copy(update={"copies": 0}),
            "train": settings.train.model_copy(update={"epochs": 2, "lr": 0.01, "batch_size": 4, "precision": "float32"}),
        }
    )
    settings.networks["unet"] |= {"filters": 2, "depth": 1, "dropout": 0.0, "datasets": ["spots"]}
    twice = settings.model_copy(update={"train": settings.train.model_copy(update={"repeats": SEEDS})})
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(tmp_path_factory.mktemp("folds"))
        patch.setattr(params, "load", lambda: settings)
        paths.PARAMS.write_text(text)
        rng = np.random.default_rng(5)
        for name, count in (("spots", 9), ("kinds", 18)):
            with DatasetWriter(paths.raw(name)) as writer:
                for number in range(count):
                    mask = np.zeros(SHAPE, bool)
                    top, left = rng.integers(0, 20, 2)
                    mask[top : top + 12, left : left + 12] = number % 3 != 1
                    image = (40 + 10 * number + 80 * mask + rng.normal(0, 6, SHAPE)).clip(0, 255).astype(np.uint8)[..., None]
                    facts = {"mask": mask} if name == "spots" else {"label": "many" if number % 3 else "few"}
                    writer.add(f"i{number:02d}", image, group=f"g{number // 2}", **facts)
                task = SPOTS["task"] if name == "spots" else KINDS["task"]
                classes = ("background", "spot") if name == "spots" else ("few", "many")
                writer.finish(DatasetInfo(name, "folder", task, classes, 1, grouped=True))
            patchify(name, settings)
        train("spots", networks.load("unet", settings), tasks.part("segmentation", "training"), settings)
        classifier = replace(networks.load("vgg16", settings), builder=small)
        train("kinds", classifier, tasks.part("classification", "training"), twice)
        evaluate("spots", ["unet"], tasks.part("segmentation", "evaluation"), settings)
        evaluate("kinds", [classifier.name], tasks.part("classification", "evaluation"), settings)
        report.main()
        yield settings


def split(dataset, fold):
    return pd.read_csv(paths.patches(dataset, fold) / "split.csv", keep_default_na=False)


def fold_models(dataset, network):
    return [paths.model(dataset, network), *(paths.repeats(dataset, network) / f"fold-{fold}.keras" for fold in (1, 2))]


def test_each_image_is_scored_once_by_the_network_that_never_saw_its_group(run):
    """By hand: the network of each fold predicts the images that this fold tests, with its own range and threshold."""
    counts, per_fold = 0, []
    for fold, path in enumerate(fold_models("spots", "unet")):
        table, model = split("spots", fold), load(path)
        trained = set(table.loc[table["split"] != "test", "group"])
        tested = table[table["split"] == "test"]
        assert not trained & set(tested["group"]) and model.card["fold"] == fold and model.card["folds"] == FOLDS
        of_fold = 0
        for row in tested.itertuples():
            found = predict(model, read_image(paths.raw("spots") / row.image)).mask
            of_fold = of_fold + confusion_matrix(read_mask(paths.raw("spots") / row.mask), found, 2)
        counts = counts + of_fold
        per_fold.append((len(tested), of_fold))
    headline = json.loads(paths.metrics("spots", "unet").read_text())
    detail = json.loads((paths.details("spots", "unet") / "detail.json").read_text())
    (tn, fp), (fn, tp) = counts
    assert headline["dice"] == pytest.approx(2 * tp / (2 * tp + fp + fn), abs=1e-4)
    assert headline["accuracy"] == pytest.approx((tp + tn) / counts.sum(), abs=1e-4)
    assert detail["trivial"]["iou"] == pytest.approx((tp + fn) / counts.sum(), abs=1e-4)
    assert detail["test_images"] == 9 and detail["unit"]["count"] == 5 and detail["unit"]["name"] == "group"
    for found, (images, ((tn, fp), (fn, tp))) in zip(detail["folds"], per_fold, strict=True):
        assert found["images"] == images and found["accuracy"] == pytest.approx((tp + tn) / (tp + fp + fn + tn), abs=1e-4)
    assert headline["data"] == fingerprint("spots", open_every_image("spots"))  # however they were dealt
    table = pd.read_csv(paths.details("spots", "unet") / "per_image.csv")
    assert sorted(table["image"]) == [f"i{number:02d}" for number in range(9)]


def test_the_majority_is_that_of_each_fold(run):
    right = 0
    for fold in range(FOLDS):
        table = split("kinds", fold)
        commonest = np.bincount(load_packed(paths.patches("kinds", fold), "train").targets).argmax()
        right += (table.loc[table["split"] == "test", "label"] == ("few", "many")[commonest]).sum()
    details = paths.details("kinds", "vgg16")
    detail = json.loads((details / "detail.json").read_text())
    assert detail["trivial"]["accuracy"] == pytest.approx(right / 18)
    table = pd.read_csv(details / "per_image.csv")
    assert sorted(table["image"]) == [f"i{number:02d}" for number in range(18)]
    assert json.loads(paths.metrics("kinds", "vgg16").read_text())["accuracy"] == pytest.approx(
        (table["actual"] == table["predicted"]).mean(), abs=1e-4
    )


def test_seeds_are_sets_of_folds_and_score_as_one_too(run):
    detail = json.loads((paths.details("kinds", "vgg16") / "detail.json").read_text())
    assert detail["repeats"]["accuracy"]["n"] == SEEDS and len(detail["folds"]) == FOLDS
    names = ["", "-fold-1", "-fold-2"]
    right = []
    for first, name in zip(fold_models("kinds", "vgg16"), names, strict=True):
        model = load([first, paths.repeats("kinds", "vgg16") / f"{run.seed + 1}{name}.keras"])
        tested = split("kinds", model.card["fold"])
        for row in tested[tested["split"] == "test"].itertuples():
            answer = predict(model, read_image(paths.raw("kinds") / row.image))
            right.append(max(answer, key=answer.get) == row.label)
    assert detail["ensemble"]["accuracy"] == pytest.approx(np.mean(right), abs=1e-5)


def test_the_report_says_how_the_images_were_scored(run):
    page = re.sub(r"<[^>]+>", "", paths.PAGE.read_text())
    assert "3 folds, each image scored by a network that never saw its group. 9 test images in 5 groups." in page
    assert "Fold by fold" in page and "U-Net, fold 2" in page and f"{CLASSIFIER}, as one" in page
    assert "in any of 3 folds (18 images, each tested once)" in page
    audit = json.loads(paths.audit("spots").read_text())
    assert audit["folds"] == 3 and audit["images"] == {"train": 9, "val": 9, "test": 9} and audit["unit"]["test"] == 5


def test_folds_predict_as_one_with_their_disagreement(run, tmp_path):
    models, image = fold_models("spots", "unet"), paths.raw("spots") / "images/i04.png"
    ranges = [json.loads(path.with_suffix(".json").read_text())["intensity_range"] for path in models]
    assert len({str(found) for found in ranges}) > 1
    each = [predict(load(path), read_image(image)).probability for path in models]
    main([str(models[0]), str(image), "--ensemble", "--out", str(tmp_path / "out"), "--tile", "32", "--overlap", "0"])
    probability, disagreement, mask = (
        tifffile.imread(tmp_path / f"out/i04_{kind}.tif") for kind in ("probability", "disagreement", "mask")
    )
    np.testing.assert_allclose(probability, np.mean(each, axis=0), atol=1e-5)
    np.testing.assert_allclose(disagreement, np.std(each, axis=0), atol=1e-5)
    model = load(models)
    threshold = np.mean([json.loads(path.with_suffix(".json").read_text())["threshold"] for path in models])
    np.testing.assert_array_equal(mask == 255, probability >= np.float32(threshold))
    assert isinstance(model, Ensemble) and "mean of 3 networks" in describe(models[0], model)
    np.testing.assert_allclose(predict(model, read_image(image)).disagreement, disagreement, atol=1e-5)


def test_classifiers_predict_as_one_with_their_disagreement(run, tmp_path):
    model, image = paths.model("kinds", "vgg16"), paths.raw("kinds") / "images/i04.png"
    main([str(model), str(image), "--ensemble", "--out", str(tmp_path)])
    found = pd.read_csv(tmp_path / "predictions.csv").iloc[0]
    paths_of_all = [model, *paths.repeats("kinds", "vgg16").glob("*.keras")]
    each = pd.DataFrame([predict(load(path), read_image(image)) for path in paths_of_all])
    assert len(each) == FOLDS * SEEDS
    assert found[found["predicted"]] == pytest.approx(each[found["predicted"]].mean(), abs=1e-5)
    assert found["disagreement"] == pytest.approx(each[found["predicted"]].std(ddof=0), abs=1e-5)


@pytest.fixture(scope="module")
def elsewhere(run):
    """Other images of both tasks, on which the networks of all folds are scored; one has its classes in another order."""
    others = {"dots": {**SPOTS, "path": "dots"}, "sorts": {**KINDS, "path": "sorts"}}
    once = {name: params.Dataset(**block | {"split": {"method": "groups"}}) for name, block in others.items()}
    settings = run.model_copy(update={"datasets": run.datasets | once})
    rng = np.random.default_rng(6)
    for name, classes in (("dots", ("background", "dot")), ("sorts", ("many", "few"))):
        with DatasetWriter(paths.raw(name)) as writer:
            for number in range(12):
                mask = np.zeros((48, 40), bool)
                mask[number : number + 24, 4 : 18 + number] = True
                image = (40 + 12 * number + 80 * mask + rng.normal(0, 9, mask.shape)).clip(0, 255).astype(np.uint8)[..., None]
                writer.add(f"o{number:02d}", image, **({"mask": mask} if name == "dots" else {"label": classes[number % 3 == 0]}))
            writer.finish(DatasetInfo(name, "folder", once[name].task, classes, 1))
        patchify(name, settings)
    transfer("spots", "dots", ["unet"], tasks.part("segmentation", "evaluation"), settings)
    transfer("kinds", "sorts", ["vgg16"], tasks.part("classification", "evaluation"), settings)
    return settings


def test_on_other_data_the_networks_of_all_folds_segment_as_one(elsewhere):
    models = [load(path) for path in fold_models("spots", "unet")]
    threshold = np.mean([model.card["threshold"] for model in models])
    counts = 0
    for image in sorted((paths.raw("dots") / "images").iterdir()):
        found = np.mean([predict(model, read_image(image)).probability for model in models], axis=0) >= threshold
        counts = counts + confusion_matrix(read_mask(paths.raw("dots") / "masks" / f"{image.stem}.png"), found, 2)
    (tn, fp), (fn, tp) = counts
    headline = json.loads(paths.transfer_metrics("spots-on-dots", "unet").read_text())
    assert headline["dice"] == pytest.approx(2 * tp / (2 * tp + fp + fn), abs=1e-3)
    assert headline["accuracy"] == pytest.approx((tp + tn) / counts.sum(), abs=1e-3)
    result = json.loads(paths.transferred("spots-on-dots").read_text())
    assert result["count"] == result["unit"]["count"] == 12 and result["networks"]["unet"]["folds"] == FOLDS


def test_on_other_data_the_networks_of_all_folds_classify_as_one(elsewhere):
    models = [load(path) for path in fold_models("kinds", "vgg16")]  # of the first seed
    right = []
    for row in pd.read_csv(paths.raw("sorts") / "images.csv").itertuples():
        answer = pd.DataFrame([predict(model, read_image(paths.raw("sorts") / row.image)) for model in models]).mean()
        right.append(answer.idxmax() == row.label)
    headline = json.loads(paths.transfer_metrics("kinds-on-sorts", "vgg16").read_text())
    assert headline["accuracy"] == pytest.approx(np.mean(right), abs=1e-4)
    assert headline.keys() == json.loads(paths.metrics("kinds", "vgg16").read_text()).keys()


def test_networks_of_another_task_are_refused(elsewhere):
    with pytest.raises(UserError, match="expected task segmentation as in training, received classification from sorts"):
        transfer("spots", "sorts", ["unet"], tasks.part("segmentation", "evaluation"), elsewhere)


def test_models_that_do_not_fit_together_are_refused(run):
    with pytest.raises(UserError, match=r"expected task segmentation as .*unet\.keras has, received classification"):
        load([paths.model("spots", "unet"), paths.model("kinds", "vgg16")])
    with pytest.raises(UserError, match="--ensemble: no network in models/spots/none_repeats"):
        main(["models/spots/none.keras", "i.png", "--ensemble", "--out", "out"])
