"""What the encoders from `keras.applications` share: their layers, their weights files, and what these expect to see."""

import numpy as np

# Mean and standard deviation of red, green and blue on ImageNet, in [0, 1] units, as PyTorch's users scale images ...
TORCH = (0.485, 0.456, 0.406), tuple(deviation**2 for deviation in (0.229, 0.224, 0.225))
# ... and the mean, in 0-255 units, that users of Caffe subtract: images keep the range of 255.
CAFFE = tuple(mean / 255 for mean in (123.68, 116.779, 103.939)), (1 / 255**2,) * 3


def features(application, names, x):
    """Build a Keras application without its top on the tensor `x`; return the outputs of the layers with these names."""
    base = application(include_top=False, weights=None, input_tensor=x)
    return [base.get_layer(name).output for name in names]


def load(application, network, file):
    """Read a weights file of an application without its top into the layers with the same names."""
    base = application(include_top=False, weights=str(file), input_shape=(None, None, 3))
    for layer in base.layers:
        if layer.weights:
            network.get_layer(layer.name).set_weights(layer.get_weights())


def expect_rgb(convolution):
    """Reverse the kernel of a first convolution that expects blue, green, red, once, instead of every image."""
    convolution.kernel.assign(np.asarray(convolution.kernel)[:, :, ::-1, :])
