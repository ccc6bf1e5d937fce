"""DenseNet-121 (Huang, Liu, van der Maaten, Weinberger: DenseNet, CVPR 2017, arXiv 1608.06993), as Keras ships it."""

from functools import partial

import keras

from pipeline.networks.common import applications

APPLICATION, SCALING = keras.applications.DenseNet121, applications.TORCH
# Of 64, 256, 512, 1024 and 1024 channels, at strides 2 to 32.
features = partial(applications.features, APPLICATION, ("conv1_relu", "pool2_relu", "pool3_relu", "pool4_relu", "relu"))
load = partial(applications.load, APPLICATION)
