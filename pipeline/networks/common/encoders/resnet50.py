"""ResNet-50 (He, Zhang, Ren, Sun: Deep residual learning, CVPR 2016, doi 10.1109/CVPR.2016.90), as Keras ships it."""

from functools import partial

import keras

from pipeline.networks.common import applications

APPLICATION, SCALING = keras.applications.ResNet50, applications.CAFFE
# Of 64, 256, 512, 1024 and 2048 channels, at strides 2 to 32.
NAMES = ("conv1_relu", "conv2_block3_out", "conv3_block4_out", "conv4_block6_out", "conv5_block3_out")
features = partial(applications.features, APPLICATION, NAMES)


def load(network, file):
    applications.load(APPLICATION, network, file)
    applications.expect_rgb(network.get_layer("conv1_conv"))
