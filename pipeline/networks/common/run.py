"""Run a network on images of any size, and read its logits."""

import keras
import numpy as np
from scipy.special import softmax


def runner(network):
    """The backend's fastest way to predict: a function of images (N, H, W, C), float32, that returns logits, ndarray.

    In float32 on a CPU, oneDNN is slow for a single image (2.5 s, but 0.2 s for two of 256 × 256) and gives it other last bits
    than in a batch, so TensorFlow predicts it twice. In bfloat16 a single image is fast and has the same bits.
    """
    if keras.backend.backend() != "tensorflow":
        return network.predict_on_batch
    from pipeline.networks.common.tensorflow_door import compiled

    run = compiled(network)
    if any(layer.compute_dtype == "bfloat16" for layer in network.layers):
        return run
    return lambda images: run(images) if len(images) > 1 else run(np.concatenate([images, images]))[:1]


def sigmoid(logits):
    """Logistic function in float32, without overflow."""
    return (0.5 * (1.0 + np.tanh(0.5 * np.asarray(logits, np.float32)))).astype(np.float32)


def probabilities(logits):
    """Turn the logits of pixels into probabilities: (..., 1) into (...), of foreground, and (..., K) into (..., K), float32."""
    logits = np.asarray(logits, np.float32)
    return sigmoid(logits)[..., 0] if logits.shape[-1] == 1 else softmax(logits, axis=-1)
