"""The one path on which every network is trained."""

import sys

from pipeline.training.batches import Batches
from pipeline.training.devices import compile_with_xla
from pipeline.training.progress import Progress
from pipeline.training.schedule import optimizer


def fit(network, train, val, loss, metric, settings, lr_scale, seed, curves, checkpoint):
    """Train a network and leave it with the weights of its best epoch, by validation loss.

    What epoch e does depends on the state before it and on the seed alone, so that a training that goes on from a
    checkpoint ends with the same bits as one that was never interrupted.

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
    checkpoint : pipeline.training.checkpoint.Checkpoint
        Written after each epoch, and read if it exists. Whoever calls removes it once the network is safe.

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
    progress = Progress(curves, checkpoint, settings.patience)
    batches.epoch = progress.resume(network)
    if not progress.finished:
        network.fit(
            batches,
            validation_data=Batches(val, settings.batch_size),
            initial_epoch=batches.epoch,
            epochs=settings.epochs,
            callbacks=[progress],
            shuffle=False,  # the batches are shuffled by epoch; Keras would draw their order from a generator of its own
            verbose=1 if sys.stdout.isatty() else 2,  # a bar for a person, a line an epoch for a log
        )
    network.set_weights(progress.best_weights)
    return {"epochs": len(progress.rows), "best_epoch": progress.best_epoch}
