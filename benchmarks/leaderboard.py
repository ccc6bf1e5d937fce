"""All networks of one data set, with what they cost: ``python -m benchmarks.leaderboard mitochondria``.

Prints the scores of ``reports/`` as a table in Markdown, with patches a second of training and of prediction, measured here
on patches of the data set. Training takes the batches of the stage, prediction eight patches at a time. Speeds are no results, so
no stage writes them.
"""

import sys
import time

import keras
import numpy as np

from benchmarks.machine import describe
from benchmarks.real import print_table
from pipeline import networks, params, paths, tasks
from pipeline.images.sections import context_of
from pipeline.inference.model import load_trained
from pipeline.patches.packed import Packed, load_packed, unpacked
from pipeline.reporting.format import COUNT, number
from pipeline.reporting.read import read_results
from pipeline.reporting.tables import leaderboard
from pipeline.training.batches import Batches, readable
from pipeline.training.devices import prepare
from pipeline.training.optimizers import optimizer
from pipeline.training.supervised import trainee

SECONDS = 5.0  # of each measurement
PREDICTED = 8  # patches at a time


def main(name):
    settings = params.load()
    alone = settings.model_copy(update={"datasets": {name: settings.dataset(name)}})
    (dataset,), _ = read_results(alone, lambda task: tasks.part(task, "tables"))
    frame = leaderboard(dataset)["frame"].drop(columns="epochs")
    for network in dataset.networks:
        for phase, speed in speeds(name, network.name, settings).items():
            frame.loc[network.title, f"{phase}, patches/s"] = number(speed, COUNT) if speed >= 10 else f"{speed:.1f}"
    print(f"{describe()}, {dataset.networks[0].card['precision']}\n")
    print_table([dataset.name, *frame.columns], frame.fillna("–").reset_index().to_numpy().tolist())


def speeds(dataset, name, settings):
    """Patches a second of a network, by phase."""
    network, model = networks.load(name, settings), load_trained(paths.model(dataset, name))
    prepare(0, settings.train.precision)
    card, train = model.card, network.settings.training(settings.train)
    packed = load_packed(paths.patches(dataset), "train", context_of(card))
    batch = min(train.batch_size, len(packed.images))
    learner = trainee(network.build_for(card, mean=0.5, variance=0.1, seed=0, pretrained=None))
    part = tasks.part(network.task, "training")
    learner.compile(optimizer(train, 1, 1000), loss=part.loss(settings, card), metrics=[part.metric(card)])
    shown = unpacked(packed.images[:PREDICTED])

    def fit(batches):
        rows = np.arange(batches * batch) % len(packed.images)
        some = Packed(packed.images[rows], packed.targets[rows])
        learner.fit(readable(Batches(some, batch, shuffle=True, flips=train.flips)), verbose=0, shuffle=False)

    def predict(batches):
        for _ in range(batches):
            np.asarray(model._compiled(shown))

    return {"training": batch * _rate(fit), "prediction": len(shown) * _rate(predict)}


def _rate(run):
    """Batches a second: twice as many until they take long enough."""
    run(1)  # compiles
    count = 2
    while True:
        start = time.perf_counter()
        run(count)
        passed = time.perf_counter() - start
        if passed > SECONDS:
            return count / passed
        count *= 2


if __name__ == "__main__":
    keras.utils.disable_interactive_logging()
    main(*sys.argv[1:])
