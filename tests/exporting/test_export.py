"""Every exported network computes what Keras computes, at any size; an export appears whole or not at all."""

import json
import shutil
import subprocess
import sys
import zipfile

import keras
import numpy as np
import pytest

from pipeline import tasks
from pipeline.errors import UserError
from pipeline.export import export, main
from pipeline.exporting import bioimage, convert, onnx, openvino, savedmodel
from pipeline.exporting.convert import difference, portable
from pipeline.inference.ensemble import load_all
from pipeline.inference.model import TrainedModel
from pipeline.networks.common.layers import CropTo, PadTo
from pipeline.params import Inference
from tests.builder import builder

attn_resunet, lenet5, unet = map(builder, ("attn_resunet", "lenet5", "unet"))

STATISTICS = {"mean": [0.4, 0.5, 0.6], "variance": [0.04, 0.05, 0.06]}
SEEN = [[[0]] * 6, [[1]] * 6]
SIZES = [(173, 95), (3, 48)]  # the second leaves one row after two poolings


def build(name):
    keras.utils.set_random_seed(0)  # the same network each time: a difference that is found can be found again
    if name == "lenet5":
        return lenet5(size=(32, 32), channels=3, classes=4, **STATISTICS)
    network = attn_resunet(channels=3, filters=4, depth=2, normalization="batch", **STATISTICS)
    for number, layer in enumerate(network.layers):  # statistics as after some training
        if isinstance(layer, keras.layers.BatchNormalization):
            layer.moving_mean.assign(np.random.default_rng(number).normal(0, 0.2, layer.moving_mean.shape))
    return network


def card_of(name):
    classification = name == "lenet5"
    return {
        "name": "tissue" if classification else "polyps",
        "source": "phantom",
        "task": "classification" if classification else "segmentation",
        "classes": ["adipose", "debris", "mucosa", "tumour"] if classification else ["background", "polyp"],
        "channels": 3,
        "pixel_size_nm": None if classification else [8.0, 6.0],
        "phantom": True,
        "licence": "CC BY 4.0",
        "citation": "Somebody: A set of images, 2020, doi 10.1234/abc.5",
        "url": "https://example.org/images",
        "resize": [32, 32] if classification else None,
        "patch_size": [32, 32],
        "network": name,
        "title": name,
        "network_citation": "Somebody else: A network, 2015, arXiv 1505.04597",
        "threshold": 0.4375,
        "threshold_flips": 0.5,
        "intensity_range": [[10, 250]] * 3,
        "intensity_seen": [[[0] * 3] * 6, [[1] * 3] * 6],
    }


def logits_to_probabilities(name, logits):
    logits = np.asarray(logits, np.float64)
    if name != "lenet5":
        return 1 / (1 + np.exp(-logits))
    odds = np.exp(logits)
    return odds / odds.sum(axis=-1, keepdims=True)


@pytest.fixture(scope="module", params=["attn_resunet", "lenet5"])
def trained(request, tmp_path_factory):
    """Name, network, path of its file with the card beside it, and images with their probabilities."""
    name = request.param
    network = build(name)
    path = tmp_path_factory.mktemp("models") / f"{name}.keras"
    network.save(path)
    path.with_suffix(".json").write_text(json.dumps(card_of(name)))
    sizes = [(32, 32)] if name == "lenet5" else SIZES
    images = [np.random.default_rng(1).random((n, *size, 3), np.float32) for n, size in enumerate(sizes, start=1)]
    return name, network, path, [(x, logits_to_probabilities(name, network(x, training=False))) for x in images]


@pytest.fixture(scope="module")
def exported(trained, tmp_path_factory):
    """A trained network's ONNX file, with what exporting it told."""
    path = tmp_path_factory.mktemp("exported") / "a.onnx"
    return path, export(trained[2], "onnx", path)


@pytest.fixture
def same_onnx(exported, monkeypatch):
    """The formats that are made from ONNX take the exported file: tf2onnx needs seconds for each."""
    monkeypatch.setattr(onnx, "write", lambda network, model, task, path: shutil.copy(exported[0], path))


def agree(run, pairs):
    for images, expected in pairs:
        received = run(images)
        assert received.dtype == np.float32
        np.testing.assert_allclose(received, expected, rtol=0, atol=1e-4)


def test_onnx_computes_what_keras_computes(trained, exported):
    _, network, _, pairs = trained
    path, (weights, found) = exported
    assert weights == network.count_params()
    assert 0 <= found < 1e-5
    agree(onnx.read(path), pairs)


def test_openvino_computes_what_keras_computes(trained, tmp_path, same_onnx):
    name, _, path, pairs = trained
    export(path, "openvino", tmp_path / "ov")
    agree(openvino.read(tmp_path / "ov"), pairs)
    assert sorted(file.name for file in (tmp_path / "ov").iterdir()) == ["card.json", "model.bin", "model.xml"]
    assert json.loads((tmp_path / "ov/card.json").read_text()) == card_of(name)
    assert "openvino_telemetry" not in sys.modules  # its converter would report the use


def test_onnx_says_what_it_is(trained, exported):
    import onnx as library

    name = trained[0]
    model = library.load(exported[0])
    (properties,) = model.metadata_props
    assert json.loads(properties.value) == card_of(name)
    (entry,), (result,) = model.graph.input, model.graph.output  # statistics of the images are no further inputs
    assert (entry.name, result.name) == ("image", "probability")
    axes = [axis.dim_param or axis.dim_value for axis in entry.type.tensor_type.shape.dim]
    assert axes == (["batch", 32, 32, 3] if name == "lenet5" else ["batch", "height", "width", 3])


def test_savedmodel_runs_without_this_project(trained, tmp_path):
    name, _, path, pairs = trained
    export(path, "savedmodel", tmp_path / "saved")
    agree(savedmodel.read(tmp_path / "saved"), pairs)
    assert json.loads((tmp_path / "saved/card.json").read_text()) == card_of(name)


@pytest.mark.filterwarnings("ignore:Found mapping with 'source'")  # bioimageio.spec about its own descriptions
def test_the_validator_of_the_model_zoo_passes_a_package(trained, tmp_path, same_onnx):
    from bioimageio.core import load_description, test_model

    name, _, path, pairs = trained
    export(path, "bioimage", tmp_path / "a.zip")
    summary = test_model(tmp_path / "a.zip")
    assert summary.status == "passed", summary.format()
    agree(bioimage.read(tmp_path / "a.zip"), pairs)
    described = load_description(tmp_path / "a.zip")
    assert str(described.license) == "CC-BY-4.0"
    assert {str(entry.doi) for entry in described.cite} == {"10.48550/arXiv.1505.04597", "10.1234/abc.5"}
    assert json.loads(described.config.biomedical_image_pipeline["card"]) == card_of(name)
    if name == "attn_resunet":
        assert [axis.scale for axis in described.inputs[0].axes[1:3]] == [8.0, 6.0]
    with zipfile.ZipFile(tmp_path / "a.zip") as package:
        text = b"".join(package.read(file) for file in package.namelist() if file.endswith((".md", ".yaml"))).decode()
    assert str(tmp_path) not in text


def test_a_package_of_a_network_of_two_channels_for_resized_images(tmp_path):
    from bioimageio.core import load_description

    path = tmp_path / "unet.keras"
    unet(channels=2, filters=2, depth=1).save(path)
    path.with_suffix(".json").write_text(
        json.dumps(card_of("unet") | {"channels": 2, "colour": False, "intensity_range": [[10, 250]] * 2, "resize": [48, 64]})
    )
    export(path, "bioimage", tmp_path / "a.zip")
    described = load_description(tmp_path / "a.zip")
    assert list(map(str, described.inputs[0].axes[3].channel_names)) == ["channel 1", "channel 2"]


def test_a_package_for_images_reduced_by_a_factor_takes_any_size_and_says_how_large_their_pixels_are(tmp_path):
    from bioimageio.core import load_description

    path = tmp_path / "unet.keras"
    unet(channels=3, filters=2, depth=1).save(path)
    path.with_suffix(".json").write_text(json.dumps(card_of("unet") | {"resize": 0.5, "pixel_size_nm": [4.0, 5.0]}))
    export(path, "bioimage", tmp_path / "a.zip")
    described = load_description(tmp_path / "a.zip")
    rows, columns = described.inputs[0].axes[1:3]
    assert (rows.scale, columns.scale, rows.size.step) == (8.0, 10.0, 2)
    with zipfile.ZipFile(tmp_path / "a.zip") as package:
        readme = package.read("README.md").decode()
    assert "First resize each by a factor of 0.5, with smoothing." in readme
    assert "Resize it back to the size of the image. Validation chose 0.4375 as threshold after that." in readme


@pytest.mark.parametrize("channels", [1, 3])
def test_the_example_of_a_package_is_as_large_as_its_description_says(channels):
    card = {"channels": channels, "resize": None}
    assert bioimage._example(card, tasks.part("segmentation", "exporting"), (512, 512)).shape == (512, 512, channels)


def test_padding_to_whole_cells_is_the_same_in_onnx(tmp_path):
    """As encoders pad images, and crop them again; the verification has an odd size."""
    inputs = keras.Input((None, None, 1), name="image")
    x = keras.layers.MaxPooling2D(8)(PadTo(32)(inputs))
    model = TrainedModel(keras.Model(inputs, CropTo()([keras.layers.UpSampling2D(8)(x), inputs])), {})
    network = portable(model, "sigmoid")
    onnx.write(network, model, None, tmp_path / "padded.onnx")
    assert difference(onnx.read(tmp_path / "padded.onnx"), network) < 1e-6


def test_what_was_trained_in_bfloat16_is_exported_in_float32():
    policy = keras.config.dtype_policy()
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        network = unet(channels=1, filters=4, depth=1, normalization="batch")
    finally:
        keras.config.set_dtype_policy(policy)
    copy = portable(TrainedModel(network, {}), "sigmoid")
    assert {layer.compute_dtype for layer in copy.layers} == {"float32"}
    images = np.random.default_rng(0).random((1, 20, 30, 1), np.float32)
    expected = logits_to_probabilities("unet", np.asarray(network(images)))
    np.testing.assert_allclose(np.asarray(copy(images)), expected, atol=0.02)  # three digits of bfloat16


@pytest.fixture(scope="module")
def small(tmp_path_factory):
    """The path of a small network's file, with its card beside it."""
    path = tmp_path_factory.mktemp("small") / "unet.keras"
    unet(channels=1, filters=2, depth=1).save(path)
    path.with_suffix(".json").write_text(json.dumps(card_of("unet") | {"channels": 1}))
    return path


def test_folds_are_exported_as_one_network(small, tmp_path):
    """It returns the mean of what each fold says of the image in its own range, as `pipeline.predict --ensemble` does."""
    paths = [tmp_path / "unet.keras", *(tmp_path / "unet_repeats" / f"fold-{n}.keras" for n in (2, 3))]
    paths[1].parent.mkdir()
    for path, brightest in zip(paths, (250, 180, 120), strict=True):
        network = unet(channels=1, filters=2, depth=1)
        network.layers[-1].bias.assign([brightest / 100])
        network.save(path)
        path.with_suffix(".json").write_text(
            json.dumps(card_of("unet") | {"channels": 1, "intensity_range": [[10, brightest]], "intensity_seen": SEEN})
        )
    main([str(paths[0]), "--ensemble", "--format", "onnx", "--out", str(tmp_path / "a.onnx")])
    model, image = load_all(paths), np.random.default_rng(0).random((40, 30, 1), np.float32)
    settings = Inference(tile=(64, 64), overlap=(8, 8), batch_size=1, flips=False)
    found = onnx.read(tmp_path / "a.onnx")(image[None])[0, ..., 0]
    np.testing.assert_allclose(found, model.segment(image, settings), atol=1e-5)
    assert np.abs(found - model.members[0].segment(image, settings)).max() > 0.01
    with pytest.raises(UserError, match=r"--ensemble: no network in .*_repeats; set train.repeats or split.folds above 1"):
        main([str(small), "--ensemble", "--format", "onnx", "--out", str(tmp_path / "b.onnx")])


@pytest.mark.parametrize("wrong", [lambda p: p + 2e-4, lambda p: p[:, :-1], lambda p: p * np.nan])
def test_every_difference_is_found(wrong):
    copy = portable(TrainedModel(unet(channels=1, filters=2, depth=1), {}), "sigmoid")
    assert difference(lambda images: np.asarray(copy(images)), copy) <= convert.LIMIT
    assert not difference(lambda images: wrong(np.asarray(copy(images))), copy) <= convert.LIMIT


def test_what_differs_is_refused_and_leaves_nothing_behind(small, tmp_path, monkeypatch):
    monkeypatch.setattr(convert, "difference", lambda run, network: 2e-4)
    monkeypatch.setattr(onnx, "write", Fake.write)
    monkeypatch.setattr(onnx, "read", Fake.read)
    with pytest.raises(UserError, match=r"onnx: probabilities differ from those of Keras by 2\.0e-04 \(limit 0\.0001\)"):
        export(small, "onnx", tmp_path / "new" / "a.onnx")
    assert list((tmp_path / "new").iterdir()) == []


class Fake:
    """A format that writes at once."""

    @staticmethod
    def write(network, model, task, path):
        path.write_text("new")

    @staticmethod
    def read(path):
        return None


def test_the_command_prints_one_line(small, tmp_path):
    command = [sys.executable, "-m", "pipeline.export", small, "--format", "onnx", "--out", tmp_path / "a.onnx"]
    result = subprocess.run(command, capture_output=True, text=True)
    assert (result.returncode, result.stderr) == (0, "")
    (line,) = result.stdout.splitlines()
    assert line.startswith(f"{tmp_path / 'a.onnx'}: ")
    assert "weights, differs from Keras by at most" in line
    assert [file.name for file in tmp_path.iterdir()] == ["a.onnx"]


def test_overwrite_replaces_an_export(small, tmp_path, monkeypatch):
    monkeypatch.setattr(convert, "difference", lambda run, network: 0.0)
    monkeypatch.setattr(onnx, "write", Fake.write)
    monkeypatch.setattr(onnx, "read", Fake.read)
    (tmp_path / "a.onnx").write_text("old")
    main([str(small), "--format", "onnx", "--out", str(tmp_path / "a.onnx"), "--overwrite"])
    assert (tmp_path / "a.onnx").read_text() == "new"
    assert [file.name for file in tmp_path.iterdir()] == ["a.onnx"]
