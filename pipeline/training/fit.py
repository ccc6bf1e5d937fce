"""The training loop that all networks share."""

import sys

import keras

from pipeline.errors import UserError, counted
from pipeline.training.batch_statistics import BatchStatistics
from pipeline.training.batches import readable
from pipeline.training.optimizers import optimizer, scale_rates
from pipeline.training.pace import Pace, epochs_within, looked_at, spoken
from pipeline.training.progress import Progress, Validated
from pipeline.training.supervised import trainee


def fit(network, batches, validation, loss, metric, settings, curves, checkpoint):
    """Train a network that returns logits, and leave it with its best epoch's weights; return ``epochs`` and ``best_epoch``.

    What an epoch does depends only on the seed and on the state before it, so a training that resumes from `checkpoint` ends
    with the same bits as one that was never interrupted. The caller removes the checkpoint once the results are safe. With
    ``settings.minutes``, a few trial steps decide the number of epochs, and training goes on as if that number had been given.

    `batches` and `validation` are `pipeline.training.batches.Batches` of the same team, in whose context the network was built.
    `curves` is the CSV file for the learning curves. A larger `metric` is better. Raises a UserError if the loss is no longer
    finite.
    """
    team, patches = batches.team, len(batches.packed.images)
    measures = settings.average > 0 or settings.recalibrate
    if team.processes > 1 and measures:
        raise UserError("train.average and train.recalibrate do not work with several processes; set them to 0 and false")
    if team.processes > 1 and settings.minutes:
        raise UserError("train.minutes does not work with several processes; set it to null, and set train.epochs")
    network = trainee(network)
    measured = BatchStatistics(network, batches.packed, batches.batch_size, batches.seed) if measures else None
    seen = len(validation.packed.images) + (measured.patches if measured else 0)
    more = looked_at(len(batches), patches, seen)
    xla = keras.backend.backend() == "jax"  # with TensorFlow on a CPU, steps compiled with XLA took twice as long

    def compiled(epochs):
        steps = optimizer(settings, epochs, len(batches))
        scale_rates(steps, network)
        network.compile(steps, loss=loss, metrics=[metric], jit_compile=xla)

    epochs = checkpoint.planned() if settings.minutes else settings.epochs
    if epochs is None:
        compiled(1)
        epochs, seconds = epochs_within(settings.minutes, network, readable(batches), more)
        print(f"train.minutes: {settings.minutes:g} min allow {counted(epochs, 'epoch')} of {spoken(seconds)}", flush=True)
    monitor = "loss" if settings.monitor == "loss" else metric.name
    progress = Progress(curves, checkpoint, monitor, settings.patience, epochs, writes=team.leads)
    compiled(epochs)
    done = progress.resume(network)
    team.agree("numbers of finished epochs", done)
    number = keras.callbacks.LambdaCallback(on_epoch_begin=lambda epoch, logs: setattr(batches, "epoch", epoch))
    callbacks = [number, progress, Validated(measured)]
    callbacks += [Pace(patches, len(batches), more, epochs, done)] if team.leads else []
    if not progress.finished and done < epochs:
        network.fit(
            readable(batches),
            validation_data=readable(validation),
            initial_epoch=done,
            epochs=epochs,
            callbacks=callbacks,
            shuffle=False,  # `Batches` shuffles by epoch; Keras would draw the order from a generator of its own
            verbose=(1 if sys.stdout.isatty() else 2) if team.leads else 0,  # a progress bar, or a line per epoch in a log
        )
    network.set_weights(progress.best_weights)
    planned = {"minutes": settings.minutes, "epochs_planned": epochs} if settings.minutes else {}
    return {"epochs": len(progress.epochs), "best_epoch": progress.best_epoch} | planned
