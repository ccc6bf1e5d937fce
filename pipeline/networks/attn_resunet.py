"""Attention Residual U-Net: a U-Net of residual blocks, whose skip connections pass an attention gate."""

from typing import Annotated, Literal

import keras
from keras import layers
from pydantic import Field

from pipeline.networks.common import blocks
from pipeline.networks.common.layers import CropTo, Double
from pipeline.networks.common.settings import NetworkSettings
from pipeline.params.fields import Count, Fraction

TITLE = "Attention ResU-Net"
CITATION = "Oktay et al.: Attention U-Net, 2018, arXiv 1804.03999; "
CITATION += "He, Zhang, Ren, Sun: Deep residual learning, CVPR 2016, doi 10.1109/CVPR.2016.90"
TASK = "segmentation"


class Settings(NetworkSettings):
    filters: Count = 64
    depth: Annotated[int, Field(ge=1, le=7)] = 4
    dropout: Fraction = 0.0
    normalization: Literal["batch", "instance", "group", "none"] = "batch"


def build(*, channels, classes=2, filters=64, depth=4, dropout=0.0, normalization="batch", mean=0.0, variance=1.0):
    """Build an Attention Residual U-Net.

    Parameters and returns are those of `pipeline.networks.unet.build`. The outputs of the layers named
    ``attention_<level>`` are the coefficients of the gates, shape (N, H, W, 1), in [0, 1].
    """
    inputs, x = blocks.image_input(channels, mean, variance)
    skips = []
    for level in range(depth):
        x = residual_block(x, filters * 2**level, normalization)
        skips.append(x)
        x = blocks.downsample(x)
    x = layers.Dropout(dropout)(x)
    x = residual_block(x, filters * 2**depth, normalization)
    for level in reversed(range(depth)):
        gated = attention_gate(skips[level], x, filters * 2**level // 2, name=f"attention_{level}")
        x = blocks.upsample(x, filters * 2**level, skips[level], normalization)
        x = layers.Concatenate()([gated, x])
        x = residual_block(x, filters * 2**level, normalization)
    return keras.Model(inputs, blocks.logits(x, blocks.outputs(classes)), name="attn_resunet")


def residual_block(x, filters, normalization):
    """Two convolutions beside a 1 × 1 one, added before the last ReLU (projection shortcut)."""
    shortcut = blocks.convolution(x, filters, normalization, kernel=1, activation=False)
    x = blocks.convolution(x, filters, normalization)
    x = blocks.convolution(x, filters, normalization, activation=False)
    return layers.ReLU()(layers.Add()([x, shortcut]))


def attention_gate(skip, signal, filters, name):
    """Weigh the features of a skip connection: α = σ(ψ(ReLU(W_x x + W_g g))), Oktay et al. 2018, eq. 1 and figure 2.

    The features x (N, H, W, C) are brought to the coarser grid of the gating signal g (N, ceil(H / 2), ceil(W / 2), D) by the
    stride of W_x, and compared in `filters` channels; α, the output of the layer `name`, is brought back to the grid of x by
    bilinear interpolation.
    """
    features = layers.Conv2D(filters, 2, strides=2, padding="same", use_bias=False, kernel_initializer=blocks.INITIALIZER)(skip)
    gating = layers.Conv2D(filters, 1, kernel_initializer=blocks.INITIALIZER)(signal)
    x = layers.ReLU()(layers.Add()([features, gating]))
    x = layers.Conv2D(1, 1, activation="sigmoid")(x)
    x = Double()(x)
    # The layer that crops is the named one: its output is α on the grid of x.
    attention = CropTo(name=name)([x, skip])
    return layers.Multiply()([skip, attention])
