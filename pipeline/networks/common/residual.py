"""What the networks with residual blocks have in common: how they start, and how their stages follow each other."""

from keras import layers

BLOCKS = {18: (2, 2, 2, 2), 34: (3, 4, 6, 3), 50: (3, 4, 6, 3), 101: (3, 4, 23, 3), 152: (3, 8, 36, 3)}  # of each stage


def start(make, x, filters, stem):
    """Apply the stem: a 7 × 7 convolution and a pooling, each of stride 2, or a 3 × 3 convolution of stride 1.

    `make` is a `SeededLayers`; `stem` is "imagenet" or "small".
    """
    if stem == "small":
        return make.unit(x, filters, 3, "stem")
    x = make.unit(x, filters, 7, "stem", strides=2)
    return layers.MaxPooling2D(3, strides=2, padding="same", name="stem_pool")(x)


def stages(x, blocks, filters, block):
    """Run features through stages of blocks, ``block(x, filters, strides, name)``.

    Each stage but the first halves rows and columns in its first block, and has twice the filters.
    """
    for stage, count in enumerate(blocks):
        for number in range(count):
            strides = 2 if stage and not number else 1
            x = block(x, filters * 2**stage, strides, f"stage{stage + 1}_block{number + 1}")
    return x


def bottleneck(make, x, filters, strides, name, groups=1, width=None):
    """1 × 1, 3 × 3 and 1 × 1 convolution, the last with four times the filters; x is added before the last ReLU.

    The stride lies in the 3 × 3 convolution, as in today's implementations: in the first 1 × 1 one, where the paper of 2015 has
    it, three of four pixels are never read. `width` is the number of filters of the first two convolutions, `filters` by default.
    """
    width = width or filters
    y = make.unit(x, width, 1, f"{name}_conv1")
    y = make.unit(y, width, 3, f"{name}_conv2", strides=strides, groups=groups)
    y = make.normalised(y, 4 * filters, 1, f"{name}_conv3")
    return added(make, x, y, strides, name)


def added(make, x, y, strides, name):
    """Add x to the residual y, and apply ReLU; a 1 × 1 convolution brings x to the shape of y where they differ."""
    if strides > 1 or x.shape[-1] != y.shape[-1]:
        x = make.normalised(x, y.shape[-1], 1, f"{name}_projection", strides=strides)
    return layers.ReLU(name=f"{name}_relu")(layers.Add(name=f"{name}_add")([x, y]))


def preactivated(make, x, filters, strides, name, activated=False, bottleneck=False, dropout=0.0):
    """Batch normalisation and ReLU before each convolution, and nothing behind the addition (He et al. 2016, figure 4 e).

    Where x must be brought to another shape, the projection starts from the activated x. `activated` says that x comes behind a
    ReLU: the first block of a network needs none of its own.
    """
    outputs = 4 * filters if bottleneck else filters
    project = strides > 1 or x.shape[-1] != outputs
    y = x if activated else make.activation(x, f"{name}_pre1")
    shortcut = make.convolution(y, outputs, 1, f"{name}_projection", strides=strides) if project else x
    if bottleneck:
        y = make.activation(make.convolution(y, filters, 1, f"{name}_conv1"), f"{name}_pre2")
        y = make.activation(make.convolution(y, filters, 3, f"{name}_conv2", strides=strides), f"{name}_pre3")
        y = make.convolution(y, outputs, 1, f"{name}_conv3")
    else:
        y = make.activation(make.convolution(y, filters, 3, f"{name}_conv1", strides=strides), f"{name}_pre2")
        y = make.dropout(y, dropout, f"{name}_dropout")
        y = make.convolution(y, outputs, 3, f"{name}_conv2")
    return layers.Add(name=f"{name}_add")([shortcut, y])
