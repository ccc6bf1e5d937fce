"""3D U-Net: a U-Net whose convolutions reach into neighbouring sections."""

from typing import Annotated

import keras
from keras import layers
from pydantic import Field

from pipeline.errors import UserError
from pipeline.networks.common import blocks
from pipeline.networks.common.layers import MiddleSections, SectionsApart, SectionsInThrees
from pipeline.networks.common.settings import UNetSettings

TITLE = "3D U-Net"
CITATION = "Çiçek, Abdulkadir, Lienkamp et al.: 3D U-Net, MICCAI 2016, doi 10.1007/978-3-319-46723-8_49"
TASK = "segmentation"


class Settings(UNetSettings):
    depth: Annotated[int, Field(ge=1, le=7)] = 3  # number of poolings, as in the paper
    flat_levels: Annotated[int, Field(ge=0)] = 0  # of the first levels, that see each section by itself; for distant sections
    residual: bool = False  # add a shortcut around the two convolutions of each level


def build(*, channels, context, classes, filters, depth, dropout, normalization, flat_levels, residual, mean, variance):
    """Build a 3D U-Net for the middle one of 2 `context` + 1 sections: (N, H, W, channels) → logits (N, H, W, 1 or classes).

    As in the paper, the first of the two convolutions of a level has half of the filters of the second, and convolutions are not
    padded in depth: each of 3 × 3 × 3 leaves two sections fewer. As soon as only the middle one is left, they are 3 × 3.
    So nothing is computed on which the middle section does not depend. With a context of 14, all fourteen convolutions are
    three-dimensional. Unlike in the paper, poolings and transposed convolutions are 1 × 2 × 2, because sections are few and
    mostly further apart than pixels. With those of 2 × 2 × 2 it would have the 19,069,955 weights of the paper, which counts
    neither the normalisation nor the biases of transposed convolutions.

    A convolution of 3 × 3 × 3 is computed as one of 3 × 3 of three sections side by side. The result is the same. The other
    parameters are those of `pipeline.networks.unet.build`.

    Parameters
    ----------
    channels : int
        Of all sections together (see `pipeline.images.sections`).
    context : int
        Sections on each side. Raises a UserError if there are none, or more than the convolutions reach.
    flat_levels : int
        How many of the first levels convolve 1 × 3 × 3. Where sections lie further apart than pixels, those at full resolution
        learn little from their neighbours; coarser levels do. They then compute all sections, and take longer.
    residual : bool
        Whether a 1 × 1 × 1 convolution leads around the two of each level.
    """
    most = 2 * max(0, depth + 1 - flat_levels) + 2 * max(0, depth - flat_levels)
    if not most:
        raise UserError(
            f"unet_3d: expected flat_levels of at most {depth}, the depth, received {flat_levels}: no convolution is left"
        )
    if not 1 <= context <= most:
        raise UserError(
            f"unet_3d: expected patches.context of 1 to {most}, as many as its 3 × 3 × 3 convolutions, received {context}"
        )

    def convolve(x, left, width, level, activation=True):
        """Convolve in three dimensions as long as more than one section is left."""
        if left > 1 and level >= flat_levels:
            x, left = SectionsInThrees(left)(x), left - 2
        return blocks.convolution(x, width, normalization, activation=activation), left

    def two_convolutions(x, left, widths, level):
        given, before = x, left
        x, left = convolve(x, left, widths[0], level)
        x, left = convolve(x, left, widths[1], level, activation=not residual)
        if residual:
            shortcut = middle(given, before, left)
            shortcut = blocks.convolution(shortcut, widths[1], normalization, kernel=1, activation=False)
            x = layers.ReLU()(layers.Add()([x, shortcut]))
        return x, left

    inputs, x = blocks.image_input(channels, mean, variance)
    left, skips = 2 * context + 1, []
    x = SectionsApart(left)(x)
    for level in range(depth + 1):
        width = filters * 2**level
        x = blocks.downsample(x) if level else x
        x = layers.Dropout(dropout)(x) if level == depth else x
        x, left = two_convolutions(x, left, (width, 2 * width), level)
        skips.append((x, left))
    for level in reversed(range(depth)):
        skip, before = skips[level]
        x = blocks.upsample(x, x.shape[-1], skip, normalization)
        x = layers.Concatenate()([middle(skip, before, left), x])
        x, left = two_convolutions(x, left, [2 * filters * 2**level] * 2, level)
    return keras.Model(inputs, blocks.logits(x, classes), name="unet_3d")


def middle(x, sections, kept):
    """Keep the middle ones of the sections."""
    return x if sections == kept else MiddleSections(sections, kept)(x)
