"""DenseNet-121 (Huang, Liu, van der Maaten, Weinberger: DenseNet, CVPR 2017, arXiv 1608.06993), as Keras ships it."""

import keras

from pipeline.networks.common import applications

APPLICATION = keras.applications.DenseNet121
SCALING = applications.TORCH
NAMES = ("conv1_relu", "pool2_relu", "pool3_relu", "pool4_relu", "relu")


def features(x):
    """Features of 64, 256, 512, 1024 and 1024 channels at strides 2 to 32."""
    return applications.features(APPLICATION, NAMES, x)


def load(network, file):
    applications.load(APPLICATION, network, file)
