"""A model alone is a model: its card is in its file. A file beside it says no more, and less if it differs."""

import json

import numpy as np
import pytest
from PIL import Image

from pipeline.errors import UserError
from pipeline.inference.model import load_trained
from pipeline.predict import main
from pipeline.training.save import save
from tests.builder import bright

CARD = {"name": "discs", "task": "segmentation", "classes": ["background", "disc"], "channels": 1, "pixel_size_nm": None}
CARD |= {"resize": None, "network": "unet", "threshold": 0.25, "threshold_flips": 0.5}
CARD |= {"intensity_range": [[0, 255]], "intensity_seen": [[[0]] * 6, [[1]] * 6]}


@pytest.fixture
def network():
    """Its probability is above 0.25 from grey value 114 on."""
    return bright()


def test_one_file_in_an_empty_folder_predicts(tmp_path, network, monkeypatch, capsys):
    save(network, tmp_path / "made/unet.keras", CARD)
    alone = tmp_path / "alone"
    alone.mkdir()
    (tmp_path / "made/unet.keras").rename(alone / "model.keras")
    Image.fromarray(np.array([[10, 113, 114, 250]], np.uint8)).save(tmp_path / "image.png")
    monkeypatch.chdir(alone)
    main(["model.keras", str(tmp_path / "image.png"), "--out", str(tmp_path / "out")])
    assert "warning" not in capsys.readouterr().err
    mask = np.asarray(Image.open(tmp_path / "out/image_mask.tif"))
    np.testing.assert_array_equal(mask, [[0, 0, 255, 255]])
    assert [path.name for path in alone.iterdir()] == ["model.keras"]


def test_the_card_inside_counts_and_a_difference_is_told(tmp_path, network, capsys):
    save(network, tmp_path / "unet.keras", CARD)
    assert load_trained(tmp_path / "unet.keras").card == CARD
    assert capsys.readouterr().err == ""
    (tmp_path / "unet.json").write_text(json.dumps(CARD | {"threshold": 0.9, "seed": 3}))
    assert load_trained(tmp_path / "unet.keras").card == CARD
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(f"warning: {tmp_path / 'unet.json'}: differs from the card in unet.keras (seed, threshold)")
    (tmp_path / "unet.json").write_text("[]")
    assert load_trained(tmp_path / "unet.keras").card == CARD
    assert "(not a card)" in capsys.readouterr().err


def test_an_older_file_takes_the_card_beside_it(tmp_path, network):
    network.save(tmp_path / "unet.keras")
    with pytest.raises(UserError, match=r"unet\.keras: has no card inside.*copy unet\.json beside it"):
        load_trained(tmp_path / "unet.keras")
    (tmp_path / "unet.json").write_text(json.dumps(CARD))
    assert load_trained(tmp_path / "unet.keras").card == CARD


def test_a_card_inside_that_is_none_is_told(tmp_path, network):
    save(network, tmp_path / "unet.keras", {"task": "segmentation"})
    with pytest.raises(UserError, match=r"unet\.keras: not the card of a trained model"):
        load_trained(tmp_path / "unet.keras")
    save(network, tmp_path / "unet.keras", CARD | {"channels": 3})
    with pytest.raises(UserError, match=r"unet\.keras: this card belongs to another network"):
        load_trained(tmp_path / "unet.keras")
