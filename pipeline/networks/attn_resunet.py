"""Attention Residual U-Net: a U-Net of residual blocks, whose skip connections pass an attention gate."""

from typing import Literal

import keras
from keras import layers

from pipeline.networks.common import blocks
from pipeline.networks.common.halves import first_half, second_half
from pipeline.networks.common.settings import EncoderSettings, UNetSettings
from pipeline.params.fields import Count, Fraction

TITLE = "Attention ResU-Net"
CITATION = "Oktay et al.: Attention U-Net, 2018, arXiv 1804.03999; "
CITATION += "He, Zhang, Ren, Sun: Deep residual learning, CVPR 2016, doi 10.1109/CVPR.2016.90"
TASK = "segmentation"


class Settings(UNetSettings, EncoderSettings):
    filters: Count = 64
    dropout: Fraction = 0.0
    normalization: Literal["batch", "instance", "group", "none"] = "batch"


def build(*, classes, filters, depth, dropout, normalization, **start):
    """Build an Attention Residual U-Net.

    Parameters and returns are those of `pipeline.networks.unet.build`. The outputs of the layers named
    ``attention_<level>`` are the coefficients of the gates, shape (N, H, W, 1), in [0, 1].
    """

    def block(x, level):
        return residual_block(x, filters * 2**level, normalization)

    def gate(skip, x, level):
        return blocks.attention_gate(skip, x, max(1, filters * 2**level // 2), name=f"attention_{level}")

    first = first_half(block, depth, dropout, **start)
    x = second_half(first, block, filters, normalization, gate)
    return keras.Model(first.inputs, blocks.logits(x, classes), name="attn_resunet")


def residual_block(x, filters, normalization):
    """Two convolutions beside a 1 × 1 one, added before the last ReLU (projection shortcut)."""
    shortcut = blocks.convolution(x, filters, normalization, kernel=1, activation=False)
    x = blocks.convolution(x, filters, normalization)
    x = blocks.convolution(x, filters, normalization, activation=False)
    return layers.ReLU()(layers.Add()([x, shortcut]))
