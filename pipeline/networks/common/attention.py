"""The attention gate of Attention U-Net."""

from keras import layers

from pipeline.networks.common.blocks import INITIALIZER
from pipeline.networks.common.layers import CropTo, Double


def attention_gate(skip, signal, filters, name):
    """Weigh the features of a skip connection: α = σ(ψ(ReLU(W_x x + W_g g))), Oktay et al. 2018, eq. 1 and figure 2.

    The features x (N, H, W, C) are brought to the coarser grid of the gating signal g (N, ceil(H / 2), ceil(W / 2), D) by the
    stride of W_x, and compared in `filters` channels; α, the output of the layer `name`, is brought back to the grid of x by
    bilinear interpolation.
    """
    features = layers.Conv2D(filters, 2, strides=2, padding="same", use_bias=False, kernel_initializer=INITIALIZER)(skip)
    gating = layers.Conv2D(filters, 1, kernel_initializer=INITIALIZER)(signal)
    x = layers.ReLU()(layers.Add()([features, gating]))
    x = layers.Conv2D(1, 1, activation="sigmoid")(x)
    x = Double()(x)
    # The layer that crops is the named one: its output is α on the grid of x.
    attention = CropTo(name=name)([x, skip])
    return layers.Multiply()([skip, attention])
