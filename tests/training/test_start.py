"""A training goes on from a finished model, and says so."""

import hashlib
import json
from pathlib import Path
from types import SimpleNamespace

import keras
import numpy as np
import pytest

from pipeline import networks, params, tasks
from pipeline.errors import UserError
from pipeline.training.devices import prepare
from pipeline.training.save import save
from pipeline.training.start import begun_from, go_on_from, start_file
from pipeline.training.train import train
from pipeline.weights.make import make
from tests.builder import FACTS

CARD = {"name": "mitochondria", "network": "unet", "task": "segmentation", "classes": ["background", "mitochondria"]}
CARD |= {"channels": 1, "resize": None, "intensity_range": [[0, 255]], "threshold": 0.5, "threshold_flips": 0.5}


def save_alone(network, path, **facts):
    """Save a model whose card is inside, and nowhere else."""
    save(network, path, CARD | facts)
    path.with_suffix(".json").unlink()


TESTED = "abcdef"  # the images that are tested now


@pytest.fixture
def former(tmp_path, monkeypatch, project):
    """A project, and beside it a finished model of its network."""
    project(tmp_path, epochs=1)
    monkeypatch.chdir(tmp_path)
    prepare(77, "float32")
    network = networks.load("unet", params.load()).build(**FACTS, channels=1)
    before = {"start": {"epochs": 3}, "pretrained": {"name": "ImageNet"}, "learned_from": ["polyps"]}
    save_alone(network, Path("former/mitochondria/unet.keras"), epochs=4, **before)
    return network


def test_a_training_goes_on_from_a_finished_model(former):
    """With a rate of almost zero, the kernels that come out are those that went in."""
    known = params.load()
    known = known.model_copy(update={"train": known.train.model_copy(update={"start": "former", "lr": 1e-30})})
    train("mitochondria", networks.load("unet", known), tasks.part("segmentation", "training"), known)
    card = json.loads(Path("models/mitochondria/unet.json").read_text())
    file = Path("former/mitochondria/unet.keras")
    digest = hashlib.sha256(file.read_bytes()).hexdigest()
    assert card["start"] == {"file": file.as_posix(), "sha256": digest, "epochs": 7}
    assert card["pretrained"] == {"name": "ImageNet"} and card["learned_from"] == ["polyps"]
    trained = keras.saving.load_model("models/mitochondria/unet.keras", compile=False)
    for its, mine in zip(former.trainable_variables, trained.trainable_variables, strict=True):
        np.testing.assert_allclose(np.array(its), np.array(mine), atol=1e-20)


def test_a_model_that_is_not_there_or_of_another_shape_is_told(former):
    with pytest.raises(UserError, match=r"^train\.start: elsewhere/unet\.keras: no such file; .* copy it out of models/"):
        start_file("elsewhere/unet.keras", "mitochondria", "unet", TESTED)
    assert start_file(None, "mitochondria", "unet", TESTED) is None
    file = start_file("former", "mitochondria", "unet", TESTED)
    wider = networks.load("unet", params.load()).build(**FACTS, channels=3)
    with pytest.raises(UserError, match=r"^train\.start: former/mitochondria/unet\.keras is not a unet with these settings"):
        go_on_from(file, wider, "unet")
    save(former, file)
    assert go_on_from(file, former, "unet")["start"]["epochs"] is None


def test_each_fold_goes_on_from_its_own_network(former):
    """A network of another fold, or of no fold, has seen images that this one tests; one of another data set has not."""
    file, further = (Path("former/mitochondria", name) for name in ("unet.keras", "unet_repeats/fold-1.keras"))
    for fold, path in enumerate((file, further)):
        save_alone(former, path, fold=fold, folds=3)
    assert start_file("former", "mitochondria", "unet", TESTED, 0, 3) == file
    assert start_file("former", "mitochondria", "unet", TESTED, 1, 3) == further
    for folds in (3, 5):
        with pytest.raises(UserError, match=rf"may have seen images that fold 1 of {folds} tests; name a folder"):
            start_file(str(file), "mitochondria", "unet", TESTED, 1, folds)
    assert start_file(str(file), "others", "unet", TESTED, 1, 3) == file
    save(former, file)
    with pytest.raises(UserError, match="with its card"):
        start_file(str(file), "mitochondria", "unet", TESTED, 0, 3)


def test_another_split_is_warned_of(former, capsys):
    file = Path("former/mitochondria/unet.keras")
    for tested, warned in ((TESTED, False), ("123456", True)):
        save_alone(former, file, tested=tested)
        start_file("former", "mitochondria", "unet", TESTED)
        assert ("had another split of mitochondria, and may have seen" in capsys.readouterr().out) == warned
    start_file(str(file), "others", "unet", TESTED)
    assert not capsys.readouterr().out


def test_pretrained_weights_of_the_same_images_are_treated_alike(former, capsys):
    file, encoder = "former/mitochondria/unet.keras", {"encoder": "resnet50", "encoder_weights": "former/mitochondria/unet.keras"}
    unet = SimpleNamespace(name="unet", settings=SimpleNamespace(**encoder))
    for tested, warned in ((TESTED, False), ("123456", True)):
        save_alone(former, Path(file), tested=tested)
        make({"unet": encoder})
        assert begun_from(unet, None, "mitochondria", [TESTED]) == [None]
        assert (f"unet: the pretrained weights {file} had another split" in capsys.readouterr().out) == warned
    assert begun_from(unet, None, "others", [TESTED] * 3) == [None] * 3
    save_alone(former, Path(file), tested=TESTED, fold=0, folds=3)
    make({"unet": encoder})
    with pytest.raises(UserError, match="may have seen images that fold 1 of 3 tests; name a model of another data set"):
        begun_from(unet, None, "mitochondria", [TESTED] * 3)
    start = Path("other/unet.keras")  # whose weights replace the pretrained ones
    save_alone(former, start, name="polyps")
    assert begun_from(unet, str(start), "mitochondria", [TESTED] * 3) == [start] * 3
