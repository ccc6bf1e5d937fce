"""The networks are those of the papers, in weights and in what they compute."""

from itertools import pairwise

import keras
import numpy as np
import pytest

from pipeline.errors import UserError
from pipeline.networks.common.layers import BatchNormalization, Double
from tests.builder import builder

attn_resunet, unet, vgg16 = map(builder, ("attn_resunet", "unet", "vgg16"))


def convolution(inputs, outputs, kernel, bias=True):
    return kernel * kernel * inputs * outputs + bias * outputs


def unet_weights(channels, filters, depth):
    """Weights of a plain U-Net, added up by hand from its figure."""
    widths = [filters * 2**level for level in range(depth + 1)]
    down = sum(convolution(i, o, 3) + convolution(o, o, 3) for i, o in zip([channels, *widths[:-1]], widths, strict=True))
    up = sum(convolution(2 * o, o, 2) + convolution(2 * o, o, 3) + convolution(o, o, 3) for o in widths[:-1])
    return down + up + convolution(filters, 1, 1)


@pytest.mark.parametrize(("channels", "filters", "depth"), [(1, 64, 4), (3, 16, 4), (1, 8, 2)])
def test_unet_has_the_weights_of_the_paper(channels, filters, depth):
    network = unet(channels=channels, filters=filters, depth=depth)
    assert sum(np.prod(w.shape) for w in network.trainable_weights) == unet_weights(channels, filters, depth)


def test_unet_at_full_size():
    assert unet(channels=1).count_params() == 31_030_593


def test_attention_resunet_has_the_weights_added_by_hand():
    filters, depth = 8, 2
    widths = [8, 16, 32]

    def block(inputs, outputs):
        return convolution(inputs, outputs, 1) + convolution(inputs, outputs, 3) + convolution(outputs, outputs, 3)

    total = block(1, 8) + block(8, 16) + block(16, 32) + convolution(filters, 1, 1)
    for skip, signal in pairwise(widths):
        inner = skip // 2
        total += convolution(skip, inner, 2, bias=False) + convolution(signal, inner, 1) + convolution(inner, 1, 1)
        total += convolution(signal, skip, 2) + block(2 * skip, skip)
    network = attn_resunet(channels=1, filters=filters, depth=depth, normalization="none")
    assert sum(np.prod(w.shape) for w in network.trainable_weights) == total


def test_vgg16_has_the_published_weights():
    shape = (224, 224)
    network = vgg16(size=shape, channels=3, classes=1000)
    assert sum(np.prod(w.shape) for w in network.trainable_weights) == 138_357_544
    kinds = [type(layer).__name__ for layer in network.layers]
    assert (kinds.count("Conv2D"), kinds.count("Dense")) == (13, 3)


def test_logits_are_float32_under_mixed_precision():
    keras.config.set_dtype_policy("mixed_bfloat16")
    for network in [
        unet(channels=1, filters=2, depth=2),
        attn_resunet(channels=1, filters=2, depth=2),
        vgg16(size=(32, 32), channels=1, classes=4, dense=8),
    ]:
        assert network.output.dtype == "float32"
        assert any(layer.compute_dtype == "bfloat16" for layer in network.layers)


@pytest.mark.parametrize("training", [True, False])
def test_fused_batch_normalisation_equals_keras(training):
    inputs = np.random.default_rng(0).normal(2, 3, (4, 9, 7, 5)).astype(np.float32)
    layers = [BatchNormalization(momentum=0.9), keras.layers.BatchNormalization(momentum=0.9)]
    outputs = []
    for layer in layers:
        layer.build(inputs.shape)
        for value, start in zip(layer.variables, (1.5, 0.3, 1.0, 4.0), strict=True):
            value.assign(np.full(5, start, np.float32))
        outputs.append(np.asarray(layer(inputs, training=training)))
    np.testing.assert_allclose(*outputs, atol=1e-5)
    for ours, theirs in zip(layers[0].variables, layers[1].variables, strict=True):
        np.testing.assert_allclose(ours.numpy(), theirs.numpy(), rtol=1e-5)


def test_inputs_are_standardised_inside():
    network = unet(channels=1, filters=2, depth=1, mean=[0.4], variance=[0.04])
    standardised = keras.Model(network.input, network.get_layer("standardise").output)
    np.testing.assert_allclose(standardised.predict_on_batch(np.full((1, 2, 2, 1), 0.6, np.float32)), 1, rtol=1e-5)


def test_pretrained_vgg16_equals_the_application_with_its_own_preprocessing(tmp_path):
    """Up to what is normalised for the classifier, which does not change a fresh network's prediction but for ε."""
    application = keras.applications.VGG16(include_top=False, weights=None, input_shape=(32, 32, 3))
    application.save_weights(tmp_path / "base.weights.h5")
    file = tmp_path / "base.weights.h5"
    network = vgg16(size=(32, 32), channels=3, classes=4, pretrained=file, dense=8, frozen_blocks=2)
    images = np.random.default_rng(0).integers(0, 256, (2, 32, 32, 3)).astype(np.float32)
    features = keras.Model(network.input, network.get_layer("features").input)
    expected = application.predict_on_batch(keras.applications.vgg16.preprocess_input(images.copy()))
    np.testing.assert_allclose(features.predict_on_batch(images / 255), expected, rtol=1e-3, atol=1e-3)
    frozen = [layer.name for layer in network.layers if layer.weights and not layer.trainable and "block" in layer.name]
    assert frozen == ["block1_conv1", "block1_conv2", "block2_conv1", "block2_conv2"]


def test_vgg16_takes_over_the_convolutions_of_another_one(tmp_path):
    other = vgg16(size=(32, 32), channels=1, classes=4, dense=8, seed=5, mean=0.2, variance=0.01)
    other.save(tmp_path / "other.keras")
    network = vgg16(size=(48, 40), channels=1, classes=3, pretrained=tmp_path / "other.keras", dense=16, mean=0.4, variance=0.04)
    for layer in network.layers:
        if layer.name.startswith("block") and layer.weights:
            np.testing.assert_array_equal(layer.kernel, other.get_layer(layer.name).kernel)
    # Images are scaled as these convolutions know them, not as this network's own would be.
    np.testing.assert_allclose(network.get_layer("standardise")(np.full((1, 48, 40, 1), 0.3, np.float32)), 1, rtol=1e-5)


def test_normalised_vgg16_normalises_between_convolution_and_relu(tmp_path):
    network = vgg16(size=(32, 32), channels=1, classes=4, dense=8, normalization="batch", frozen_blocks=1, seed=5)
    plain = vgg16(size=(32, 32), channels=1, classes=4, dense=8, seed=5)
    images = np.random.default_rng(0).random((2, 32, 32, 1), np.float32)
    # Fresh averages are 0 and 1: what is left of each of the 13 is the division by √(1 + ε).
    before, after = (keras.Model(n.input, n.get_layer("flatten").output).predict_on_batch(images) for n in (plain, network))
    np.testing.assert_allclose(after, before / np.sqrt(1.001) ** 13, rtol=1e-4, atol=1e-5)
    norms = [layer for layer in network.layers if isinstance(layer, BatchNormalization)]
    assert len(norms) == 13
    assert [layer.name for layer in norms if not layer.trainable] == ["block1_conv1_norm", "block1_conv2_norm"]

    norms[4].moving_mean.assign(np.full(256, 0.5, np.float32))
    network.save(tmp_path / "other.keras")
    heir = vgg16(size=(32, 32), channels=1, classes=3, pretrained=tmp_path / "other.keras", dense=8, normalization="batch")
    assert float(heir.get_layer(norms[4].name).moving_mean[0]) == 0.5
    with pytest.raises(UserError, match=r"cannot be used as pretrained weights: .*another normalization"):
        plain.save(tmp_path / "plain.keras")
        vgg16(size=(32, 32), channels=1, classes=3, pretrained=tmp_path / "plain.keras", dense=8, normalization="batch")
    with pytest.raises(UserError, match=r"cannot be used as pretrained weights: .*another normalization"):
        vgg16(size=(32, 32), channels=1, classes=3, pretrained=tmp_path / "other.keras", dense=8)


def test_vgg16_of_neighbouring_seeds_share_no_weights():
    kernels = [
        layer.kernel.numpy()
        for seed in (7, 8)
        for layer in vgg16(size=(32, 32), channels=3, classes=3, dense=512, seed=seed).layers
        if layer.name.startswith(("block", "fc")) and layer.weights
    ]
    assert len({kernel.tobytes() for kernel in kernels}) == len(kernels) == 30


WRONG = [
    ("no.h5", 3, r"no\.h5: cannot be used"),
    ("no.keras", 1, r"no\.keras: cannot be used"),
    ("no.h5", 2, "expect RGB or grey"),
]


@pytest.mark.parametrize(("weights", "channels", "told"), WRONG)
def test_unusable_weights_are_told(weights, channels, told):
    with pytest.raises(UserError, match=told):
        vgg16(size=(32, 32), channels=channels, classes=4, pretrained=weights, dense=8)


def test_vgg16_on_published_weights_starts_near_chance_and_learns(weights):
    """Its features have a deviation of about 5; once a fresh head made logits of that size of them, and stayed at chance."""
    network = vgg16(size=(32, 32), channels=3, classes=3, dense=1024, dropout=0.0, pretrained=weights("vgg16", "hed"))
    network.compile(keras.optimizers.Adam(1e-4), keras.losses.SparseCategoricalCrossentropy(from_logits=True), run_eagerly=True)
    labels = np.arange(12) % 3
    images = 0.2 * np.random.default_rng(0).random((12, 32, 32, 3), np.float32) + 0.3 * labels[:, None, None, None]
    losses = [float(network.train_on_batch(images.astype(np.float32), labels)) for _ in range(8)]
    assert losses[0] == pytest.approx(np.log(3), abs=0.01)
    assert max(losses) < 1.2
    assert losses[-1] < 0.9


def test_random_vgg16_passes_its_signal_on():
    logits = vgg16(size=(32, 32), channels=3, classes=6, dense=64).predict_on_batch(
        np.random.default_rng(0).normal(size=(8, 32, 32, 3)).astype(np.float32)
    )
    assert 0.1 < logits.std() < 10  # with Keras's default initialisation it is below 0.001


def test_doubling_equals_keras_on_images_of_several_sizes():
    inputs = keras.Input((None, None, 2))
    network = keras.Model(inputs, Double()(inputs))
    reference = keras.layers.UpSampling2D(2, interpolation="bilinear")
    for shape in [(1, 1, 1, 2), (1, 3, 5, 2), (2, 8, 6, 2), (1, 1, 7, 2)]:
        values = np.random.default_rng(0).normal(size=shape).astype(np.float32)
        np.testing.assert_allclose(network.predict_on_batch(values), reference(values), atol=1e-6)
