"""What a network looks at: the attention gates of a segmentation network, and Grad-CAM of a classifier."""

import math
import re

import keras
import numpy as np

from pipeline.errors import UserError
from pipeline.images.resize import resize_image
from pipeline.inference.features import feature_maps

SMALLEST_MAP = 6  # cells on a side; fewer show hardly more than which half of the image counts
BATCH = 8  # images whose gradients are computed together; more would take memory and save little time


def attention_maps(model, image, settings):
    """Attention coefficients α of each gate: a layer named ``attention_<level>`` whose output is (N, h, w, 1), in [0, 1].

    `image` is (H, W, C), scaled. Returns maps (H, W), float32 in [0, 1], by the gate's name, finest first; empty for a
    network without gates. Where α is small, the features of the skip connection are held back.
    """
    gates = [layer for layer in model.network.layers if re.fullmatch(r"attention_\d+", layer.name)]
    gates = sorted((gate for gate in gates if gate.output.shape[-1] == 1), key=lambda gate: int(gate.name.split("_")[1]))
    maps = {}
    for gate in gates:
        network = keras.Model(model.network.input, gate.output)

        def run(windows, network=network):
            # Called, not compiled: for a handful of images, compiling would take longer than running.
            alpha = np.asarray(network(windows, training=False), np.float32)[..., 0]
            return _enlarged(alpha, windows.shape[1:3])

        maps[gate.name] = model.blend(run, image, settings)
    return maps


def gradcam(model, images, labels):
    """Grad-CAM: where in each image the evidence for a class lies (Selvaraju et al. 2017, arXiv 1610.02391, eq. 1 and 2).

    The deepest features with at least 6 × 6 cells are weighed by the mean gradient of the class's logit, and summed. Negative
    values, which speak against the class, become 0. `images` are (H, W, C), scaled; `labels` the index of each one's
    class. Returns a map (H, W) of each, float32, divided by its largest value; all 0 where nothing speaks for the class.
    """
    size = tuple(model.card["resize"])
    body, head = _split(model.network, size)
    maps = []
    for start in range(0, len(images), BATCH):
        some, classes = images[start : start + BATCH], np.asarray(labels[start : start + BATCH])
        features = body(np.stack([resize_image(image, size) for image in some]), training=False)
        # No image's logit depends on the other images, so the gradient of the sum holds the gradient of each.
        chosen = keras.ops.one_hot(classes, head.outputs[0].shape[-1])
        gradient = _gradient(lambda maps, chosen=chosen: keras.ops.sum(head(maps, training=False) * chosen), features)
        weights = np.asarray(gradient, np.float32).mean(axis=(1, 2), keepdims=True)
        evidence = np.maximum((weights * np.asarray(features, np.float32)).sum(axis=-1), 0)
        for image, values in zip(some, evidence, strict=True):
            relative = values / values.max() if values.max() > 0 else values
            maps.append(np.clip(resize_image(relative, image.shape[:2]), 0, 1))
    return maps


def _split(network, size):
    """Split a network in two behind the features that Grad-CAM weighs, for images of `size`."""
    pooling = keras.layers.MaxPooling2D, keras.layers.AveragePooling2D  # what lies before them is finer and as deep
    for operation, shape in reversed(feature_maps(network, size)):
        if min(shape[1:3]) < SMALLEST_MAP or isinstance(operation, pooling):
            continue
        try:
            return keras.Model(network.input, operation.output), keras.Model(operation.output, network.outputs[0])
        except ValueError:  # a branch beside others, which the logits depend on too
            continue
    raise UserError(f"Grad-CAM needs images of at least {SMALLEST_MAP} × {SMALLEST_MAP} pixels, received {size}")


def _gradient(function, inputs):
    """Gradient of a scalar function; Keras has none that works with every backend."""
    if keras.backend.backend() == "tensorflow":
        from pipeline.networks.common.tensorflow_door import gradient

        return gradient(function, inputs)
    import jax

    return jax.grad(lambda values: function(values).astype("float32"))(inputs)


def _enlarged(maps, shape):
    """Repeat the cells of maps (N, h, w), each 2ⁿ pixels wide, to windows of `shape`, and cut off the rest."""
    rows, columns = (2 ** math.ceil(math.log2(n / m)) for n, m in zip(shape, maps.shape[1:], strict=True))
    return maps.repeat(rows, axis=1).repeat(columns, axis=2)[:, : shape[0], : shape[1]]
