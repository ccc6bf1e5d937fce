"""How long a training takes is said once and in time; a time budget becomes a number of epochs, and changes nothing else."""

import keras
import numpy as np
import pytest

from pipeline.training import pace
from pipeline.training.pace import Pace, Timer, looked_at, spoken


class Clock:
    """Each step takes so many seconds."""

    def __init__(self, monkeypatch, step):
        self.now, self.step = 0.0, step
        monkeypatch.setattr(pace.time, "perf_counter", lambda: self.now)

    def epoch(self, callback, number, steps):
        callback.on_epoch_begin(number)
        for step in range(steps):
            self.now += self.step + (40.0 if number == step == 0 else 0)  # the first one compiles
            callback.on_train_batch_end(step, {"loss": 0.5})
        callback.on_epoch_end(number)


def test_the_first_step_does_not_count(monkeypatch):
    timer, clock = Timer(), Clock(monkeypatch, 2.0)
    timer.on_epoch_begin = timer.on_epoch_end = lambda number: None
    clock.epoch(timer, 0, 6)
    assert timer.seconds == pytest.approx(2.0)


def test_a_log_says_how_long_it_takes_and_how_far_it_is(monkeypatch, capsys):
    told, clock = Pace(patches=4374, steps=90, more=10, epochs=16), Clock(monkeypatch, 0.45)
    for number in range(3):
        clock.epoch(told, number, 90)
    first, *lines = capsys.readouterr().out.splitlines()
    assert first == "about 12 min here: 4,374 patches, 16 epochs of 45 s"
    assert lines[-1] == "epoch 3 of 16: 74%, loss 0.5000, 10 s left"
    assert len(lines) == 3  # one an epoch of 40 s


def test_a_long_epoch_has_ten_lines_at_most(monkeypatch, capsys):
    told, clock = Pace(patches=4000, steps=1000, more=0, epochs=1), Clock(monkeypatch, 10.0)
    clock.epoch(told, 0, 1000)
    lines = [line for line in capsys.readouterr().out.splitlines() if line.startswith("epoch 1 of 1: ")]
    assert len(lines) == 9


def test_of_a_short_training_nothing_is_said(monkeypatch, capsys):
    told, clock = Pace(patches=24, steps=4, more=1, epochs=2), Clock(monkeypatch, 0.1)
    clock.epoch(told, 0, 4)
    assert capsys.readouterr().out == ""


def test_validation_counts_a_third():
    assert looked_at(steps=10, patches=40, validated=60) == 5.0


def test_lengths_of_time():
    assert [spoken(s) for s in (0.123, 44.6, 300, 9000)] == ["0.1 s", "45 s", "5 min", "2.5 h"]


class Batches(keras.utils.PyDataset):
    """So many batches, which note that they were read."""

    def __init__(self, number):
        super().__init__()
        self.number, self.read = number, []

    def __len__(self):
        return self.number

    def __getitem__(self, index):
        self.read.append(index)
        return np.ones((3, 2)), np.ones((3, 1))


def test_few_steps_are_enough_to_tell_and_no_weight_moves(monkeypatch):
    network = keras.Sequential([keras.Input((2,)), keras.layers.Dropout(0.5), keras.layers.Dense(1)])
    network.compile("adam", "mse")
    before = [np.array(variable) for variable in network.variables]
    settled = Timer.settle

    def ten_seconds_a_step(timer):
        settled(timer)
        timer.seconds = 10.0

    monkeypatch.setattr(Timer, "settle", ten_seconds_a_step)
    epochs, seconds = pace.epochs_within(6.0, network, Batches(4), more=2)
    assert (epochs, seconds) == (5, 60.0)  # 6 min less the time of the trial
    assert pace.epochs_within(0.01, network, Batches(4), more=2)[0] == 1
    for variable, value in zip(network.variables, before, strict=True):
        np.testing.assert_array_equal(np.array(variable), value)


def test_an_epoch_of_one_step_is_tried_several_times():
    """The first steps compile the network, and say nothing of the time of the others."""
    network, batches = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)]), Batches(1)
    network.compile("adam", "mse")
    pace.epochs_within(1.0, network, batches, more=0)
    assert len(batches.read) > pace.SLOW + 1
