"""Encoders: the published activations, any image, frozen levels, and a learning rate of their own."""

import json
from pathlib import Path

import keras
import numpy as np
import pytest

from pipeline.errors import UserError
from pipeline.networks.common.encoders import encode
from pipeline.networks.common.settings import encoder_names
from pipeline.weights.published import PUBLISHED
from tests.builder import builder

attn_resunet, attn_unet, dilated_unet, unet = map(builder, ("attn_resunet", "attn_unet", "dilated_unet", "unet"))
classifier = builder("encoder_classifier")

RGB = {"channels": 3, "mean": [0.5] * 3, "variance": [0.1] * 3}
GREY = {"channels": 1, "mean": [0.5], "variance": [0.1]}
LITE = "efficientnet_lite0"


def images(*shape):
    return np.random.default_rng(0).random(shape, np.float32)


def run(network, image):
    """Call a network, uncompiled: for one image, compiling takes ten times as long as running."""
    return [np.asarray(output) for output in keras.tree.flatten(network(image, training=False))]


def test_every_encoder_has_published_weights():
    assert [*PUBLISHED] == encoder_names()


def test_activations_of_efficientnet_lite0_are_those_of_pytorch(weights):
    """The figures are PyTorch's: ``efficientnet_lite0_reference.py`` makes them."""
    first = encode(LITE, **RGB, pretrained=weights(LITE, "imagenet"), head=True)
    network = keras.Model(first.inputs, first.deepest)
    names = [f"block{number}_{'project_norm' if number in (0, 15) else 'add'}" for number in (0, 2, 4, 10, 15)]
    inside = keras.Model(network.input, [network.get_layer(name).output for name in [*names, "head_relu6"]])
    expected = json.loads(Path(__file__).with_name("efficientnet_lite0.json").read_text())
    for found, known in zip(run(inside, images(1, 64, 96, 3)), expected, strict=True):
        assert list(found.shape[1:]) == known["shape"]
        middle = found[0, found.shape[1] // 2, found.shape[2] // 2, ::7][:24]
        np.testing.assert_allclose(middle, known["values"], atol=1e-4)


def test_activations_of_vgg16_are_those_of_the_application(weights):
    """The second opinion: the Keras application with the same 13 convolutions, and with its own preprocessing."""
    import h5py

    file = weights("vgg16", "hed")
    application = keras.applications.VGG16(include_top=False, weights=None, input_shape=(64, 96, 3))
    with h5py.File(file) as stored:
        arrays = [
            np.asarray(stored[f"block{block}/layers/conv2d{f'_{order}' if order else ''}/vars/{kind}"])
            for block, orders in ((1, 2), (2, 2), (3, 3), (4, 3), (5, 3))
            for order in range(orders)
            for kind in "01"
        ]
    application.set_weights(arrays)
    first = encode("vgg16", **RGB, pretrained=file)
    network, image = keras.Model(first.inputs, first.deepest), images(1, 64, 96, 3)
    pixels = keras.applications.vgg16.preprocess_input(255 * image)
    names = [f"block{block}_pool" for block in range(1, 6)]
    inside = [keras.Model(n.input, [n.get_layer(name).output for name in names]) for n in (network, application)]
    for found, expected in zip(run(inside[0], image), run(inside[1], pixels), strict=True):
        np.testing.assert_allclose(found, expected, atol=1e-4 * expected.max())


def test_resnet50_is_that_of_keras_with_its_preprocessing(tmp_path):
    """With random weights in the form of the published file, which is a hundred megabytes."""
    published = keras.applications.ResNet50(include_top=False, weights=None, input_shape=(32, 64, 3))
    published.save_weights(tmp_path / "imagenet.weights.h5")
    first = encode("resnet50", **RGB, pretrained=tmp_path / "imagenet.weights.h5")
    network, image = keras.Model(first.inputs, first.deepest), images(1, 32, 64, 3)
    deepest = keras.Model(network.input, network.get_layer("conv5_block3_out").output)
    expected = run(published, keras.applications.resnet.preprocess_input(255 * image))[0]
    np.testing.assert_allclose(run(deepest, image)[0], expected, rtol=1e-3, atol=1e-4 * expected.max())


def test_densenet121_expects_what_keras_prepares_for_it():
    from pipeline.networks.common.encoders.densenet121 import SCALING

    mean, variance = map(np.asarray, SCALING)
    image = images(1, 4, 4, 3)
    expected = keras.applications.densenet.preprocess_input(255 * image)
    np.testing.assert_allclose((image - mean) / np.sqrt(variance), expected, atol=1e-5)


@pytest.mark.parametrize("name", [name for name in encoder_names() if name != "resnet50"])  # which another test builds
def test_features_lie_at_strides_of_1_to_32(name):
    first = encode(name, **GREY)
    shapes = keras.Model(first.inputs, [*first.skips, first.deepest]).compute_output_shape((1, 64, 96, 1))
    assert [shape[1:3] for shape in shapes] == [(64 // stride, 96 // stride) for stride in (1, 2, 4, 8, 16, 32)]


def test_a_grey_image_is_one_of_three_equal_channels(weights):
    file, outputs = weights(LITE, "imagenet"), []
    for facts, channels in ((GREY, 1), (RGB, 3)):
        first = encode(LITE, **facts, pretrained=file)
        network = keras.Model(first.inputs, first.deepest)
        outputs += run(network, np.repeat(images(1, 32, 32, 1), channels, -1))
    np.testing.assert_allclose(*outputs, atol=1e-5)
    with pytest.raises(UserError, match="expect RGB or grey images, received 2 channels"):
        encode(LITE, channels=2, mean=[0.5] * 2, variance=[0.1] * 2, pretrained=file)
    assert encode(LITE, channels=5, mean=[0.5] * 5, variance=[0.1] * 5).skips[0].shape[-1] == 5  # random weights take any


@pytest.mark.parametrize(("build", "encoder"), [(unet, "vgg16"), (attn_resunet, LITE), (attn_unet, LITE), (dilated_unet, LITE)])
def test_any_size_comes_out_as_it_went_in(build, encoder):
    network = build(**GREY, filters=2, encoder=encoder, classes=3)
    for size in ((64, 32), (33, 47), (1, 50)):
        assert network(images(1, *size, 1), training=False).shape == (1, *size, 3)


def test_frozen_levels_do_not_move_and_all_others_do():
    network = unet(**GREY, filters=2, encoder=LITE, encoder_frozen=2, normalization="batch")
    before = {weight.path: np.array(weight) for weight in network.weights}
    network.compile("adam", "mse", run_eagerly=True)
    network.train_on_batch(images(2, 64, 64, 1), images(2, 64, 64, 1))
    fixed = ("stem_", "block0_", "block1_", "block2_", "standardise", "scale")  # strides 2 and 4, and how images are scaled
    for weight in network.weights:
        if not weight.path.startswith("seed_generator"):
            assert (np.array(weight) == before[weight.path]).all() == weight.path.startswith(fixed), weight.path


def test_weights_of_another_network_of_this_pipeline_are_taken_over(tmp_path):
    donor = classifier(size=(32, 32), channels=1, classes=3, encoder=LITE, mean=[0.3], variance=[0.02])
    donor.get_layer("block7_project_norm").moving_mean.assign(np.full(80, 0.5, np.float32))
    donor.save(tmp_path / "donor.keras")
    first = encode(LITE, **GREY, pretrained=tmp_path / "donor.keras")
    network = keras.Model(first.inputs, first.deepest)
    for name in ("stem_conv", "block7_project_norm", "block15_project_conv"):
        for mine, its in zip(network.get_layer(name).get_weights(), donor.get_layer(name).get_weights(), strict=True):
            np.testing.assert_array_equal(mine, its)
    assert float(np.ravel(network.get_layer("scale").mean)[0]) == pytest.approx(0.3)  # what these weights expect
    with pytest.raises(UserError, match=r"donor\.keras: cannot be used as pretrained weights: expected images of 3 channel"):
        encode(LITE, **RGB, pretrained=tmp_path / "donor.keras")
    keras.Model(first.inputs, first.skips[-1]).save(tmp_path / "part.keras")
    with pytest.raises(UserError, match=r"part\.keras: cannot be used as pretrained weights: it is of another network"):
        encode(LITE, **GREY, pretrained=tmp_path / "part.keras")
