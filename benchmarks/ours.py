"""The pipeline's own networks, trained and run as its stages do."""

from dataclasses import replace

import keras
import numpy as np

from benchmarks.task import CLASSES, DENSE, Task
from pipeline import networks, params, tasks
from pipeline.inference.model import TrainedModel
from pipeline.patches.packed import Packed
from pipeline.training.batches import Batches, readable
from pipeline.training.devices import prepare
from pipeline.training.optimizers import optimizer


def _network_of(task):
    """A network with the settings of ``params.yaml``, but the filters of the `Task`, and dense layers as published."""
    own = networks.load(task.network, params.load())
    wanted = {"filters": task.filters, "dense": DENSE}
    known = {name: value for name, value in wanted.items() if value and name in type(own.settings).model_fields}
    return replace(own, settings=own.settings.model_copy(update=known))


def network(task):
    """The network of a `Task`, not compiled."""
    own = _network_of(task)
    facts = {"mean": 0.5, "variance": 0.1, "seed": 0, "pretrained": None}
    return own.build(channels=task.channels, classes=len(_classes(own)), size=(task.side, task.side), **facts)


def _classes(own):
    return range(2 if own.task == "segmentation" else CLASSES)


def compiled(task):
    """The network of a `Task`, ready to be trained as its stage trains it."""
    own, known, card = network(task), params.load(), {"classes": _classes(_network_of(task))}
    part = tasks.part(_network_of(task).task, "training")
    goal = {"loss": part.loss(known, card), "metrics": [part.metric(card)]}
    own.compile(optimizer(known.train, known.train.epochs, 1000), **goal, jit_compile=keras.backend.backend() == "jax")
    return own


def training(task: Task):
    """Return what trains so many batches, with the input path of the stages: packed patches, flipped and turned."""
    prepare(0, task.precision)
    own = compiled(task)
    images, targets = task.data()

    def train(batches):
        rows = np.arange(batches * task.batch) % len(images)
        batches = Batches(Packed(images[rows], targets[rows]), task.batch, shuffle=True, flips=True)
        own.fit(readable(batches), verbose=0, shuffle=False)

    return train, own.count_params()


def prediction(task: Task):
    """Return what predicts so many batches, as a trained model does: normalisation folded, compiled."""
    prepare(0, task.precision)
    model = TrainedModel(network(task), {"resize": None})
    images = task.data()[0][: task.batch].astype(np.float32) / 255
    predict = model._compiled if task.network == "vgg16" else model._probability

    def run(batches):
        for _ in range(batches):
            np.asarray(predict(images))

    return run, model.network.count_params()
