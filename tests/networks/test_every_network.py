"""What every network of the registry can do: learn, go on after a kill, come back from its file, predict, be exported.

A network that is added is held to it without a word here, in a tiny form; if it cannot be made small by the settings of
`SMALLER`, give it others in `OWN`.
"""

import functools
import json
import subprocess
import sys
from contextlib import suppress
from types import SimpleNamespace

import keras
import numpy as np
import pytest
from keras import layers

from pipeline import networks, params, tasks
from pipeline.datasets.sources.phantom import mitochondria, tissue
from pipeline.errors import UserError
from pipeline.export import export
from pipeline.images.sections import around, channels_seen, context_of, join
from pipeline.inference.model import load_trained
from pipeline.networks import densenet, googlenet, resnext
from pipeline.networks.common import residual
from pipeline.networks.common.blocks import add_to_logits
from pipeline.patches.packed import Packed
from pipeline.predict import DEFAULTS
from pipeline.training.batches import Batches, statistics
from pipeline.training.checkpoint import Checkpoint
from pipeline.training.devices import prepare
from pipeline.training.fit import fit
from pipeline.training.save import save

SMALLER = {"filters": 8, "depth": 2, "dense": 32, "growth": 4, "groups": 4, "width": 2}  # each where the settings allow it
OWN = {
    "vgg16": {"normalization": "batch", "lr_scale": 0.1, "dropout": 0.0},
    "encoder_classifier": {
        "encoder": "vgg16",
        "lr_scale": 0.1,
        "dropout": 0.0,
    },  # others leave one pixel of 32 × 32, and learn slower
    "wide_resnet": {"depth": 10},
    "googlenet": {"stem": "imagenet"},  # which halves the image three times before the modules, and not once
}
CONTEXT = {"unet_3d": 1}  # neighbouring sections on each side of each of its own
CLASSES = ("adipose", "lymphocytes", "stroma")
SIZE = 32  # rows and columns of a patch
TRAIN = {"epochs": 8, "batch_size": 4, "lr": 0.01, "warmup": 0.5, "flips": True}


def load(name):
    """A network with its own defaults, but for the sizes."""

    def network(section):
        return networks.load(name, SimpleNamespace(networks={name: section}))

    section = OWN.get(name, {})
    for key, value in SMALLER.items():
        with suppress(UserError):  # it has no such setting, or allows other values
            section = network({key: value} | section).settings.model_dump(exclude_unset=True)
    return network(section)


def halved(images):
    """Mean of 2 × 2 pixels: (..., H, W, C) uint8 to (..., H / 2, W / 2, C) uint8."""
    *batch, rows, columns, channels = images.shape
    return images.reshape(*batch, rows // 2, 2, columns // 2, 2, channels).mean(axis=(-4, -2)).astype(np.uint8)


@functools.cache
def phantom(task, context=0):
    """Patches of training and of validation, no larger than a network needs to show that it learns."""
    if task == "segmentation":
        images, masks = mitochondria.volume(7, sections=6)
        images, masks = halved(images[..., None]), masks[:, ::2, ::2]
        images = np.stack([join([images[near] for near in around(place, 0, 5, context)], "") for place in range(6)])
        cut = [
            (z, slice(r, r + SIZE), slice(c, c + SIZE))
            for z in range(6)
            for r in range(0, 128, SIZE)
            for c in range(0, 128, SIZE)
        ]
        images, targets = (np.stack([array[place] for place in cut]) for array in (images, masks))
        first = 64  # the sections before the fifth
    else:
        rng = np.random.default_rng(7)
        slides = [tissue.slide(rng) for _ in range(8)]
        images = np.stack([halved(tissue.tile(rng, where, label)) for where in slides for _ in range(3) for label in CLASSES])
        targets = np.arange(len(images)) % len(CLASSES)
        first = 54  # the tiles of the first six slides
    return Packed(images[:first], targets[:first]), Packed(images[first:], targets[first:])


def card_of(network):
    segmentation = network.task == "segmentation"
    channels = 1 if segmentation else 3
    card = {"name": "phantom", "task": network.task, "network": network.name, "channels": channels, "patch_size": [SIZE, SIZE]}
    card |= {"classes": ["background", "mitochondria"] if segmentation else CLASSES, "intensity_range": [[0, 255]] * channels}
    card |= {"context": CONTEXT[network.name]} if network.name in CONTEXT else {}
    card |= {"resize": None} | {"threshold": 0.5, "threshold_flips": 0.5} if segmentation else {"resize": [SIZE, SIZE]}
    return json.loads(json.dumps(card))


class Kept(Checkpoint):
    """A checkpoint that keeps aside what a process killed before the last epoch would leave behind."""

    def write(self, arrays, values):
        if len(values["epochs"]) == TRAIN["epochs"]:
            self.path.rename(self.path.with_suffix(".kept"))
        super().write(arrays, values)


def train(network, folder, checkpoint):
    """Train as the stage does; return the path of the model."""
    patches = phantom(network.task, CONTEXT.get(network.name, 0))
    settings = network.settings.model_copy(update={"epochs_scale": 1.0, "batch_scale": 1.0})
    settings = settings.training(params.load().train.model_copy(update=TRAIN))
    prepare(5, "float32")
    card, task, (mean, variance) = card_of(network), tasks.part(network.task, "training"), statistics(patches[0].images)
    model = network.build_for(card, mean=mean, variance=variance, seed=5, pretrained=None)
    batches = Batches(patches[0], settings.batch_size, 5, shuffle=True, flips=settings.flips)
    goal = task.loss(params.load(), card), task.metric(card)
    fit(model, batches, Batches(patches[1], settings.batch_size), *goal, settings, folder / "curves.csv", checkpoint)
    path = folder / f"{network.name}.keras"
    save(model, path, card)
    path.with_suffix(".json").unlink()  # all that follows needs one file
    return path


@pytest.fixture(scope="module")
def shallow():
    """Fewer and narrower blocks than the papers have, which `test_classification_networks` counts: they repeat what a few do."""
    narrow = SimpleNamespace(**vars(layers))
    narrow.Conv2D = lambda filters, *arguments, **settings: layers.Conv2D(filters // 4, *arguments, **settings)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys.modules[keras.applications.VGG16.__module__], "layers", narrow)
        for table, depth in ((residual.BLOCKS, 18), (resnext.BLOCKS, 26), (densenet.LAYERS, 121)):
            patch.setitem(table, depth, (2, 1, 1, 1))
        patch.setattr(resnext, "FILTERS", 16)
        patch.setattr(googlenet, "INCEPTIONS", {name: googlenet.INCEPTIONS[name] for name in ("3a", "4a", "5a")})
        yield


@pytest.fixture(scope="module")
def trained(tmp_path_factory, shallow):
    """Train a network once: ``trained(name)``, the path of its model."""
    root = tmp_path_factory.mktemp("every")
    return functools.cache(lambda name: train(load(name), root / name, Kept(root / f"{name}.npz")))


@pytest.fixture(scope="module")
def loaded(trained):
    """Load a trained network once: ``loaded(name)``."""
    return functools.cache(lambda name: load_trained(trained(name)))


every = pytest.mark.parametrize("name", params.network_names())


@every
def test_it_learns(name, loaded):
    model = loaded(name)
    _, validation = phantom(model.card["task"], context_of(model.card))
    images = [model.scaled(image) for image in validation.images]
    if model.card["task"] == "segmentation":
        found = np.stack([model.segment(image, DEFAULTS) >= 0.5 for image in images])
        dice = 2 * (found & validation.targets).sum() / (found.sum() + validation.targets.sum())
        assert dice > 0.6  # all foreground: 0.2
    else:
        assert (model.classify(images).argmax(axis=1) == validation.targets).mean() > 0.6  # one class: 0.33


@every
def test_it_goes_on_after_a_kill_to_the_same_bytes(name, trained, tmp_path):
    path = trained(name)
    (tmp_path / "cut.npz").write_bytes((path.parent.parent / f"{name}.kept").read_bytes())
    again = train(load(name), tmp_path / "again", Checkpoint(tmp_path / "cut.npz"))
    for file in (path, path.with_name("curves.csv")):
        assert (again.parent / file.name).read_bytes() == file.read_bytes(), file.name


@every
def test_it_predicts_images_of_any_size(name, loaded):
    model = loaded(name)
    rng = np.random.default_rng(0)
    images = [rng.random((*size, channels_seen(model.card)), np.float32) for size in [(1, 1), (33, 64), (101, 40)]]
    if model.card["task"] == "segmentation":
        for image in images:
            probability = model.segment(image, DEFAULTS)
            assert probability.shape == image.shape[:2] and np.isfinite(probability).all()
    else:
        np.testing.assert_allclose(model.classify(images).sum(axis=1), 1)


@every
def test_onnx_computes_the_same(name, trained, loaded, tmp_path):
    weights, difference = export(trained(name), "onnx", tmp_path / "a.onnx")
    assert weights == loaded(name).network.count_params()
    assert difference < 1e-4


def test_all_come_back_in_a_fresh_process(trained, loaded, tmp_path):
    images, expected = {}, {}
    for name in params.network_names():
        network = loaded(name).network
        images[name] = np.random.default_rng(0).random((2, SIZE, SIZE, network.input.shape[-1]), np.float32)
        # Called, not compiled: tests before this one may have changed what TensorFlow's graph optimizer fuses.
        expected[name] = network(images[name], training=False)
    np.savez(tmp_path / "images.npz", **images)
    np.savez(tmp_path / "expected.npz", **expected)
    script = """
import sys, keras, numpy as np
import pipeline.networks.common.layers
images, expected = (np.load(f"{sys.argv[1]}/{name}.npz") for name in ("images", "expected"))
for path in sys.argv[2:]:
    network = keras.saving.load_model(path, compile=False, safe_mode=True)
    assert not any(type(layer).__name__ == "Lambda" for layer in network.layers)
    name = path.split("/")[-1].removesuffix(".keras")
    np.testing.assert_allclose(network(images[name], training=False), expected[name], atol=1e-5)
"""
    paths = [str(trained(name)) for name in params.network_names()]
    subprocess.run([sys.executable, "-c", script, str(tmp_path), *paths], check=True)


@pytest.mark.parametrize("name", [name for name in params.network_names() if load(name).task == "segmentation"])
def test_its_logits_can_be_raised(name, loaded):
    """As `weigh_classes` does for several classes."""
    network, image = loaded(name).network, np.random.default_rng(0).random((1, 32, 32, loaded(name).network.input.shape[-1]))
    before = np.asarray(network(image))
    assert add_to_logits(network, [2.0])
    after = np.asarray(network(image))
    add_to_logits(network, [-2.0])
    np.testing.assert_allclose(after, before + 2, atol=1 if name == "unetpp" else 1e-4)  # which averages probabilities
