"""An interrupted training ends with the same bytes as one that was not; no other training picks its checkpoint up."""

import hashlib
import json
import shutil
import sys
import zipfile
from pathlib import Path

import h5py
import keras
import numpy as np
import pytest

from pipeline import networks, params, tasks
from pipeline.patches.packed import Packed
from pipeline.tasks.classification.training import CrossEntropy
from pipeline.tasks.segmentation.losses import PooledDice, bce_dice
from pipeline.training.batches import Batches, Fresh
from pipeline.training.checkpoint import Checkpoint, training_key
from pipeline.training.devices import prepare
from pipeline.training.fit import fit
from pipeline.training.save import save
from pipeline.training.train import train
from tests.builder import builder

unet = builder("unet")


class KilledError(Exception):
    pass


class KilledAfter(Checkpoint):
    """A checkpoint whose process ends right after it wrote the n-th epoch."""

    def __init__(self, path, epochs):
        super().__init__(path)
        self.epochs = epochs

    def write(self, arrays, values):
        super().write(arrays, values)
        if len(values["epochs"]) == self.epochs:
            raise KilledError


@pytest.fixture
def patches():
    rng = np.random.default_rng(3)
    images = rng.integers(0, 255, (14, 16, 16, 1), np.uint8)
    return Packed(images[:10], images[:10, ..., 0] > 150), Packed(images[10:], images[10:, ..., 0] > 150)


def run(folder, patches, checkpoint, anew=False, **changes):
    """Train four epochs with everything random that a training has; return the hashes of what it leaves."""
    settings = params.load().train.model_copy(update={"epochs": 4, "batch_size": 4} | changes)
    prepare(5, "float32")
    network = unet(channels=1, filters=4, depth=2, dropout=0.3, normalization="batch")
    fresh = Fresh(params.load().augment, (8, 8)) if anew else None
    batches = Batches(patches[0], 4, 5, shuffle=True, flips=settings.flips, fresh=fresh), Batches(patches[1], 4)
    told = fit(network, *batches, bce_dice, PooledDice(), settings, folder / "curves.csv", checkpoint)
    save(network, folder / "network.keras")
    return told, *(hashlib.sha256((folder / name).read_bytes()).hexdigest() for name in ("curves.csv", "network.keras"))


@pytest.mark.parametrize(
    ("changes", "epochs"),
    [
        ({}, 1),
        ({"optimizer": "sgd", "anew": True}, 4),
        ({"optimizer": "adamw", "average": 0.9, "schedule": "one_cycle", "weight_decay": 0.1}, 2),
    ],
)
def test_a_training_that_goes_on_ends_with_the_same_bytes(tmp_path, patches, changes, epochs):
    whole = run(tmp_path / "whole", patches, Checkpoint(tmp_path / "whole.npz"), **changes)
    with pytest.raises(KilledError):
        run(tmp_path / "cut", patches, KilledAfter(tmp_path / "cut.npz", epochs), **changes)
    (tmp_path / "cut/curves.csv").unlink()  # as DVC does before it runs a stage again
    assert run(tmp_path / "cut", patches, Checkpoint(tmp_path / "cut.npz"), **changes) == whole


def test_balanced_classes_go_on_where_they_were(tmp_path):
    rng = np.random.default_rng(4)
    images, labels = rng.integers(0, 255, (14, 4, 4, 1), np.uint8), np.repeat([0, 1, 0], [8, 2, 4])
    patches = Packed(images[:10], labels[:10]), Packed(images[10:], labels[10:])
    settings = params.load().train.model_copy(update={"epochs": 3, "batch_size": 4})

    def run(name, checkpoint, balanced=True):
        prepare(5, "float32")
        network = keras.Sequential([keras.Input((4, 4, 1)), keras.layers.Flatten(), keras.layers.Dense(2)])
        loss, metric = CrossEntropy([1.0, 4.0]), keras.metrics.SparseCategoricalAccuracy(name="accuracy")
        batches = Batches(patches[0], 4, 5, shuffle=True, balanced=balanced), Batches(patches[1], 4)
        fit(network, *batches, loss, metric, settings, tmp_path / f"{name}.csv", checkpoint)
        return [weight.tobytes() for weight in network.get_weights()], (tmp_path / f"{name}.csv").read_bytes()

    whole = run("whole", Checkpoint(tmp_path / "whole.npz"))
    with pytest.raises(KilledError):
        run("cut", KilledAfter(tmp_path / "cut.npz", 1))
    assert run("cut", Checkpoint(tmp_path / "cut.npz")) == whole
    assert run("all", Checkpoint(tmp_path / "all.npz"), balanced=False) != whole


def test_a_time_budget_is_measured_once_and_trains_as_so_many_epochs_do(tmp_path, patches, monkeypatch):
    found = iter([(3, 1.0)])
    monkeypatch.setattr("pipeline.training.fit.epochs_within", lambda *arguments: next(found))
    whole = run(tmp_path / "whole", patches, Checkpoint(tmp_path / "whole.npz"), epochs=3)
    with pytest.raises(KilledError):
        run(tmp_path / "cut", patches, KilledAfter(tmp_path / "cut.npz", 1), minutes=5.0)
    told, *hashes = run(tmp_path / "cut", patches, Checkpoint(tmp_path / "cut.npz"), minutes=5.0)
    assert told == whole[0] | {"minutes": 5.0, "epochs_planned": 3}
    assert hashes == list(whole[1:])


def test_patience_is_remembered(tmp_path, patches):
    changes = {"patience": 1, "lr": 1e-30, "schedule": "constant"}  # never better: stops after the second epoch
    whole = run(tmp_path / "whole", patches, Checkpoint(tmp_path / "whole.npz"), **changes)
    assert whole[0] == {"epochs": 2, "best_epoch": 1}
    with pytest.raises(KilledError):
        run(tmp_path / "cut", patches, KilledAfter(tmp_path / "cut.npz", 2), **changes)
    assert run(tmp_path / "cut", patches, Checkpoint(tmp_path / "cut.npz"), **changes) == whole


@pytest.mark.parametrize("damage", ["cut", "flipped", "empty", "text"])
def test_a_damaged_checkpoint_is_reported_and_ignored(tmp_path, capsys, damage):
    path = tmp_path / "network.npz"
    Checkpoint(path).write({"weight": np.arange(1000.0)}, {"epochs": [1]})
    arrays, values = Checkpoint(path).read()
    np.testing.assert_array_equal(arrays["weight"], np.arange(1000.0))
    assert values == {"epochs": [1]}
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes({"cut": content[:-200], "flipped": content, "empty": b"", "text": b"no zip at all"}[damage])
    assert Checkpoint(path).read() is None
    assert f"{path} is damaged" in capsys.readouterr().out


def test_the_key_changes_with_settings_data_and_code(tmp_path, monkeypatch):
    (tmp_path / "train").mkdir()
    np.save(tmp_path / "train/images.npy", np.arange(4))
    first = training_key(tmp_path, {"lr": 1.0})
    assert first == training_key(tmp_path, {"lr": 1.0})
    assert first != training_key(tmp_path, {"lr": 2.0})
    monkeypatch.setattr(keras, "__version__", "0")
    assert first != training_key(tmp_path, {"lr": 1.0})
    monkeypatch.undo()
    weights = tmp_path / "weights.h5"
    weights.write_text("1")
    other = training_key(tmp_path, {"lr": 1.0}, [weights])
    weights.write_text("2")
    assert len({first, other, training_key(tmp_path, {"lr": 1.0}, [weights])}) == 3
    code = tmp_path / "code.py"
    code.write_text("a = 1")
    monkeypatch.setattr(sys.modules["pipeline.training.fit"], "__file__", str(code))
    changed = training_key(tmp_path, {"lr": 1.0})
    code.write_text("a = 2")
    assert len({first, changed, training_key(tmp_path, {"lr": 1.0})}) == 3
    monkeypatch.undo()
    later = tmp_path / "pipeline/networks/common/encoders/mine.py"  # that `build` imports
    later.parent.mkdir(parents=True)
    own = tmp_path / "pipeline/training/checkpoint.py"
    own.parent.mkdir()
    own.touch()
    monkeypatch.setattr("pipeline.training.checkpoint.__file__", str(own))
    for text in ("a = 1", "a = 2"):
        later.write_text(text)
        assert len({first, changed, changed := training_key(tmp_path, {"lr": 1.0})}) == 3
    monkeypatch.undo()
    np.save(tmp_path / "train/images.npy", np.arange(1, 5))
    assert first != training_key(tmp_path, {"lr": 1.0})


def test_a_saved_network_has_no_date_and_still_loads(tmp_path, monkeypatch):
    contents = []
    for moment in (1e9, 1.5e9):
        monkeypatch.setattr("time.time", lambda moment=moment: moment)
        prepare(1, "float32")
        network = unet(channels=1, filters=2, depth=1)
        network.compile("adam", "mse")
        network.train_on_batch(np.zeros((1, 8, 8, 1)), np.zeros((1, 8, 8, 1)))
        save(network, tmp_path / "network.keras", {"threshold": 0.25})
        contents.append((tmp_path / "network.keras").read_bytes())
    assert contents[0] == contents[1]
    assert json.loads((tmp_path / "network.json").read_text()) == {"threshold": 0.25}
    with zipfile.ZipFile(tmp_path / "network.keras") as saved, h5py.File(saved.open("model.weights.h5")) as weights:
        assert "optimizer" not in weights  # its moments are twice as large as the network
        assert json.loads(saved.read("card.json")) == {"threshold": 0.25}
    loaded = keras.saving.load_model(tmp_path / "network.keras")
    assert loaded.input.shape == network.input.shape
    for mine, its in zip(network.get_weights(), loaded.get_weights(), strict=True):
        np.testing.assert_array_equal(mine, its)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["network.json", "network.keras"]


def test_seeds_and_folds_that_are_done_are_not_trained_again(tmp_path, monkeypatch, capsys, project):
    """DVC removes all models before it runs an interrupted stage again; the checkpoints of the earlier ones are still there."""
    packed = project(tmp_path, epochs=2, repeats=2) / "data/patches/mitochondria"
    card = json.loads((packed / "dataset.json").read_text())
    shutil.copytree(packed, tmp_path / "fold-1")
    (tmp_path / "fold-1").rename(packed / "fold-1")
    for fold, folder in enumerate((packed, packed / "fold-1")):
        (folder / "dataset.json").write_text(json.dumps(card | {"fold": fold, "folds": 2}))
    images = np.load(packed / "fold-1/train/images.npy")
    np.save(packed / "fold-1/train/images.npy", images[::-1])
    monkeypatch.chdir(tmp_path)

    def stage(saving):
        monkeypatch.setattr("pipeline.training.train.save", saving)
        known = params.load()
        train("mitochondria", networks.load("unet", known), tasks.part("segmentation", "training"), known)

    def until_the_third(network, path, card):
        if path.name == "2027.keras":
            raise KilledError
        save(network, path, card)

    stage(save)
    whole = {path: path.read_bytes() for path in Path("models").rglob("*") if path.is_file()}
    names = {"unet.keras", "fold-1.keras", "2027.keras", "2027-fold-1.keras"}
    assert {path.name for path in whole if path.suffix == ".keras"} == names and len(whole) == 2 + 1 + 3 * 3
    assert len({content for path, content in whole.items() if path.suffix == ".keras"}) == 4
    cards = {path.stem: content for path, content in whole.items() if path.suffix == ".json" and path.stem != "seeds"}
    folds = {name: json.loads(content)["fold"] for name, content in cards.items()}
    assert folds == {"unet": 0, "fold-1": 1, "2027": 0, "2027-fold-1": 1}
    assert not any(Path(".checkpoints").rglob("*.npz"))
    shutil.rmtree("models")
    with pytest.raises(KilledError):
        stage(until_the_third)
    shutil.rmtree("models")
    capsys.readouterr()
    stage(save)
    assert capsys.readouterr().out.count("resuming after epoch 2") == 3  # of all that were trained to their end
    assert {path: path.read_bytes() for path in Path("models").rglob("*") if path.is_file()} == whole
    assert not any(Path(".checkpoints").rglob("*.npz"))
