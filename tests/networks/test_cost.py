"""What a network costs is counted as papers count it."""

import keras
import pytest
from keras import layers

from pipeline.networks.common.cost import gigaflops
from pipeline.training.schedule import WarmUp


def cost(*stack, size=(6, 8), channels=2):
    inputs = x = keras.Input((None, None, channels))
    for layer in stack:
        x = layer(x)
    return round(gigaflops(keras.Model(inputs, x), size) * 1e9)


def test_each_weight_costs_two_operations_at_each_position():
    assert cost(layers.ReLU()) == 0
    assert cost(layers.Conv2D(5, 3, padding="same")) == 2 * (3 * 3 * 2 * 5) * (6 * 8)
    assert cost(layers.Conv2D(5, 3, padding="same", strides=2)) == 2 * (3 * 3 * 2 * 5) * (3 * 4)
    assert cost(layers.Conv2D(5, 3)) == 2 * (3 * 3 * 2 * 5) * (4 * 6)
    assert cost(layers.Conv2D(4, 3, groups=2, padding="same")) == 2 * (3 * 3 * 1 * 4) * (6 * 8)
    assert cost(layers.DepthwiseConv2D(3, padding="same")) == 2 * (3 * 3 * 2) * (6 * 8)
    assert cost(layers.Conv2DTranspose(5, 2, strides=2)) == 2 * (2 * 2 * 2 * 5) * (6 * 8)
    assert cost(layers.GlobalAveragePooling2D(), layers.Dense(7)) == 2 * (2 * 7)


@pytest.mark.parametrize(("name", "published"), [("VGG16", 15.47), ("MobileNet", 0.569)])
def test_known_networks_cost_what_their_papers_say(name, published):
    """In 10^9 products: the papers count a product and a sum as one."""
    network = getattr(keras.applications, name)(weights=None)
    assert gigaflops(network, (224, 224)) / 2 == pytest.approx(published, rel=0.003)


def test_a_network_costs_the_same_once_it_is_compiled():
    inputs = keras.Input((6, 8, 1))
    network = keras.Model(inputs, layers.Conv2D(2, 3)(inputs))
    plain = gigaflops(network, (6, 8))
    network.compile(optimizer=keras.optimizers.Adam(WarmUp(0.1, 10, 1, cosine=True)), loss="mse")  # a schedule without a config
    assert gigaflops(network, (6, 8)) == plain > 0
