"""Estimate how long a training takes here, report how far it is, and find how many epochs fit into a given time."""

import sys
import time

import keras
import numpy as np

from pipeline.errors import counted

SLOW = 3  # first steps that are not timed: TensorFlow and XLA compile the network in the first one
ENOUGH = 5.0  # seconds of steps after which their time is known to a tenth or so
FORWARD = 1 / 3  # share of a training step that its forward pass takes
SHORT = 20.0  # seconds; shorter trainings are not announced
LINE_S, LINE_SHARE = 30.0, 0.1  # a log has a line at most every 30 s, and at most ten in an epoch


class Timer(keras.callbacks.Callback):
    """Time the first steps of a training: ``seconds`` a step, None until it is known."""

    def __init__(self):
        super().__init__()
        self.times, self.seconds = [], None

    def on_train_batch_end(self, batch, logs=None):
        if self.seconds is None:
            self.times.append(time.perf_counter())
            if len(self.times) > SLOW and self.times[-1] - self.times[SLOW - 1] >= ENOUGH:
                self.settle()

    def settle(self):
        """Make do with the steps timed so far."""
        times = self.times[SLOW - 1 :] if len(self.times) > SLOW else self.times
        self.seconds = (times[-1] - times[0]) / (len(times) - 1) if len(times) > 1 else self.seconds


class Pace(Timer):
    """Print how long a training will take, as soon as the first steps show it, and in a log, how far an epoch is.

    An epoch takes `steps`, and `more` for the patches that only pass forward (see `looked_at`).
    """

    def __init__(self, patches, steps, more, epochs, done=0):
        super().__init__()
        self.patches, self.steps, self.more, self.epochs, self.epoch = patches, steps, more, epochs, done
        self.told = False

    def on_epoch_begin(self, epoch, logs=None):
        self.epoch, self.last_time, self.last_step = epoch, time.perf_counter(), 0

    def on_train_batch_end(self, batch, logs=None):
        super().on_train_batch_end(batch, logs)
        now, step = time.perf_counter(), batch + 1
        if self.seconds is not None and not self.told:
            self._tell(self.epochs - self.epoch)
            self.last_time, self.last_step = now, step
        apart = now - self.last_time >= LINE_S and step - self.last_step >= LINE_SHARE * self.steps
        if apart and self.told and step < self.steps and not sys.stdout.isatty():
            left = (now - self.last_time) / (step - self.last_step) * (self.steps - step)
            self.last_time, self.last_step = now, step
            values = ", ".join(f"{name} {value:.4f}" for name, value in (logs or {}).items())
            print(f"epoch {self.epoch + 1} of {self.epochs}: {step / self.steps:.0%}, {values}, {spoken(left)} left", flush=True)

    def on_epoch_end(self, epoch, logs=None):
        if not self.told:  # an epoch of few steps
            self.settle()
            self._tell(self.epochs - self.epoch - 1)

    def _tell(self, epochs):
        self.told = True
        seconds = (self.seconds or 0.0) * (self.steps + self.more)
        if epochs * seconds > SHORT:
            line = "\n" if sys.stdout.isatty() else ""  # after Keras's progress bar
            total = f"about {spoken(epochs * seconds)} here"
            print(f"{line}{total}: {self.patches:,} patches, {counted(epochs, 'epoch')} of {spoken(seconds)}", flush=True)


def looked_at(steps, patches, validated):
    """Express the time for `validated` patches in training steps, `steps` of which train `patches`."""
    return FORWARD * validated * steps / patches


def epochs_within(minutes, network, batches, more):
    """Time a few training steps, restore the network, and return how many epochs fit into `minutes`, and the seconds of one.

    At least one epoch always fits. `batches` are what `keras.Model.fit` reads, `more` is as in `Pace`. The network is compiled;
    compile it again afterwards, because its optimizer has moved on.
    """
    start, timer = time.perf_counter(), Timer()
    stop = keras.callbacks.LambdaCallback(
        on_train_batch_end=lambda batch, logs: setattr(network, "stop_training", timer.seconds is not None)
    )
    before = [np.array(variable) for variable in network.variables]
    epochs = -(-(SLOW + 5) // len(batches))  # an epoch may be a single step
    network.fit(batches, epochs=epochs, callbacks=[timer, stop], shuffle=False, verbose=0)
    for variable, value in zip(network.variables, before, strict=True):
        variable.assign(value)
    timer.settle()
    used = time.perf_counter() - start
    seconds = (timer.seconds or used) * (len(batches) + more)
    return max(1, int((60 * minutes - used) // seconds)), seconds


def spoken(seconds):
    """Write a length of time as people say it.

    >>> spoken(0.123), spoken(44.6), spoken(300), spoken(9000)
    ('0.1 s', '45 s', '5 min', '2.5 h')
    """
    if seconds < 90:
        return f"{seconds:.0f} s" if seconds >= 9.5 else f"{seconds:.1f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"
