"""Attention U-Net: a U-Net whose skip connections, but for the finest, pass an attention gate."""

from typing import Annotated

import keras
from pydantic import Field

from pipeline.networks.common import blocks
from pipeline.networks.common.halves import first_half, second_half
from pipeline.networks.common.settings import EncoderSettings, UNetSettings

TITLE = "Attention U-Net"
CITATION = "Oktay et al.: Attention U-Net, 2018, arXiv 1804.03999"
TASK = "segmentation"


class Settings(UNetSettings, EncoderSettings):
    depth: Annotated[int, Field(ge=2, le=7)] = 4  # number of poolings, as in the paper; with one there would be no gate


def build(*, classes, filters, depth, dropout, normalization, **start):
    """Build an Attention U-Net.

    Parameters and returns are those of `pipeline.networks.unet.build`. The paper's network is for volumes; this one is the same
    in two dimensions. As in the paper, the features of the first level are not gated: they carry too little meaning.
    The outputs of the layers named ``attention_<level>``, from level 1, are the coefficients of the gates.
    """

    def two_convolutions(x, level):
        return blocks.two_convolutions(x, filters * 2**level, normalization)

    def gate(skip, x, level):
        return blocks.attention_gate(skip, x, filters * 2**level // 2, name=f"attention_{level}") if level else skip

    first = first_half(two_convolutions, depth, dropout, **start)
    x = second_half(first, two_convolutions, filters, normalization, gate)
    return keras.Model(first.inputs, blocks.logits(x, classes), name="attn_unet")
