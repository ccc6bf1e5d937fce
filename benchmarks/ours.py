"""The pipeline's own networks, trained and run as its stages do."""

import keras
import numpy as np

from benchmarks.task import CLASSES, DENSE, Task
from pipeline import params
from pipeline.inference.model import TrainedModel
from pipeline.networks.attn_resunet import build as attn_resunet
from pipeline.networks.unet import build as unet
from pipeline.networks.vgg16 import build as vgg16
from pipeline.patches.packed import Packed
from pipeline.tasks.segmentation.losses import LOSSES, PooledDice
from pipeline.training.batches import Batches, readable
from pipeline.training.devices import compile_with_xla, prepare
from pipeline.training.schedule import optimizer


def network(task):
    """The network of a `Task`, with the defaults of ``params.yaml``; of VGG16 the dense layers that were published."""
    known = params.load()
    if task.network == "vgg16":
        own = known.vgg16
        return vgg16((task.side, task.side), task.channels, CLASSES, None, DENSE, own.dropout, 0, 0.5, 0.1)
    build, own = (unet, known.unet) if task.network == "unet" else (attn_resunet, known.attn_resunet)
    return build(task.channels, task.filters or own.filters, own.depth, own.dropout, own.normalization, 0.5, 0.1)


def compiled(task):
    """The network of a `Task`, ready to be trained as its stage trains it."""
    own, settings = network(task), params.load().train
    if task.network == "vgg16":
        loss, metric = keras.losses.SparseCategoricalCrossentropy(from_logits=True), keras.metrics.SparseCategoricalAccuracy()
    else:
        loss, metric = LOSSES[settings.loss], PooledDice()
    own.compile(optimizer(settings, 1000), loss, metrics=[metric], jit_compile=compile_with_xla())
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
