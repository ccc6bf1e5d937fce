"""The one path on which every network is trained."""

import sys

import keras
import numpy as np

from pipeline.errors import UserError
from pipeline.training.batches import Batches
from pipeline.training.curves import Curves
from pipeline.training.devices import compile_with_xla
from pipeline.training.schedule import optimizer


def fit(network, train, val, loss, metric, settings, lr_scale, seed, curves):
    """Train a network and leave it with the weights of its best epoch, by validation loss.

    Parameters
    ----------
    network : keras.Model
        Returns logits.
    train, val : pipeline.images.packed.Packed
    loss : callable or keras.losses.Loss
    metric : keras.metrics.Metric
        Shown beside the loss.
    settings : pipeline.params.Train
    lr_scale : float
        Factor of this network on the learning rate.
    seed : int
    curves : pathlib.Path
        CSV file of the learning curves.

    Returns
    -------
    dict
        epochs (trained) and best_epoch (counted from 1).

    Raises
    ------
    UserError
        If the loss is no longer a finite number.
    """
    batches = Batches(train, settings.batch_size, seed, shuffle=True, flips=settings.flips)
    network.compile(
        optimizer=optimizer(settings, lr_scale, len(batches)), loss=loss, metrics=[metric], jit_compile=compile_with_xla()
    )
    best = keras.callbacks.EarlyStopping(
        "val_loss", mode="min", patience=settings.patience or settings.epochs, restore_best_weights=True
    )
    history = network.fit(
        batches,
        validation_data=Batches(val, settings.batch_size),
        epochs=settings.epochs,
        callbacks=[_StopWhenNotFinite(), Curves(curves), best],
        verbose=1 if sys.stdout.isatty() else 2,  # a bar for a person, a line an epoch for a log
    ).history
    return {"epochs": len(history["val_loss"]), "best_epoch": int(np.argmin(history["val_loss"])) + 1}


class _StopWhenNotFinite(keras.callbacks.Callback):
    def on_epoch_end(self, epoch, logs=None):
        wrong = [name for name, value in logs.items() if not np.isfinite(value)]
        if wrong:
            raise UserError(f"epoch {epoch + 1}: expected finite numbers, received {wrong[0]} = {logs[wrong[0]]}; lower train.lr")
