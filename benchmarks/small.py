"""A small U-Net, trained on packed patches as its stage trains it."""

import tempfile
import time
from pathlib import Path
from types import SimpleNamespace

import pandas as pd

from pipeline import networks, params
from pipeline.tasks.segmentation.losses import PooledDice, bce_dice
from pipeline.training.batches import Batches, statistics
from pipeline.training.checkpoint import Checkpoint
from pipeline.training.devices import prepare
from pipeline.training.fit import fit


def trained(train, val, section, changes, seed):
    """Train on `Packed` grey patches, with the network's `section` of ``params.yaml`` and `changes` of its section ``train``.

    Returns the network, its learning curves (DataFrame), and seconds of training.
    """
    settings = params.load().train.model_copy(update=changes)
    prepare(seed, "float32")
    mean, variance = statistics(train.images)
    own = networks.load("unet", SimpleNamespace(networks={"unet": section}))
    network = own.build(channels=1, classes=2, mean=mean, variance=variance, pretrained=None)
    batches = Batches(train, settings.batch_size, seed, shuffle=True, flips=settings.flips)
    with tempfile.TemporaryDirectory() as folder:
        curves, state, start = Path(folder, "curves.csv"), Checkpoint(Path(folder, "state.npz")), time.perf_counter()
        fit(network, batches, Batches(val, settings.batch_size), bce_dice, PooledDice(), settings, curves, state)
        return network, pd.read_csv(curves), time.perf_counter() - start
