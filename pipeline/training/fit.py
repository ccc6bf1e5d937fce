"""The one path on which every network is trained."""

import sys

import keras

from pipeline.training.batches import Batches, readable
from pipeline.training.devices import compile_with_xla
from pipeline.training.hosts import ALONE
from pipeline.training.progress import Progress
from pipeline.training.schedule import optimizer


def fit(network, train, val, loss, metric, settings, lr_scale, seed, curves, checkpoint, team=ALONE):
    """Train a network and leave it with the weights of its best epoch, as `settings.monitor` says.

    What epoch e does depends on the state before it and on the seed alone, so that a training that goes on from a
    checkpoint ends with the same bits as one that was never interrupted.

    Parameters
    ----------
    network : keras.Model
        Returns logits.
    train, val : pipeline.patches.packed.Packed
    loss : callable or keras.losses.Loss
    metric : keras.metrics.Metric
        Shown beside the loss; the larger the better.
    settings : pipeline.params.Train
    lr_scale : float
        Factor of this network on the learning rate.
    seed : int
    curves : pathlib.Path
        CSV file of the learning curves.
    checkpoint : pipeline.training.checkpoint.Checkpoint
        Written after each epoch, and read if it exists. Whoever calls removes it once all that DVC removes is safe.
    team : pipeline.training.hosts.Team, optional
        The processes that train it together, in whose context it was built.

    Returns
    -------
    dict
        epochs (trained) and best_epoch (counted from 1).

    Raises
    ------
    UserError
        If the loss is no longer a finite number.
    """
    batches = Batches(train, settings.batch_size, seed, shuffle=True, flips=settings.flips, team=team)
    network.compile(
        optimizer=optimizer(settings, lr_scale, len(batches)), loss=loss, metrics=[metric], jit_compile=compile_with_xla()
    )
    monitor = "loss" if settings.monitor == "loss" else metric.name
    progress = Progress(curves, checkpoint, monitor, settings.patience, writes=team.leads)
    behind = progress.resume(network)
    team.agree("epochs behind it", behind)
    number = keras.callbacks.LambdaCallback(on_epoch_begin=lambda epoch, logs: setattr(batches, "epoch", epoch))
    if not progress.finished and behind < settings.epochs:
        network.fit(
            readable(batches),
            validation_data=readable(Batches(val, settings.batch_size, team=team)),
            initial_epoch=behind,
            epochs=settings.epochs,
            callbacks=[number, progress],
            shuffle=False,  # the batches are shuffled by epoch; Keras would draw their order from a generator of its own
            verbose=_verbosity(team),
        )
    network.set_weights(progress.best_weights)
    return {"epochs": len(progress.rows), "best_epoch": progress.best_epoch}


def _verbosity(team):
    """Keras's: a bar for a person, a line an epoch for a log, and nothing from those who help."""
    if not team.leads:
        return 0
    return 1 if sys.stdout.isatty() else 2
