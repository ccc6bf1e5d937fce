"""A model that looks at the neighbours of a section, in all places where one is predicted."""

import numpy as np
import pytest
import tifffile
import zarr
from ome_zarr.writer import write_multiscale
from PIL import Image

from pipeline import params, paths, tasks
from pipeline.datasets.layout import DatasetInfo, DatasetWriter
from pipeline.errors import UserError
from pipeline.evaluation.test_split import open_test_split
from pipeline.inference.ensemble import load_all
from pipeline.inference.model import TrainedModel
from pipeline.patches.packed import load_card, load_packed
from pipeline.patches.patchify import patchify
from pipeline.predict import load, main, predict
from pipeline.tasks.segmentation.threshold import choose_threshold
from tests.builder import pointwise
from tests.prediction.conftest import CARD, write


def network_of_the_section_before():
    """Foreground is what is bright in the section before: probability sigmoid(20 (x - 0.5))."""
    return pointwise([[20.0], [0.0], [0.0]], [-10.0])


@pytest.fixture(scope="module")
def before(tmp_path_factory):
    return write(network_of_the_section_before(), CARD | {"context": 1}, tmp_path_factory.mktemp("models") / "unet.keras")


@pytest.fixture(scope="module")
def sections():
    """Two time points of four sections (24 × 30), dark or bright in blocks."""
    return np.random.default_rng(0).integers(0, 2, (2, 4, 4, 5), np.uint8).repeat(6, axis=2).repeat(6, axis=3) * 200 + 20


def shifted(stack):
    """What the model finds in each section: what is bright in the one before; the first one stands for that before it."""
    return np.concatenate([stack[:1], stack[:-1]]) > 128


def test_a_stack(before, sections, tmp_path):
    tifffile.imwrite(tmp_path / "s.tif", sections[0], photometric="minisblack")
    main([str(before), str(tmp_path / "s.tif"), "--out", str(tmp_path / "out"), "--tile", "16", "--overlap", "4"])
    np.testing.assert_array_equal(tifffile.imread(tmp_path / "out/s_mask.tif") > 0, shifted(sections[0]))


def test_a_volume_of_several_time_points(before, sections, tmp_path):
    axes = [{"name": "t", "type": "time"}, *({"name": name, "type": "space"} for name in "zyx")]
    write_multiscale([sections], zarr.open_group(tmp_path / "v.ome.zarr", zarr_format=3), axes=axes)
    main([str(before), str(tmp_path / "v.ome.zarr"), "--out", str(tmp_path / "out")])
    found = zarr.open_array(tmp_path / "out/v_mask.ome.zarr/0", mode="r")[:]
    np.testing.assert_array_equal(found > 0, np.stack([shifted(stack) for stack in sections]))


def test_a_section_alone_is_warned_of(before, sections, tmp_path, capsys):
    Image.fromarray(sections[0, 0]).save(tmp_path / "a.png")
    main([str(before), str(tmp_path / "a.png"), "--out", str(tmp_path / "out")])
    assert "a.png: the model looks at neighbouring sections, and sees this one alone" in capsys.readouterr().err
    np.testing.assert_array_equal(tifffile.imread(tmp_path / "out/a_mask.tif") > 0, sections[0, 0] > 128)


def test_arrays(before, sections):
    model = load(before)
    np.testing.assert_array_equal(predict(model, sections[0, :3]).mask, sections[0, 0] > 128)
    with pytest.raises(UserError, match="expected 3 sections, the one to predict in the middle, received 4"):
        predict(model, sections[0])


def test_several_models_as_one_and_models_that_do_not_fit(before, bright, sections, tmp_path):
    """A second fold has measured twice the range: 220 is then 0.43, and dark."""
    other = write(network_of_the_section_before(), CARD | {"context": 1, "intensity_range": [[0, 510]]}, tmp_path / "b.keras")
    found = predict(load([before, other]), sections[0, :3])
    bright_before = sections[0, 0] > 128
    assert found.probability[bright_before].mean() == pytest.approx(
        (1 / (1 + np.exp(-7.255)) + 1 / (1 + np.exp(1.373))) / 2, abs=1e-3
    )
    with pytest.raises(UserError, match=r"expected context 1 as .* has, received 0"):
        load_all([before, bright])


@pytest.fixture
def stack(tmp_path, monkeypatch):
    """A data set of twelve sections whose masks are what is bright in the section before; returns the params."""
    settings = params.load()
    monkeypatch.chdir(tmp_path)
    noise = np.random.default_rng(0).integers(0, 2, (12, 4, 4, 1), np.uint8).repeat(8, axis=1).repeat(8, axis=2) * 200 + 20
    with DatasetWriter(paths.raw("stack")) as writer:
        for number, image in enumerate(noise):
            writer.add(f"s{number:02d}", image, mask=noise[max(number - 1, 0), ..., 0] > 128)
        writer.finish(DatasetInfo("stack", "folder", "segmentation", ("background", "cell"), 1))
    patches = {"size": [16, 32], "stride": [16, 32], "context": 1}
    split = {"method": "blocks", "val": 0.25, "test": 0.25}
    block = {"task": "segmentation", "source": "folder", "path": "stack", "intensity": [0, 255], "split": split}
    dataset = params.Dataset(**block, patches=patches)
    augment = settings.augment.model_copy(update={"when": "never"})
    return settings.model_copy(update={"datasets": {"stack": dataset}, "augment": augment})


def test_training_validation_and_test_see_the_same(stack):
    """Packed patches, the choice of the threshold, and the scores."""
    patchify("stack", stack)
    packed = load_packed(paths.patches("stack"), "train")
    assert packed.images.shape == (12, 16, 32, 3)
    inner = np.arange(12) >= 2  # the first section of a side has none before it
    np.testing.assert_array_equal(packed.images[inner][..., 0] > 128, packed.targets[inner])
    np.testing.assert_array_equal(packed.images[:-2, ..., 1], packed.images[2:, ..., 0])
    card = CARD | load_card(paths.patches("stack"))
    network = network_of_the_section_before()
    chosen, table = choose_threshold(network, "stack", card)
    model = TrainedModel(network, card | chosen)
    records = open_test_split("stack")
    found = tasks.part("segmentation", "evaluation").score([model], "stack", records, stack, "U-Net")
    assert found.table["dice"].tolist()[1:] == [1.0, 1.0] and found.table["dice"][0] < 0.9
    assert table["dice"].max() < 1  # of validation's first section, too


def test_the_card_says_so(before, capsys):
    main([str(before), "--describe"])
    assert ", each with its 2 nearest sections\n" in capsys.readouterr().out
