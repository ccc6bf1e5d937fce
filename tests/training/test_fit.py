"""Training: the schedule, the precision, and a network that really learns and keeps its best epoch."""

import keras
import numpy as np
import pandas as pd
import pytest

from pipeline import params
from pipeline.errors import UserError
from pipeline.patches.packed import Packed
from pipeline.tasks.segmentation.losses import PooledDice, bce_dice
from pipeline.training.batches import Batches
from pipeline.training.checkpoint import Checkpoint
from pipeline.training.devices import resolve_precision
from pipeline.training.distributed import ALONE, Team
from pipeline.training.fit import fit
from pipeline.training.optimizers import optimizer, scale_rates
from tests.builder import builder

unet = builder("unet")


@pytest.fixture
def settings():
    return params.load().train.model_copy(update={"epochs": 8, "batch_size": 4, "warmup": 0.5, "lr": 0.01})


@pytest.fixture
def squares():
    """Bright squares on a dark, noisy ground."""
    rng = np.random.default_rng(0)
    images, masks = rng.integers(0, 90, (24, 16, 16, 1), np.uint8), np.zeros((24, 16, 16), bool)
    for image, mask in zip(images, masks, strict=True):
        row, column = rng.integers(0, 9, 2)
        image[row : row + 7, column : column + 7] += 120
        mask[row : row + 7, column : column + 7] = True
    return Packed(images[:16], masks[:16]), Packed(images[16:], masks[16:])


@pytest.fixture
def fitted(tmp_path, squares):
    """Train a network on the squares: ``fitted(network, settings)``, what `fit` returns; the curves lie in `tmp_path`."""

    def fitted(network, settings, name="c", seed=7, team=ALONE):
        train = Batches(squares[0], settings.batch_size, seed, shuffle=True, flips=settings.flips, team=team)
        files = tmp_path / f"{name}.csv", Checkpoint(tmp_path / f"{name}.npz")
        return fit(network, train, Batches(squares[1], settings.batch_size, team=team), bce_dice, PooledDice(), settings, *files)

    return fitted


def small():
    return unet(channels=1, filters=2, depth=1)


def validation_loss(network, packed):
    """The loss that Keras logs: the mean over batches of four."""
    images, masks = packed.images / np.float32(255), packed.targets[..., None].astype(np.float32)
    network.compile(loss=bce_dice)
    return np.mean([float(bce_dice(masks[i : i + 4], network.predict_on_batch(images[i : i + 4]))) for i in (0, 4)])


def test_a_part_of_a_network_has_a_learning_rate_of_its_own(settings):
    """The first step of Adam moves a weight by the rate itself, whatever the gradient: by hand 0.001 and 0.01."""
    for name in ("adam", "sgd"):
        layers = [keras.layers.Dense(1, use_bias=False, name=part) for part in ("slow", "fast")]
        inputs = keras.Input((1,))
        network = keras.Model(inputs, layers[1](layers[0](inputs)))
        layers[0].lr_scale = 0.1
        steps = optimizer(settings.model_copy(update={"optimizer": name, "schedule": "constant", "warmup": 0.0}), 1, 5)
        scale_rates(steps, network)
        steps.build(network.trainable_variables)
        before = [float(np.ravel(layer.kernel)[0]) for layer in layers]
        steps.apply([keras.ops.full((1, 1), 0.5)] * 2, network.trainable_variables)
        slow, fast = (old - float(np.ravel(layer.kernel)[0]) for old, layer in zip(before, layers, strict=True))
        assert slow == pytest.approx(0.1 * fast, rel=1e-3)
        assert name == "sgd" or fast == pytest.approx(0.01, rel=1e-3)


@pytest.mark.parametrize(
    ("flags", "expected"),
    [("flags : sse2 avx512_bf16", "bfloat16"), ("Features : fp bf16", "bfloat16"), ("flags : avx2", "float32")],
)
def test_auto_precision_follows_the_processor(tmp_path, flags, expected):
    (tmp_path / "cpuinfo").write_text(flags + "\n")
    assert resolve_precision("auto", tmp_path / "cpuinfo") == expected
    assert resolve_precision("auto", tmp_path / "missing") == "float32"
    assert resolve_precision("float32", tmp_path / "cpuinfo") == "float32"


def test_a_network_learns_twice_the_same_and_keeps_its_best_epoch(tmp_path, settings, squares, fitted):
    curves, weights = [], []
    for run in range(2):
        keras.utils.set_random_seed(7)
        network = unet(channels=1, filters=4, depth=2, dropout=0.1, normalization="batch")
        epochs = fitted(network, settings, f"new/{run}")
        path = tmp_path / f"new/{run}.csv"
        curves.append(path.read_text())
        weights.append(network.get_weights())
    frame = pd.read_csv(path)
    assert frame.columns.tolist() == ["epoch", "dice", "loss", "val_dice", "val_loss", "learning_rate"]
    assert frame["epoch"].tolist() == list(range(1, 9))
    assert frame["val_dice"].max() > 0.9
    assert epochs == {"epochs": 8, "best_epoch": int(frame["val_loss"].idxmin()) + 1}
    assert curves[0] == curves[1]
    for first, second in zip(*weights, strict=True):
        np.testing.assert_array_equal(first, second)
    assert validation_loss(network, squares[1]) == pytest.approx(frame["val_loss"].min(), rel=1e-4)


def test_the_epoch_with_the_best_metric_is_kept_where_it_decides(tmp_path, settings, fitted):
    """The last epoch but one has the highest Dice, and not the lowest loss: a training that is told both."""
    kept = {}
    for monitor in ("loss", "metric"):
        keras.utils.set_random_seed(3)
        changed = settings.model_copy(update={"monitor": monitor, "epochs": 4})
        kept[monitor] = fitted(small(), changed, monitor, seed=3)["best_epoch"]
    frame = pd.read_csv(tmp_path / "metric.csv")
    assert kept == {"loss": int(frame["val_loss"].idxmin()) + 1, "metric": int(frame["val_dice"].idxmax()) + 1}
    assert kept["loss"] != kept["metric"]


def test_the_averaged_weights_are_validated_and_kept(tmp_path, settings, squares, fitted):
    """The rate is far too high for the last weights, not for their average; patience brings the best one back."""
    rough = settings.model_copy(update={"average": 0.95, "patience": 2, "schedule": "constant", "lr": 0.03, "epochs": 12})
    keras.utils.set_random_seed(7)
    network = unet(channels=1, filters=4, depth=1, dropout=0.1, normalization="batch")
    epochs = fitted(network, rough)
    frame = pd.read_csv(tmp_path / "c.csv")
    assert epochs == {"epochs": len(frame), "best_epoch": int(frame["val_loss"].idxmin()) + 1}
    assert epochs["epochs"] in (epochs["best_epoch"] + 2, 12)
    assert validation_loss(network, squares[1]) == pytest.approx(frame["val_loss"].min(), rel=1e-4)


def test_divergence_is_a_user_error(settings, fitted):
    wild = settings.model_copy(update={"lr": 1e38, "warmup": 0.0})
    with pytest.raises(UserError, match=r"epoch 1: .* not a finite number; lower train\.lr"):
        fitted(small(), wild)


def test_several_processes_measure_no_batch_statistics(settings, fitted):
    averaged = settings.model_copy(update={"average": 0.9})
    with pytest.raises(UserError, match=r"^train\.average and train\.recalibrate do not work with several processes"):
        fitted(small(), averaged, team=Team(0, 2, 1))
