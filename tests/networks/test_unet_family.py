"""The variants of U-Net are those of their papers: weights, shapes, and a block of each by hand."""

import keras
import numpy as np
import pytest

from pipeline.errors import UserError
from pipeline.inference.features import coarsest_cell
from pipeline.inference.tiling import predict_image
from pipeline.networks import attn_unet, dilated_unet, unet, unet_unpadded, unetpp
from pipeline.networks.common import blocks
from pipeline.networks.common.layers import AverageProbability, MirrorTile
from pipeline.params import Inference
from pipeline.params.messages import check
from pipeline.training.supervised import trainee
from tests.builder import build


def plain(module, **settings):
    """A network for grey images as in its paper, without dropout and normalisation."""
    return build(module, channels=1, **{"dropout": 0.0, "normalization": "none"} | settings)


def weights(inputs, outputs, kernel=3, bias=True):
    return kernel * kernel * inputs * outputs + bias * outputs


def two(inputs, outputs):
    return weights(inputs, outputs) + weights(outputs, outputs)


def ones(network):
    """Set all kernels to 1 and all biases to 0."""
    for weight in network.weights:
        weight.assign(np.full(weight.shape, weight.name == "kernel", np.float32))
    return network


def test_unetpp_has_the_weights_of_the_paper():
    """Figure 3 of the paper: 0.1, 0.5, 2.2 and 9.0 million for the four depths of pruning."""
    pruned = [plain(unetpp, filters=32, prune=depth).count_params() for depth in (1, 2, 3, 4)]
    assert [round(count / 1e6, 1) for count in pruned] == [0.1, 0.5, 2.2, 9.0]
    widths = [32, 64, 128, 256, 512]
    total = sum(two(i, o) for i, o in zip([1, *widths], widths, strict=False))
    for i, width in enumerate(widths[:-1]):
        for j in range(1, len(widths) - i):  # X^{i,j} reads the j before it in its row, and the one below, doubled
            total += weights(widths[i + 1], width, 2) + two(j * width + width, width)
    assert plain(unetpp, filters=32, deep_supervision=False).count_params() == total + 33
    assert plain(unetpp, filters=32).count_params() == total + 4 * 33


def test_a_node_of_unetpp_by_hand():
    """With a pixel of 1 and kernels of 1, a 1 × 1 image stays one: each convolution multiplies by its input channels."""
    inputs = keras.Input((1, 1, 1))
    features = [inputs, layers_of(inputs, 2), layers_of(inputs, 3)]
    decoded = unetpp.nested_decoders(features, [1, 2], "none")
    network = ones(keras.Model(inputs, decoded))
    first, second = (float(np.ravel(x)[0]) for x in network(np.ones((1, 1, 1, 1), np.float32)))
    # Features: X00 = 1, X10 = (1, 1), X20 = (1, 1, 1). Upsampling adds the channels below, the node adds all that it reads.
    assert first == 1 + 2  # X01: X00 and the sum of X10
    x11 = (1 + 1 + 2 * 3) * 2  # two channels, each the sum of X10's and the sum of X20 in two channels; then twice their sum
    assert second == 1 + first + 2 * x11  # X02: X00, X01 and the sum of X11


def layers_of(x, filters):
    return keras.layers.Conv2D(filters, 1)(x)


def test_the_mean_of_probabilities():
    rng = np.random.default_rng(0)
    binary, several = rng.normal(0, 4, (3, 2, 5, 4, 1)).astype(np.float32), rng.normal(0, 4, (3, 2, 5, 4, 3)).astype(np.float32)
    found = 1 / (1 + np.exp(-np.asarray(AverageProbability()(list(binary)))))
    np.testing.assert_allclose(found, (1 / (1 + np.exp(-binary))).mean(axis=0), rtol=1e-5)
    found, odds = np.exp(np.asarray(AverageProbability()(list(several)))), np.exp(several)
    expected = (odds / odds.sum(axis=-1, keepdims=True)).mean(axis=0)
    np.testing.assert_allclose(found / found.sum(axis=-1, keepdims=True), expected, rtol=1e-5)
    extreme = AverageProbability()([np.full((1, 1), 200.0, np.float32)] * 2)
    np.testing.assert_allclose(np.asarray(extreme), 200, rtol=1e-3)  # no overflow


@pytest.mark.parametrize("prune", [None, 1])
def test_all_nested_networks_learn_and_one_predicts(prune):
    network = plain(unetpp, filters=2, depth=2, prune=prune)
    training = trainee(network)
    training.compile(optimizer=keras.optimizers.SGD(0.0), loss=lambda y, z: keras.ops.mean(keras.ops.square(y - z)))
    image, target = np.random.default_rng(0).random((2, 1, 8, 8, 1), np.float32)
    output, *heads = (np.asarray(z) for z in training(image, training=True))
    loss = training.train_on_batch(image, target)
    assert loss == pytest.approx(np.mean([((target - z) ** 2).mean() for z in heads]), rel=1e-5)
    assert training.test_on_batch(image, target) == pytest.approx(((target - output) ** 2).mean(), rel=1e-5)
    np.testing.assert_array_equal(network(image), output)
    if prune:
        np.testing.assert_array_equal(output, heads[0])
        assert network.count_params() < training.count_params()


@pytest.mark.parametrize(
    ("section", "message"),
    [
        ({"prune": 5}, "prune: expected at most the depth, 4, received 5"),
        ({"prune": 6, "encoder": "efficientnet_lite0", "depth": 7}, "prune: expected at most the depth, 5, received 6"),
        ({"prune": 1, "deep_supervision": False}, "prune: needs deep_supervision"),
    ],
)
def test_impossible_prunings_are_told(section, message):
    with pytest.raises(UserError, match=message):
        check(unetpp.Settings, section, "params.yaml", "unetpp")


def test_the_unpadded_network_maps_572_to_388_pixels():
    """The sizes behind each convolution in figure 1 of the paper, and the weights of the padded network."""
    inputs = keras.Input((572, 572, 1))
    network = keras.Model(inputs, unet_unpadded.unpadded(inputs, 64, 4))
    rows = [layer.output.shape[1] for layer in network.layers if isinstance(layer, keras.layers.Conv2D)]
    figure = [570, 568, 282, 280, 138, 136, 66, 64, 30, 28, 54, 52, 102, 100, 198, 196, 390, 388]
    assert rows == figure
    assert unet_unpadded.border(4) == (572 - 388) / 2
    assert plain(unet_unpadded, filters=64).count_params() == plain(unet, filters=64).count_params()


@pytest.mark.parametrize(("size", "depth"), [((1, 1), 1), ((7, 4), 1), ((5, 30), 2)])
def test_images_are_mirrored_at_their_edges(size, depth):
    image = np.random.default_rng(0).random((1, *size, 2), np.float32)
    border = unet_unpadded.border(depth)
    tile = np.asarray(MirrorTile(border, 2**depth)(image))
    grown = [side - 2 * border for side in tile.shape[1:3]]
    assert all(side <= new < side + 2**depth + 4 and (new - 4) % 2**depth == 0 for side, new in zip(size, grown, strict=True))
    widths = [(border, border + new - side) for side, new in zip(size, grown, strict=True)]
    np.testing.assert_array_equal(tile, np.pad(image, [(0, 0), *widths, (0, 0)], mode="symmetric"))


def test_a_pixel_far_from_the_edge_is_what_the_unpadded_network_says():
    """And where the padded network sees zeros, this one sees the mirrored image: a flat image stays flat."""
    keras.utils.set_random_seed(0)
    network = plain(unet_unpadded, filters=2, depth=2)
    flat = np.asarray(network(np.full((1, 23, 31, 1), 0.7, np.float32)))
    assert np.ptp(flat[0, ::4, ::4]) < 1e-5  # every fourth pixel: transposed convolutions leave a pattern of that period
    padded = plain(unet, filters=2, depth=2)
    padded.set_weights(network.get_weights())
    image = np.random.default_rng(0).random((1, 64, 64, 1), np.float32)
    # Its second pooling begins 2 pixels off the image's multiples of 4, so the padded network is given the image from there on.
    ours, theirs = np.asarray(network(image))[0], np.asarray(padded(image[:, 2:, 2:]))[0]
    ours, theirs = ours[24:40, 24:40], theirs[22:38, 22:38]  # further than the border, 20, from every edge
    assert coarsest_cell(network) == 4
    np.testing.assert_allclose(ours, theirs, rtol=1e-4, atol=1e-5)


def test_blended_windows_of_the_unpadded_network_have_no_seam():
    keras.utils.set_random_seed(0)
    network = plain(unet_unpadded, filters=2, depth=1)
    image = np.random.default_rng(0).random((70, 90, 1), np.float32)
    predict = lambda windows: 1 / (1 + np.exp(-np.asarray(network(windows))[..., 0]))  # noqa: E731
    settings = Inference(tile=(48, 48), overlap=(20, 20), batch_size=2, flips=False)  # 5/12 of 20 is the border, 8
    found = predict_image(predict, image, settings, coarsest_cell(network))
    np.testing.assert_allclose(found, predict(image[None])[0], atol=1e-5)


def test_attention_unet_gates_all_levels_but_the_finest():
    network = plain(attn_unet, filters=8, depth=3)
    gates = [layer.name for layer in network.layers if layer.name.startswith("attention_")]
    assert gates == ["attention_2", "attention_1"]
    total = plain(unet, filters=8, depth=3).count_params()
    for skip, signal in ((16, 32), (32, 64)):
        inner = skip // 2
        total += weights(skip, inner, 2, bias=False) + weights(signal, inner, 1) + weights(inner, 1, 1)
    assert network.count_params() == total


def test_a_gate_by_hand():
    """A skip of 2 × 2 pixels, all 2, and a signal of one pixel, 3."""
    skip, signal = keras.Input((2, 2, 4)), keras.Input((1, 1, 8))
    small = keras.Model([skip, signal], blocks.attention_gate(skip, signal, 2, name="attention_1"))
    for weight, value in zip(small.weights, (0.25, 0.125, 0.0, 0.5, -4.0), strict=True):
        weight.assign(np.full(weight.shape, value, np.float32))
    # W_x: 16 numbers of 2 by 0.25; W_g: 8 of 3 by 0.125, bias 0; ψ: two channels by 0.5, bias -4
    alpha = 1 / (1 + np.exp(-((16 * 2 * 0.25 + 8 * 3 * 0.125) - 4)))
    found = small([np.full((1, 2, 2, 4), 2, np.float32), np.full((1, 1, 1, 8), 3, np.float32)])
    np.testing.assert_allclose(np.asarray(found), 2 * alpha, rtol=1e-6)


def test_dilated_unet_differs_from_unet_in_its_deepest_level():
    usual, dilated = (plain(network, filters=4, depth=3) for network in (unet, dilated_unet))
    context = weights(16, 32) + 3 * weights(32, 32)
    assert dilated.count_params() - usual.count_params() == context - two(16, 32)
    rates = [layer.dilation_rate[0] for layer in dilated.layers if isinstance(layer, keras.layers.Conv2D)]
    assert [rate for rate in rates if rate > 1] == [2, 4, 8]
    assert plain(dilated_unet, filters=2, depth=1, dilations=(3,)).output.shape == (None, None, None, 1)


def test_dilated_context_by_hand():
    """A single bright pixel, kernels of 1: the first convolution spreads it to 3 × 3, the second, dilated by 2, to 7 × 7."""
    inputs = keras.Input((None, None, 1))
    network = ones(keras.Model(inputs, dilated_unet.dilated_context(inputs, 1, (1, 2), "none")))
    image = np.zeros((1, 11, 11, 1), np.float32)
    image[0, 5, 5] = 1
    near, far = np.zeros((11, 11)), np.zeros((11, 11))
    near[4:7, 4:7] = 1
    for row in (-2, 0, 2):
        for column in (-2, 0, 2):
            far += np.roll(near, (row, column), (0, 1))
    np.testing.assert_array_equal(np.asarray(network(image))[0, ..., 0], near + far)
    assert (far > 0).sum() == 7 * 7
