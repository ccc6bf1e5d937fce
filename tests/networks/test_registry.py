"""A network is found by the name of its module; its settings are checked, and its builder gets what it names."""

import re
from pathlib import Path

import pytest
import yaml

from pipeline import networks, params
from pipeline.errors import UserError
from tests.builder import FACTS

SHIPPED = yaml.safe_load(Path("params.yaml").read_text())


def load(name, **section):
    """A network with some settings changed from those in ``params.yaml``."""
    values = SHIPPED | {name: SHIPPED.get(name, {}) | section}
    return networks.load(name, params.check(params.Params, values, "params.yaml"))


@pytest.mark.parametrize("name", params.network_names())
def test_every_network_says_what_it_is_and_builds(name):
    network = load(name)
    assert network.title and network.task in ("segmentation", "classification")
    assert re.search(r"\d{4}", network.citation)
    # Of segmentation, two classes share a logit.
    outputs = {2: (None, None, None, 1), 3: (None, None, None, 3)} if network.task == "segmentation" else {3: (None, 3)}
    for classes, shape in outputs.items():
        images = {"channels": 3, "context": 1, "size": (32, 32), "classes": classes}
        model = network.build(**FACTS | images)
        assert model.output.shape == shape
        assert model.output.dtype == "float32"


@pytest.mark.parametrize("name", [name for name in params.network_names() if name in SHIPPED])
def test_every_setting_is_listed_in_params_with_its_default(name):
    assert set(SHIPPED[name]) - {"datasets"} == set(type(load(name).settings).model_fields)


@pytest.mark.parametrize("name", [name for name in params.network_names() if "filters" in SHIPPED.get(name, ())])
def test_settings_reach_the_builder(name):
    weights = [load(name, filters=filters).build(**FACTS, channels=1).count_params() for filters in (2, 4)]
    assert weights[0] < weights[1]


def test_an_unknown_network_is_refused_with_the_known_ones():
    with pytest.raises(UserError, match=r"unet_3000 is not a network; the networks are: .*attn_resunet, .*unet, .*vgg16"):
        networks.load("unet_3000", params.load())


@pytest.mark.parametrize(
    ("name", "section", "message"),
    [
        ("unet", {"depth": 9}, "params.yaml: unet.depth: expected at most 7, received 9"),
        ("unet", {"filtres": 8}, "params.yaml: unet.filtres: unknown key; did you mean filters?"),
        ("vgg16", {"lr_scale": "0"}, "params.yaml: vgg16.lr_scale: expected more than 0"),
    ],
)
def test_a_wrong_setting_names_its_key(name, section, message):
    with pytest.raises(UserError) as caught:
        load(name, **section)
    (line,) = str(caught.value).splitlines()
    assert line.startswith(message)


def test_factors_scale_the_training():
    train = params.load().train.model_copy(update={"lr": 0.002, "epochs": 4, "batch_size": 4})
    scaled = load("unet", lr_scale=0.5, epochs_scale=0.1, batch_scale=3.0).settings
    with pytest.raises(UserError, match=r"train\.warmup: 1\.5 epochs, but training has only 1;"):
        scaled.training(train.model_copy(update={"warmup": 1.5}))
    training = scaled.training(train)
    assert (training.lr, training.epochs, training.batch_size) == (0.001, 1, 12)


def test_images_too_small_for_vgg16_are_refused():
    with pytest.raises(UserError, match=r"vgg16: needs patches\.resize of at least \[32, 32\], received \[16, 48\]"):
        load("vgg16").build(**FACTS, channels=3, size=(16, 48))
