"""Training takes the weights that the stage `weights` left, and no others."""

from types import SimpleNamespace

import pytest

from pipeline import paths
from pipeline.errors import UserError
from pipeline.training.start import pretrained
from pipeline.weights.make import make


def network(name, **settings):
    return SimpleNamespace(name=name, settings=SimpleNamespace(**settings))


@pytest.fixture(autouse=True)
def project(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mine.h5").write_bytes(b"weights")


def test_without_weights_nothing_is_read():
    assert pretrained(network("unet", encoder="none", encoder_weights=None)) == (None, None)
    assert pretrained(network("toy")) == (None, None)


def test_the_file_and_its_origin_are_found():
    make({"unet": {"encoder": "resnet50", "encoder_weights": "mine.h5"}, "vgg16": {"weights": "mine.h5"}})
    file, origin = pretrained(network("unet", encoder="resnet50", encoder_weights="mine.h5"))
    assert file.read_bytes() == b"weights"
    assert (origin["name"], origin["encoder"], origin["size"]) == ("mine.h5", "resnet50", 7)
    assert pretrained(network("vgg16", weights="mine.h5"))[0] == paths.weights("vgg16") / "mine.h5"


def test_other_weights_than_asked_for_are_refused():
    with pytest.raises(UserError, match="expected the weights imagenet of resnet50, found none; `dvc repro weights`"):
        pretrained(network("unet", encoder="resnet50", encoder_weights="imagenet"))
    make({"unet": {"encoder": "resnet50", "encoder_weights": "mine.h5"}})
    with pytest.raises(UserError, match=r"imagenet of resnet50, found those of resnet50, mine\.h5"):
        pretrained(network("unet", encoder="resnet50", encoder_weights="imagenet"))
    with pytest.raises(UserError, match=r"mine\.h5 of vgg16, found those of resnet50"):
        pretrained(network("unet", encoder="vgg16", encoder_weights="mine.h5"))
