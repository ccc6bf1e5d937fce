"""The training loop that all networks share."""

import sys

import keras

from pipeline.errors import UserError
from pipeline.training.batch_statistics import BatchStatistics
from pipeline.training.batches import Batches, readable
from pipeline.training.distributed import ALONE
from pipeline.training.optimizers import optimizer
from pipeline.training.progress import Progress, Validated
from pipeline.training.rates import scale_rates
from pipeline.training.supervised import trainee


def fit(network, train, val, loss, metric, settings, seed, curves, checkpoint, team=ALONE, balanced=False, fresh=None):
    """Train a network that returns logits, and leave it with its best epoch's weights; return ``epochs`` and ``best_epoch``.

    What an epoch does depends only on the seed and on the state before it, so that a training that resumes from `checkpoint`
    ends with the same bits as one that was never interrupted. The caller removes the checkpoint once the results are safe.
    `train` and `val` are `pipeline.patches.packed.Packed`; `curves` is the CSV file for the learning curves; a larger `metric`
    is better; the network was built in the context of `team`; `balanced` draws all classes of `train` equally often; `fresh`, a
    `pipeline.training.batches.Fresh`, draws copies of its patches in each epoch. Raises a UserError if the loss is no longer a
    finite number.
    """
    network = trainee(network)
    how = {"shuffle": True, "flips": settings.flips, "balanced": balanced, "fresh": fresh}
    batches = Batches(train, settings.batch_size, seed, team=team, **how)
    xla = keras.backend.backend() == "jax"  # with TensorFlow on a CPU, steps compiled with XLA took twice as long
    steps = optimizer(settings, settings.epochs, len(batches))
    scale_rates(steps, network)
    network.compile(optimizer=steps, loss=loss, metrics=[metric], jit_compile=xla)
    monitor = "loss" if settings.monitor == "loss" else metric.name
    progress = Progress(curves, checkpoint, monitor, settings.patience, writes=team.leads)
    done = progress.resume(network)
    team.agree("numbers of finished epochs", done)
    measured = settings.average or settings.recalibrate
    if measured and team.processes > 1:
        raise UserError("train.average and train.recalibrate: batch statistics are measured by one process; set 0 and false")
    validated = Validated(BatchStatistics(network, train, settings.batch_size, seed) if measured else None)
    number = keras.callbacks.LambdaCallback(on_epoch_begin=lambda epoch, logs: setattr(batches, "epoch", epoch))
    if not progress.finished and done < settings.epochs:
        network.fit(
            readable(batches),
            validation_data=readable(Batches(val, settings.batch_size, team=team)),
            initial_epoch=done,
            epochs=settings.epochs,
            callbacks=[number, progress, validated],
            shuffle=False,  # `Batches` shuffles by epoch; Keras would draw the order from a generator of its own
            verbose=(1 if sys.stdout.isatty() else 2) if team.leads else 0,  # a progress bar, or a line per epoch in a log
        )
    network.set_weights(progress.best_weights)
    return {"epochs": len(progress.epochs), "best_epoch": progress.best_epoch}
