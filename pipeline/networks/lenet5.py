"""LeNet-5: the convolutional network of 1998, for digits of 32 × 32."""

from typing import Literal

import keras
from keras import layers

from pipeline.networks.common.classifier import SeededLayers, image_input
from pipeline.networks.common.settings import NetworkSettings
from pipeline.params.fields import Positive

TITLE = "LeNet-5"
CITATION = "LeCun, Bottou, Bengio, Haffner: Gradient-based learning, Proc. IEEE 86, 1998, doi 10.1109/5.726791"
TASK = "classification"
SMALLEST = 16  # pixels: two 5 × 5 convolutions without padding, each pooled, leave one


class Settings(NetworkSettings):
    activation: Literal["relu", "tanh"] = "relu"
    batch_scale: Positive = 4.0


def build(*, size, channels, classes, activation, mean, variance, seed):
    """Build LeNet-5: (N, *size, channels), float32 in [0, 1] → logits (N, classes), float32.

    The layers C1 to F6 of the paper. As usual today, C3 reads all maps of S2, poolings have no weights, and logits replace the
    radial basis functions of the output: 61,706 weights at 32 × 32 × 1 with 10 classes, where the paper has 60,000 beside fixed
    ones. Raises a UserError if the images are smaller than 16 × 16. The other parameters are those of
    `pipeline.networks.resnet.build`.

    Parameters
    ----------
    activation : {"relu", "tanh"}
        The paper has tanh; with ReLU the network learns in fewer epochs.
    """
    inputs, x = image_input("lenet5", size, channels, mean, variance, SMALLEST)
    make = SeededLayers(seed)
    for number, filters in ((1, 6), (3, 16)):
        x = make.convolution(x, filters, 5, f"C{number}", bias=True, padding="valid")
        x = layers.Activation(activation, name=f"C{number}_{activation}")(x)
        x = layers.AveragePooling2D(2, name=f"S{number + 1}")(x)
    x = layers.Flatten(name="flatten")(x)
    x = make.dense(x, 120, "C5", activation)  # at 32 × 32 a 5 × 5 convolution of the 5 × 5 cells that are left
    x = make.dense(x, 84, "F6", activation)
    return keras.Model(inputs, make.logits(x, classes), name="lenet5")
