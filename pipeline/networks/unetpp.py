"""U-Net++: U-Nets of every depth on one contracting path, joined by nested, dense skip connections."""

import keras
from keras import layers
from pydantic import model_validator

from pipeline.networks.common import blocks
from pipeline.networks.common.halves import first_half
from pipeline.networks.common.layers import AverageProbability
from pipeline.networks.common.settings import NONE, POOLINGS, EncoderSettings, UNetSettings
from pipeline.params.fields import Count

TITLE = "U-Net++"
CITATION = "Zhou, Siddiquee, Tajbakhsh, Liang: UNet++, DLMIA 2018, doi 10.1007/978-3-030-00889-5_1"
TASK = "segmentation"


class Settings(UNetSettings, EncoderSettings):
    deep_supervision: bool = True  # each of the nested U-Nets learns to segment; the paper found it as good or better
    prune: Count | None = None  # predict with the nested U-Net of this depth alone: faster; null: average all of them

    @model_validator(mode="after")
    def _one_of_the_nested(self):
        if self.prune is not None and not self.deep_supervision:
            raise ValueError("prune: needs deep_supervision, which trains the shallower networks; or set depth instead")
        depth = self.depth if self.encoder == NONE else POOLINGS
        if self.prune is not None and self.prune > depth:
            raise ValueError(f"prune: expected at most the depth, {depth}, received {self.prune}")
        return self


def build(*, classes, filters, depth, dropout, normalization, deep_supervision, prune, **start):
    """Build a U-Net++.

    The other parameters and returns are those of `pipeline.networks.unet.build`. With 32 filters, a depth of 4
    and one channel it has 9,041,700 weights (the paper: 9.04 million). Dropout and normalisation are ours.

    Parameters
    ----------
    deep_supervision : bool
        Give each X^{0,j} logits of its own and train all of them (see `pipeline.networks`). The model predicts the mean of their
        probabilities, the paper's accurate mode. If False, only X^{0,depth} has logits.
    prune : int or None
        Predict from X^{0,prune} alone, the paper's fast mode. The deeper part takes part in training; it is no part of the
        model, nor of its file.
    """

    def two_convolutions(x, level):
        return blocks.two_convolutions(x, filters * 2**level, normalization)

    first = first_half(two_convolutions, depth, dropout, **start)
    widths = [filters * 2**level for level in range(len(first.skips))]
    decoded = [first.cropped(x) for x in nested_decoders([*first.skips, first.deepest], widths, normalization)]
    if not deep_supervision:
        return keras.Model(first.inputs, blocks.logits(decoded[-1], classes), name="unetpp")
    heads = [blocks.logits(x, classes, name=f"logits_{depth}") for depth, x in enumerate(decoded, 1)]
    average = AverageProbability(dtype="float32", name="logits")
    network = keras.Model(first.inputs, heads[prune - 1] if prune else average(heads), name="unetpp")
    network.supervised = [(head, 1 / len(heads)) for head in heads]
    return network


def nested_decoders(features, widths, normalization):
    """Join the features of an encoder to X^{0,1}, X^{0,2}, ..., Zhou et al. 2018, eq. 1.

    Parameters
    ----------
    features : list of KerasTensor
        X^{i,0} of each level i, the finest first, each pooled once more than the one before.
    widths : list of int
        Filters of each level but the deepest.
    normalization : {"batch", "none"}

    Returns
    -------
    list of KerasTensor
        X^{0,j} for j = 1, ..., ``len(features) - 1``: the decoder of a U-Net with j poolings.
    """
    nodes = [[x] for x in features]  # nodes[i][j] is X^{i,j}
    for j in range(1, len(features)):
        for i in range(len(features) - j):
            deeper = blocks.upsample(nodes[i + 1][j - 1], widths[i], features[i], normalization)
            x = layers.Concatenate()([*nodes[i], deeper])
            nodes[i].append(blocks.two_convolutions(x, widths[i], normalization))
    return nodes[0][1:]
