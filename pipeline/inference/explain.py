"""What a network looks at: the attention gates of Attention Residual U-Net, and Grad-CAM for VGG16."""

import math

import keras
import numpy as np

from pipeline.images.io import scaled
from pipeline.images.resize import resize_image

# The convolutions of VGG16 whose features Grad-CAM may weigh, deepest first. Deeper ones know more and see coarser.
CANDIDATES = ("block5_conv3", "block4_conv3", "block3_conv3")
SMALLEST_MAP = 6  # cells on a side; with fewer, as block5 has on tiles below 96 pixels, a map shows hardly more than a side
BATCH = 8  # images whose gradients are computed together; more would take memory for little time


def attention_maps(model, image, settings):
    """Attention coefficients α of each gate, over the whole image.

    Parameters
    ----------
    model : pipeline.inference.model.TrainedModel
    image : ndarray, shape (H, W, C), uint8 or uint16
    settings : pipeline.params.Inference

    Returns
    -------
    dict of str to ndarray, shape (H, W), float32 in [0, 1]
        By the name of the gate, finest first; empty for a network without gates. Where α is small, the features of the
        skip connection are held back.
    """
    gates = sorted((layer for layer in model.network.layers if layer.name.startswith("attention_")), key=lambda layer: layer.name)
    if not gates:
        return {}
    network = keras.Model(model.network.input, [gate.output for gate in gates])
    seen = []  # by batch of windows, of all gates but the finest: one run of the network serves them all

    def run(windows):
        # Called, not compiled: for a handful of images that would take longer than to run.
        finest, *others = keras.tree.flatten(network(windows, training=False))  # Keras gives a single output without its list
        seen.append([np.asarray(alpha, np.float32)[..., 0] for alpha in others])
        return _enlarged(np.asarray(finest, np.float32)[..., 0], windows.shape[1:3])

    maps = {gates[0].name: model.blend(run, image, settings)}
    for number, gate in enumerate(gates[1:]):
        again = iter(seen)

        def recall(windows, again=again, number=number):
            return _enlarged(next(again)[number], windows.shape[1:3])

        maps[gate.name] = model.blend(recall, image, settings)
    return maps


def gradcam(model, images, labels):
    """Grad-CAM: where in each image the evidence for a class lies (Selvaraju et al. 2017, arXiv 1610.02391, eq. 1 and 2).

    The feature maps of the deepest convolution with at least 6 × 6 cells are weighed by the mean gradient of the class's
    logit, and summed; what speaks against the class is cut off.

    Parameters
    ----------
    model : pipeline.inference.model.TrainedModel
        A VGG16.
    images : list of ndarray, shape (H, W, C), uint8 or uint16
    labels : list of int
        Index of each image's class.

    Returns
    -------
    list of ndarray, shape (H, W), float32 in [0, 1]
        Each divided by its largest value; all 0 where nothing speaks for the class.
    """
    convolutions, head = _cut(model.network)
    maps = []
    for start in range(0, len(images), BATCH):
        some, classes = images[start : start + BATCH], np.asarray(labels[start : start + BATCH])
        features = convolutions(np.stack([resize_image(scaled(i), model.card["resize"]) for i in some]), training=False)
        # An image's gradient does not depend on the others, so that of the sum is all of them.
        chosen = keras.ops.one_hot(classes, head.outputs[0].shape[-1])
        gradient = _gradient(lambda maps, chosen=chosen: keras.ops.sum(head(maps, training=False) * chosen), features)
        weights = np.asarray(gradient, np.float32).mean(axis=(1, 2), keepdims=True)
        evidence = np.maximum((weights * np.asarray(features, np.float32)).sum(axis=-1), 0)
        for image, values in zip(some, evidence, strict=True):
            scaled = values / values.max() if values.max() > 0 else values
            maps.append(np.clip(resize_image(scaled, image.shape[:2]), 0, 1))
    return maps


def _cut(network):
    """Cut a network in two behind the convolution whose features are weighed."""
    names = {layer.name for layer in network.layers}
    behind = [f"{name}_relu" if f"{name}_relu" in names else name for name in CANDIDATES]  # of a normalised convolution
    layers = [network.get_layer(name) for name in behind]
    large = (layer for layer in layers if min(layer.output.shape[1:3]) >= SMALLEST_MAP)
    layer = next(large, layers[-1])
    return keras.Model(network.input, layer.output), keras.Model(layer.output, network.outputs[0])


def _gradient(function, inputs):
    """Gradient of a scalar function, by the backend's own means: Keras has no word for it."""
    if keras.backend.backend() == "tensorflow":
        from pipeline.networks.common.tensorflow_door import gradient

        return gradient(function, inputs)
    import jax

    return jax.grad(lambda values: function(values).astype("float32"))(inputs)


def _enlarged(maps, shape):
    """Repeat the cells of coarse maps (N, h, w), each two to some power of pixels, to windows of `shape`; the rest is cut off."""
    rows, columns = (2 ** math.ceil(math.log2(n / m)) for n, m in zip(shape, maps.shape[1:], strict=True))
    return maps.repeat(rows, axis=1).repeat(columns, axis=2)[:, : shape[0], : shape[1]]
