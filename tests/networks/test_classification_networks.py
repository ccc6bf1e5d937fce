"""The classification networks are those of the papers: weights, smallest images, and each idea on numbers worked out by hand."""

from functools import partial

import keras
import numpy as np
import pytest

from pipeline.errors import UserError
from pipeline.networks import alexnet, densenet, googlenet, lenet5, preact_resnet, resnet, resnext, wide_resnet
from pipeline.networks.common import residual
from pipeline.networks.common.classifier import SMALLEST, SeededLayers
from tests.builder import build

TINY = {  # settings with which a network is built in a second
    alexnet: {"dense": 8},
    densenet: {"growth": 2},
    googlenet: {},
    lenet5: {},
    preact_resnet: {"filters": 4},
    resnet: {"filters": 4},
    resnext: {"groups": 2, "width": 2},
    wide_resnet: {"depth": 10, "width": 1},
}
NETWORKS = [pytest.param(module, id=module.__name__.rpartition(".")[2]) for module in TINY]


def weights(network):
    return sum(int(np.prod(weight.shape)) for weight in network.trainable_weights)


# Published weights, at the size of the papers: 224 × 224 × 3 and 1000 classes, or 32 × 32 and 10 classes. Those of the
# pre-activation ResNets, which nobody states, are those of the ResNets with their normalisations counted anew.
BUILT = [
    (resnet, {"depth": 18}, 11_689_512),
    (resnet, {"depth": 50}, 25_557_032),
    (preact_resnet, {"depth": 18}, 11_687_720),
    (preact_resnet, {"depth": 50}, 25_549_352),
    (resnext, {"depth": 50}, 25_028_904),
    (densenet, {"depth": 121, "growth": 32}, 7_978_856),
    (alexnet, {"dense": 4096, "normalization": "none"}, 61_100_840),
    (wide_resnet, {"depth": 28, "width": 10, "size": (32, 32), "classes": 10}, 36_479_194),
    (lenet5, {"size": (32, 32), "channels": 1, "classes": 10}, 61_706),
]


@pytest.mark.parametrize(("module", "settings", "published"), BUILT)
def test_networks_have_the_published_weights(module, settings, published):
    assert weights(build(module, **{"size": (224, 224), "channels": 3, "classes": 1000} | settings)) == published


def test_deeper_networks_have_the_blocks_of_the_papers():
    assert residual.BLOCKS == {18: (2, 2, 2, 2), 34: (3, 4, 6, 3), 50: (3, 4, 6, 3), 101: (3, 4, 23, 3), 152: (3, 8, 36, 3)}
    assert densenet.LAYERS == {121: (6, 12, 24, 16), 169: (6, 12, 32, 32), 201: (6, 12, 48, 32)}


def test_googlenet_has_the_weights_of_its_paper_and_of_pytorch():
    """The paper's table counts in units of 1024, rounded; 4c and 5a are 7 and 5 % off."""
    published = {"3a": 159, "3b": 380, "4a": 364, "4b": 437, "4c": 463, "4d": 580, "4e": 840, "5a": 1072, "5b": 1388}
    make = partial(build, googlenet, size=(224, 224), channels=3, classes=1000)
    network = make(normalization="none")
    for name, thousands in published.items():
        own = [layer for layer in network.layers if layer.name.startswith(f"inception{name}")]
        assert sum(layer.count_params() for layer in own) / 1024 == pytest.approx(thousands, rel=0.08)
    assert weights(network) == 6_998_552
    network = make(large_kernel=3, auxiliary=True)
    assert weights(network) == 6_624_904
    logits, shares = zip(*network.supervised, strict=True)
    assert shares == (1.0, 0.3, 0.3)
    assert weights(keras.Model(network.input, logits)) == 13_004_888  # of PyTorch's with its auxiliary classifiers


@pytest.mark.parametrize("module", NETWORKS)
def test_logits_of_grey_images_that_are_no_square(module):
    network = build(module, size=(32, 40), channels=1, classes=3, mean=[0.4], variance=[0.04], **TINY[module])
    logits = np.asarray(network(np.random.default_rng(0).random((2, 32, 40, 1), np.float32), training=False))
    assert logits.shape == (2, 3) and logits.dtype == np.float32
    assert 1e-3 < np.abs(logits).max() < 100


def test_the_seed_alone_decides_the_first_weights():
    def kernels(seed):
        network = build(resnet, size=(32, 32), channels=1, classes=3, filters=4, seed=seed)
        return [layer.kernel.numpy().tobytes() for layer in network.layers if hasattr(layer, "kernel")]

    one, again, other = kernels(1), kernels(1), kernels(2)
    assert one == again
    assert len({*one, *other}) == len(one) + len(other) == 2 * 21


@pytest.mark.parametrize("stem", ["small", "imagenet"])
@pytest.mark.parametrize("module", NETWORKS)
def test_smaller_images_are_refused(module, stem):
    smallest = getattr(module, "SMALLEST", SMALLEST)
    smallest = smallest if module is lenet5 else smallest[stem]
    settings = TINY[module] | ({} if module is lenet5 else {"stem": stem})
    make = partial(build, module, channels=1, classes=2, **settings)
    name = module.__name__.rpartition(".")[2]
    with pytest.raises(UserError, match=rf"^{name}: needs patches\.resize of at least \[{smallest}, {smallest}\], received"):
        make(size=(smallest - 1, 64))
    if module is googlenet:
        smallest = googlenet.AUXILIARY_SMALLEST[stem]
        with pytest.raises(UserError, match=rf"at least \[{smallest}, {smallest}\]"):
            make(size=(smallest - 1, 64), auxiliary=True)
        make(size=(smallest, smallest), auxiliary=True)
    elif module is not densenet or stem == "small":  # a hundred layers, which differ in size alone
        network = make(size=(smallest, smallest))
        assert all(0 not in layer.output.shape for layer in network.layers)


def test_a_wide_resnet_has_whole_blocks():
    with pytest.raises(ValueError, match="expected 6 n \\+ 4, such as 10, 16, 22 or 28, received 18"):
        wide_resnet.Settings(depth=18)


# One block per idea.


def block(make_block, channels, **kernels):
    """A model of one block, in which batch normalisation changes nothing, 1 × 1 kernels and the middle of others are given."""
    inputs = keras.Input((None, None, channels))
    model = keras.Model(inputs, make_block(SeededLayers(0), inputs))
    for layer in model.layers:
        if isinstance(layer, keras.layers.BatchNormalization):
            layer.gamma.assign(np.full(layer.gamma.shape, np.sqrt(1 + layer.epsilon)))
        elif layer.weights:
            kernel = np.zeros(layer.kernel.shape, np.float32)
            kernel[kernel.shape[0] // 2, kernel.shape[1] // 2] = kernels[layer.name]
            layer.kernel.assign(kernel)
    return lambda pixels: np.asarray(model(np.array(pixels, np.float32).reshape(1, *np.shape(pixels)[:2], channels)))[0]


def test_a_residual_block_adds_its_projected_input_before_the_last_relu():
    kernels = {"b_conv1": [[1, -1]], "b_conv2": [[1, -3], [0, 0]], "b_projection": [[10, 5]]}
    run = block(lambda make, x: resnet.basic(make, x, 2, 2, "b"), 1, **kernels)
    # The stride of 2 puts the 3 × 3 kernel on the 4, the 1 × 1 one on the 1: ReLU([4, -12] + [10, 5]).
    np.testing.assert_allclose(run([[1, 2], [3, 4]]), [[[14, 0]]], rtol=1e-5)


def test_a_bottleneck_has_four_times_the_filters_at_its_end():
    kernels = {"b_conv1": [[1], [2], [0], [0]], "b_conv2": [[3]], "b_conv3": [[1, 0, -1, -9]]}
    run = block(lambda make, x: residual.bottleneck(make, x, 1, 1, "b"), 4, **kernels)
    # 1·1 + 2·1 = 3, times 3 is 9; the input is added as it is.
    np.testing.assert_allclose(run([[[1, 1, 1, 5]]]), [[[10, 1, 0, 0]]], rtol=1e-5)


def test_a_preactivated_block_adds_to_what_no_relu_has_touched():
    kernels = {"b_conv1": [[2]], "b_conv2": [[0.5]]}
    run = block(lambda make, x: residual.preactivated(make, x, 1, 1, "b"), 1, **kernels)
    np.testing.assert_allclose(run([[-2, 3]])[..., 0], [[-2, 6]], rtol=1e-5)
    kernels = {"b_conv1": [[2, 0]], "b_conv2": [[1, 0], [0, 1]], "b_projection": [[1, -1]]}
    run = block(lambda make, x: residual.preactivated(make, x, 2, 1, "b"), 1, **kernels)
    np.testing.assert_allclose(run([[-2, 3]]), [[[0, 0], [9, -3]]], rtol=1e-5)  # a projection starts behind the ReLU


def test_a_grouped_convolution_is_each_group_by_itself():
    inputs = keras.Input((6, 7, 4))
    model = keras.Model(inputs, SeededLayers(0).convolution(inputs, 6, 3, "grouped", groups=2))
    images = np.random.default_rng(0).normal(size=(2, 6, 7, 4)).astype(np.float32)
    kernel = np.asarray(model.layers[-1].kernel)
    halves = [keras.ops.conv(images[..., 2 * g : 2 * g + 2], kernel[..., 3 * g : 3 * g + 3], padding="same") for g in range(2)]
    np.testing.assert_allclose(np.asarray(model(images)), np.concatenate(halves, axis=-1), atol=1e-5)


def test_a_dense_layer_appends_its_features():
    kernels = {"d_conv1": [[1, 1, 1, 1]], "d_conv2": [[0.5]] * 4}
    run = block(lambda make, x: densenet.dense_layer(make, x, 1, "d"), 1, **kernels)
    np.testing.assert_allclose(run([[3, -3]]), [[[3, 6], [-3, 0]]], rtol=1e-5)


def test_an_inception_module_sees_four_neighbourhoods():
    inputs = keras.Input((5, 5, 1))
    model = keras.Model(inputs, googlenet.inception(SeededLayers(0, "none"), inputs, (1, (1, 1), (1, 1), 1), 5, "i"))
    for layer in model.layers:
        if layer.weights:
            layer.kernel.assign(np.full(layer.kernel.shape, 10 if layer.name == "i_pool_conv" else 1))
    image = np.zeros((1, 5, 5, 1), np.float32)
    image[0, 2, 2] = 2
    ring = np.zeros((5, 5))
    ring[1:4, 1:4] = 1
    expected = [image[0, ..., 0], 2 * ring, np.full((5, 5), 2), 20 * ring]
    np.testing.assert_allclose(np.moveaxis(np.asarray(model(image))[0], -1, 0), expected)
