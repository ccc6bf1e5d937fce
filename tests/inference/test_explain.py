"""Attention maps and Grad-CAM: of the image's size, in [0, 1], and where they must be."""

import keras
import numpy as np
import pytest

from pipeline import params
from pipeline.images.symmetry import symmetries
from pipeline.inference.explain import _enlarged, _split, attention_maps, gradcam
from pipeline.inference.features import coarsest_cell
from pipeline.inference.model import TrainedModel
from tests.builder import builder

attn_resunet, unet, vgg16 = map(builder, ("attn_resunet", "unet", "vgg16"))


@pytest.fixture
def settings():
    return params.load().inference.model_copy(update={"tile": (32, 32), "overlap": (8, 8)})


def loaded(network):
    """The network as it is after saving and loading: each layer stands in one graph only."""
    clone = keras.models.clone_model(network)
    clone.set_weights(network.get_weights())
    return clone


def image(shape, channels=1):
    return np.random.default_rng(0).random((*shape, channels), np.float32)


@pytest.mark.parametrize("shape", [(32, 32), (45, 70), (21, 17)])
def test_each_gate_has_a_map_of_the_images_size(settings, shape):
    model = TrainedModel(attn_resunet(channels=1, filters=4, depth=3), {"resize": None})
    maps = attention_maps(model, image(shape), settings)
    assert list(maps) == ["attention_0", "attention_1", "attention_2"]
    for values in maps.values():
        assert values.shape == shape
        assert 0 <= values.min() <= values.max() <= 1


@pytest.mark.parametrize("depth", [1, 2])
@pytest.mark.parametrize("flips", [False, True])
def test_the_map_is_the_output_of_the_gate(settings, depth, flips):
    model = TrainedModel(attn_resunet(channels=1, filters=4, depth=depth), {"resize": None})
    pixels = image((16, 24))
    maps = attention_maps(model, pixels, settings.model_copy(update={"flips": flips}))
    changes = symmetries(16, 24)[: None if flips else 1]  # the first changes nothing
    for level in range(depth):
        gate = keras.Model(model.network.input, model.network.get_layer(f"attention_{level}").output)
        alphas = [np.asarray(gate(np.ascontiguousarray(s.apply(pixels[None]))))[..., 0] for s in changes]
        large = [alpha.repeat(2**level, axis=1).repeat(2**level, axis=2) for alpha in alphas]
        expected = sum(s.undo(alpha) for s, alpha in zip(changes, large, strict=True)) / len(changes)
        np.testing.assert_allclose(maps[f"attention_{level}"], expected[0], atol=1e-6)


def test_a_network_without_gates_has_no_maps(settings):
    assert attention_maps(TrainedModel(unet(channels=1, filters=2, depth=1), {"resize": None}), image((16, 16)), settings) == {}


CUTS = [
    (96, "none", "block5_conv3"),
    (48, "none", "block4_conv3"),
    (32, "none", "block3_conv3"),
    (32, "batch", "block3_conv3_relu"),
]


@pytest.mark.parametrize(("side", "normalization", "layer"), CUTS)
def test_gradcam_weighs_the_deepest_features_that_are_fine_enough_by_its_definition(side, normalization, layer):
    """Against numerical differences: the weight of a channel is the mean change of the logit with each of its cells."""
    keras.utils.set_random_seed(0)  # of the last layer's weights
    network = loaded(vgg16(size=(side, side), channels=3, classes=3, dense=16, normalization=normalization, seed=1))
    body, head = _split(network, (side, side))
    assert body.outputs[0] is network.get_layer(layer).output
    assert head.outputs[0].shape == (None, 3)
    model = TrainedModel(network, {"resize": [side, side]})
    pixels = image((side, side), 3)
    blank = np.zeros_like(pixels)
    other, heat = gradcam(model, [blank, pixels], labels=[2, 1])
    (alone,) = gradcam(model, [blank], labels=[2])
    np.testing.assert_allclose(other, alone, atol=1e-4)  # nobody's map depends on the image beside it
    assert heat.shape == (side, side)
    assert heat.max() <= 1 and heat.min() >= 0

    output = network.get_layer(layer).output
    features = np.asarray(keras.Model(network.input, output)(pixels[None]))
    head = keras.Model(output, network.outputs[0])
    rng = np.random.default_rng(0)
    for channel in rng.choice(features.shape[-1], 3, replace=False):
        step = np.zeros_like(features)
        step[..., channel] = 2e-3  # small: few of the ReLUs behind it change sides
        slope = float(np.asarray(head(features + step) - head(features - step))[0, 1]) / 4e-3 / features[0, ..., 0].size
        assert slope == pytest.approx(weights(network, layer, features)[channel], rel=0.1, abs=1e-5)


def weights(network, layer, features):
    from pipeline.networks.common.tensorflow_door import gradient

    head = keras.Model(network.get_layer(layer).output, network.outputs[0])
    return np.asarray(gradient(lambda maps: head(maps)[0, 1], keras.ops.convert_to_tensor(features))).mean(axis=(0, 1, 2))


def test_gradcam_is_empty_where_nothing_speaks_for_a_class():
    network = loaded(vgg16(size=(32, 32), channels=3, classes=2, dense=8))
    network.get_layer("logits").kernel.assign(np.zeros((8, 2)))
    (heat,) = gradcam(TrainedModel(network, {"resize": [32, 32]}), [image((32, 32), 3)], labels=[0])
    assert (heat == 0).all()


@pytest.mark.parametrize(("side", "level"), [(33, 3), (49, 3), (130, 4), (200, 5), (64, 2), (1, 4), (7, 0)])
def test_each_cell_lies_over_its_own_pixels(side, level):
    cells = -(-side // 2**level)
    maps = np.broadcast_to(np.arange(cells)[None, :, None], (1, cells, cells))
    enlarged = _enlarged(maps, (side, side))
    assert enlarged.shape == (1, side, side)
    np.testing.assert_array_equal(enlarged[0, :, 0], np.arange(side) // 2**level)


@pytest.mark.parametrize("size", [(24, 24), (None, None)])
def test_gradcam_of_a_residual_network_weighs_what_all_paths_go_through(size):
    """The convolution is the deepest layer but one; the shortcut passes it by, so only its sum with the shortcut counts."""
    inputs = keras.Input((*size, 3))
    x = keras.layers.Conv2D(4, 3, padding="same", activation="relu")(inputs)
    x = keras.layers.MaxPooling2D()(x)
    total = keras.layers.Add(name="sum")([x, keras.layers.Conv2D(4, 3, padding="same", activation="relu")(x)])
    x = keras.layers.Conv2D(4, 3, strides=3, padding="same", name="too_coarse")(total)
    network = keras.Model(inputs, keras.layers.Dense(2)(keras.layers.GlobalAveragePooling2D()(x)))
    body, _ = _split(network, (24, 24))
    assert body.outputs[0] is total
    (heat,) = gradcam(TrainedModel(network, {"resize": [24, 24]}), [image((30, 40), 3)], labels=[1])
    assert heat.shape == (30, 40)


def test_the_cell_of_the_coarsest_features():
    assert coarsest_cell(unet(channels=1, filters=2, depth=3)) == 8
    assert coarsest_cell(attn_resunet(channels=1, filters=2, depth=4)) == 16
    inputs = keras.Input((None, None, 1))  # strides, no pooling, and a gate that describes the whole image
    x = keras.layers.Conv2D(4, 3, strides=2, padding="same")(inputs)
    x = keras.layers.Multiply()([x, keras.layers.GlobalAveragePooling2D(keepdims=True)(x)])
    assert coarsest_cell(keras.Model(inputs, keras.layers.Conv2DTranspose(1, 2, strides=2)(x))) == 2
