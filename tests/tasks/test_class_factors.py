"""How several classes are weighed on validation."""

import keras
import numpy as np
import pytest

from pipeline import paths
from pipeline.datasets.layout import DatasetInfo, DatasetWriter, read_table
from pipeline.networks.common.blocks import add_to_logits, logits
from pipeline.networks.common.run import probabilities
from pipeline.tasks.segmentation import class_factors
from pipeline.tasks.segmentation.class_factors import choose_factors, weigh_classes

SURE, UNSURE, OTHER = [0.1, 0.8, 0.1], [0.4, 0.45, 0.15], [0.3, 0.1, 0.6]  # probabilities of three classes


def chosen(pixels):
    """The factors for a list of (probabilities, true class, unit)."""
    probability, truth, unit = zip(*pixels, strict=True)
    return choose_factors(np.array(probability, np.float32).T, np.array(truth), np.array(unit)).tolist()


def test_a_class_that_is_found_too_often_counts_less():
    pixels = [(SURE, 1, 0)] * 5 + [(UNSURE, 0, 0)] * 10 + [(OTHER, 2, 0)]
    assert chosen(pixels) == [1, 2**-0.25, 1]  # 0.45 × 0.84 < 0.4; smaller factors give the same Dice


def test_a_class_that_is_found_too_seldom_counts_more():
    assert chosen([(SURE, 1, 0)] * 5 + [([0.5, 0.4, 0.1], 1, 0)] * 10 + [(OTHER, 2, 0)]) == [1, 2**0.5, 1]


def test_what_is_right_or_missing_stays():
    assert chosen([(SURE, 1, 0), (OTHER, 2, 0)]) == [1, 1, 1]
    assert chosen([(SURE, 1, 0), (OTHER, 0, 0)]) == [1, 1, 1]  # no pixel is of the last class, so its Dice does not count
    assert chosen([(OTHER, 0, 0)]) == [1, 1, 1]


def test_units_that_disagree_change_nothing():
    """In one unit, the unsure pixels are of the class; in the other, they are not, and are a few more."""
    one, other = [(UNSURE, 1, 0)] * 10 + [(SURE, 1, 0)] * 9, [(UNSURE, 0, 1)] * 12 + [(SURE, 1, 1)] * 9
    assert chosen(one + other) == [1, 1, 1]


@pytest.fixture
def network():
    """A network that believes in each class as the value of a channel says."""
    inputs = keras.Input((None, None, 3))
    network = keras.Model(inputs, logits(inputs, classes=3))
    network.get_layer("logits").set_weights([10 * np.eye(3).reshape(1, 1, 3, 3), np.zeros(3)])
    return network


@pytest.fixture
def image(tmp_path, monkeypatch):
    """An image that is there three times; its lower half is unsure.

    That is foreground in the training image, background in the two of validation, and there ignored in part.
    """
    monkeypatch.chdir(tmp_path)
    image = np.zeros((16, 16, 3), np.uint8)
    image[:8, :8, 1], image[:8, 8:, 2] = 255, 255
    image[8:, :, 0], image[8:, :, 1] = 100, 110
    mask = np.repeat([[1, 2], [0, 0]], 8, axis=0).repeat(8, axis=1).astype(np.uint8)
    mask[12:, 8:] = 255
    with DatasetWriter(paths.raw("shapes")) as writer:
        for name in "abc":
            writer.add(name, image, mask=np.where(mask == 0, 1, mask).astype(np.uint8) if name == "a" else mask)
        writer.finish(DatasetInfo("shapes", "folder", "segmentation", ("ground", "square", "spot"), 3))
    table = read_table(paths.raw("shapes") / "images.csv")
    table["split"], table["unit"] = ["train", "val", "val"], table["name"]
    paths.patches("shapes").mkdir(parents=True)
    table.to_csv(paths.patches("shapes") / "split.csv", index=False)
    return image


CARD = {"classes": ["ground", "square", "spot"], "intensity_range": [[0, 255]] * 3}


@pytest.mark.parametrize(("resize", "factor"), [(None, 0.595), (0.5, 0.5)])  # enlarged again, edges are unsure too
def test_the_network_is_weighed_by_what_counts_on_validation(network, image, resize, factor):
    card = CARD | {"resize": resize}
    before = probabilities(network(image[None] / 255.0))
    assert weigh_classes(network, "shapes", card) == {"class_factors": [1, factor, 1]}  # e^(10 · 10 / 255) = 1.48
    expected = before * [1, factor, 1]
    found = probabilities(network(image[None] / 255.0))
    np.testing.assert_allclose(found, expected / expected.sum(axis=-1, keepdims=True), rtol=1e-3)


def test_of_many_pixels_each_image_gives_equally_many_under_its_unit(network, image, monkeypatch):
    _, _, every = class_factors._pixels(network, "shapes", CARD | {"resize": None})
    monkeypatch.setattr(class_factors, "VALUES", 3 * 2 * 50)  # of three classes in two images
    probability, truth, unit = class_factors._pixels(network, "shapes", CARD | {"resize": None})
    assert (np.bincount(every).tolist(), np.bincount(unit).tolist()) == ([224, 224], [50, 50])
    assert probability.shape == (3, 100) and set(truth) == {0, 1, 2}


def test_an_output_that_nobody_named_stays(network):
    other = keras.Model(network.input, keras.layers.Conv2D(3, 1, name="last")(network.input))
    assert not add_to_logits(other, [1, 1, 1])


@pytest.mark.parametrize(
    "layer",
    [
        keras.layers.Conv2D(3, 1, use_bias=False, name="logits"),
        keras.layers.BatchNormalization(name="logits_normalised"),
        keras.layers.Conv2D(5, 1, name="logits_hidden"),
        keras.layers.Conv2D(5, 1, name="logits_2"),
    ],
    ids=lambda layer: layer.name,
)
def test_a_layer_of_a_like_name_stays(network, layer):
    """A network of the user's own may call its layers so."""
    x = layer(network.input)
    assert not add_to_logits(keras.Model(network.input, keras.layers.Conv2D(3, 1, name="last")(x)), [1, 1, 1])
