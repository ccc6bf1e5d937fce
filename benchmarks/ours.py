"""The pipeline's own networks, trained and run as its stages do."""

import tempfile
from dataclasses import replace
from pathlib import Path

import keras
import numpy as np

from benchmarks.task import CLASSES, DENSE
from pipeline import networks, params, tasks
from pipeline.inference.fold import folded
from pipeline.inference.model import TrainedModel
from pipeline.patches.packed import Packed
from pipeline.training.batches import Batches, readable
from pipeline.training.devices import prepare
from pipeline.training.optimizers import optimizer


def network(task):
    """The network of a `Task` with the settings of ``params.yaml``, but its own filters, and dense layers as published."""
    own = networks.load(task.network, params.load())
    wanted = {"filters": task.filters, "dense": DENSE}
    known = {name: value for name, value in wanted.items() if value and name in type(own.settings).model_fields}
    own = replace(own, settings=own.settings.model_copy(update=known))
    images = {"channels": task.channels, "classes": CLASSES if task.classifies else 2, "size": (task.side, task.side)}
    return own.build(**images, mean=0.5, variance=0.1, seed=0, pretrained=None)


def compiled(task):
    """The network of a `Task`, ready to be trained as its stage trains it."""
    own, known, card = network(task), params.load(), {"classes": range(CLASSES if task.classifies else 2)}
    part = tasks.part("classification" if task.classifies else "segmentation", "training")
    goal = {"loss": part.loss(known, card), "metrics": [part.metric(card)]}
    own.compile(optimizer(known.train, known.train.epochs, 1000), **goal, jit_compile=keras.backend.backend() == "jax")
    return own


def training(task):
    """Return what trains so many batches, with the input path of the stages: packed patches, flipped and turned."""
    prepare(0, task.precision)
    own = compiled(task)
    images, targets = task.data()

    def train(batches):
        rows = np.arange(batches * task.batch) % len(images)
        batches = Batches(Packed(images[rows], targets[rows]), task.batch, shuffle=True, flips=True)
        own.fit(readable(batches), verbose=0, shuffle=False)

    return train, own.count_params()


def prediction(task):
    """Return what predicts so many batches, as a trained model does: normalisation folded, compiled."""
    prepare(0, task.precision)
    model, images = TrainedModel(network(task), {"resize": None}), task.batch_of_floats()
    predict = model._compiled if task.classifies else model._probability

    def run(batches):
        for _ in range(batches):
            np.asarray(predict(images))

    return run, model.network.count_params()


def openvino_prediction(task):
    """Return what predicts so many batches with the network as OpenVINO runs it, in the arithmetic of the `Task`."""
    import openvino

    prepare(0, "float32")
    plain, images = network(task), task.batch_of_floats()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "network.xml")
        (plain if task.classifies else folded(plain)).export(str(path), format="openvino", verbose=False)
        model = openvino.Core().read_model(path)
    model.reshape(list(images.shape))
    hints = {"PERFORMANCE_HINT": "THROUGHPUT", "INFERENCE_PRECISION_HINT": {"float32": "f32", "bfloat16": "bf16"}[task.precision]}
    compiled = openvino.Core().compile_model(model, "CPU", hints)

    def run(batches):
        for _ in range(batches):
            logits = next(iter(compiled(images).values()))
            1 / (1 + np.exp(-logits))

    return run, plain.count_params()
