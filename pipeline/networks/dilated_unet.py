"""Dilated U-Net: a U-Net whose deepest level sees further, by convolutions with gaps in their kernels."""

from typing import Annotated

import keras
from keras import layers
from pydantic import Field

from pipeline.networks.common import blocks
from pipeline.networks.common.halves import first_half, second_half
from pipeline.networks.common.settings import EncoderSettings, UNetSettings
from pipeline.params.fields import Count

TITLE = "Dilated U-Net"
CITATION = "Vesal, Ravikumar, Maier: Dilated convolutions, STACOM 2018, doi 10.1007/978-3-030-12029-0_35; "
CITATION += "Yu, Koltun: Multi-scale context aggregation by dilated convolutions, ICLR 2016, arXiv 1511.07122"
TASK = "segmentation"


class Settings(UNetSettings, EncoderSettings):
    # Pixels of the deepest level between the taps of each kernel there; doubled, as in both papers. More see further.
    dilations: Annotated[tuple[Count, ...], Field(strict=False, min_length=1)] = (1, 2, 4, 8)


def build(*, classes, filters, depth, dropout, normalization, dilations, **start):
    """Build a dilated U-Net.

    The other parameters and returns are those of `pipeline.networks.unet.build`. `dilated_context` takes the place of the two
    deepest convolutions. This follows the idea of the papers: the first network is for volumes, the second has no poolings.

    Parameters
    ----------
    dilations : sequence of int
        Of the deepest convolutions, one after the other.
    """

    def two_convolutions(x, level):
        return blocks.two_convolutions(x, filters * 2**level, normalization)

    def context(x, level):
        return dilated_context(x, filters * 2**level, dilations, normalization)

    first = first_half(two_convolutions, depth, dropout, context, **start)
    x = second_half(first, two_convolutions, filters, normalization)
    return keras.Model(first.inputs, blocks.logits(x, classes), name="dilated_unet")


def dilated_context(x, filters, dilations, normalization):
    """Convolve 3 × 3 with one dilation after the other, and add up the results.

    After the dilations 1, 2, 4, ..., 2^n, a pixel has seen 2^(n + 1) - 1 pixels to each side (Yu and Koltun 2016, table 1). The
    sum keeps what is near beside what is far.
    """
    results = []
    for dilation in dilations:
        x = blocks.convolution(x, filters, normalization, dilation=dilation)
        results.append(x)
    return layers.Add()(results) if len(results) > 1 else x
