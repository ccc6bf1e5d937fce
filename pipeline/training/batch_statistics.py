"""Measure the mean and variance of each channel that batch normalisation uses for prediction."""

from contextlib import contextmanager

import keras
import numpy as np

from pipeline.patches.packed import unpacked

PATCHES = 256  # of the training set that are measured; each has thousands of pixels


class BatchStatistics:
    """The statistics of a network over training patches that the seed draws, always the same ones.

    The moving averages of training describe the last few batches, as the weights were at that time. These statistics describe
    many patches and the present weights: PreciseBN (Wu and Johnson 2021, arXiv 2105.07576, section 3). Each batch is normalised
    by itself, as in training, and the pooled variance includes the variance between batches.
    """

    def __init__(self, network, packed, batch_size, seed):
        normalisations = (layer for layer in network._flatten_layers() if isinstance(layer, keras.layers.BatchNormalization))
        self.layers = [layer for layer in normalisations if layer.trainable]
        rows = np.random.default_rng([seed, 4]).permutation(len(packed.images))[:PATCHES]
        whole = len(rows) - len(rows) % batch_size or len(rows)  # a smaller last batch would weigh too much
        self.packed, self.batches = packed, np.split(rows[:whole], range(batch_size, whole, batch_size))
        self.patches = whole if self.layers else 0
        self.probe = _Probe(network, self.layers) if self.layers else None

    def measure(self):
        """Put the statistics into the network."""
        if not self.layers:
            return
        means, squares = ([np.zeros(layer.moving_mean.shape) for layer in self.layers] for _ in range(2))
        with _still(self.probe, self.layers):
            for rows in self.batches:
                found = self.probe.predict_on_batch(unpacked(self.packed.images[np.sort(rows)]))
                for layer, (mean, variance) in enumerate(zip(found[::2], found[1::2], strict=True)):
                    mean = np.asarray(mean, np.float64)
                    means[layer] += mean / len(self.batches)
                    squares[layer] += (variance + mean**2) / len(self.batches)
        for layer, mean, square in zip(self.layers, means, squares, strict=True):
            layer.moving_mean.assign(mean.astype(np.float32))
            layer.moving_variance.assign((square - mean**2).astype(np.float32))


class _Probe(keras.Model):
    """Run a network as in training, and return the statistics of the batch: mean and variance of each layer, in turn."""

    def __init__(self, network, layers):
        super().__init__(name="probe")
        self.network, self.normalisations = network, layers

    def call(self, images):
        self.network(images, training=True)
        return [value + 0.0 for layer in self.normalisations for value in (layer.moving_mean, layer.moving_variance)]


@contextmanager
def _still(network, layers):
    """Make moving averages hold the last batch alone, and switch dropout off, while the network is traced."""
    dropping = [layer for layer in network._flatten_layers() if getattr(layer, "rate", None)]
    former = [(layer, "momentum", layer.momentum) for layer in layers] + [(layer, "rate", layer.rate) for layer in dropping]
    try:
        for layer, name, _ in former:
            setattr(layer, name, 0.0)
        yield
    finally:
        for layer, name, value in former:
            setattr(layer, name, value)
