"""How long a training takes here: an estimate, from the arithmetic of a U-Net or VGG16 and the speed of this computer now."""

import time

import numpy as np
from threadpoolctl import threadpool_limits

from pipeline.parallel import cores

SIDE, SECONDS = 512, 0.3  # of the matrices whose product is timed, and for how long
SHARE = 0.42  # of that speed that training reaches in float32 (docs/performance.md)
FASTER = 1.9  # times that training is in bfloat16, where the processor computes in it
PASSES = 3  # forward, and backward to the inputs and to the weights, which take as long each
VGG16 = 2 * 15.3e9 / 224**2  # operations of its convolutions for a pixel of a padded image (Simonyan and Zisserman 2015)
# Operations per pixel of EfficientNet-Lite0, the encoder that `plan` suggests: more than it has, because depthwise convolutions
# run slowly. Measured on two cores in float32, with fresh copies: as a U-Net's first half, and as a classifier.
ENCODER_UNET, ENCODER_CLASSIFIER = 100_000, 46_000
START = 0.3  # minutes to start, to choose the threshold and to save


def minutes(pixels, epochs, settings, speed, bfloat16):
    """Estimate the minutes of a training with so many `pixels` in an epoch.

    By its `settings`, a network with ``filters`` and ``depth`` counts as a U-Net, with an ``encoder`` as one on that, any other
    as VGG16. `speed` is that of a matrix product in float32, in operations a second, and `bfloat16` whether training uses that.
    """
    upsampled = "filters" in settings and "depth" in settings
    if settings.get("encoder", "none") != "none":
        operations = ENCODER_UNET if upsampled else ENCODER_CLASSIFIER
    else:
        operations = unet(settings["filters"], settings["depth"]) if upsampled else VGG16
    share = SHARE * FASTER if bfloat16 else SHARE
    return START + PASSES * operations * pixels * epochs / (share * speed) / 60


def unet(filters, depth):
    """Operations, two for each multiplication, of a U-Net for a pixel of its input, which is grey.

    >>> unet(1, 1)  # 9 + 9 above, (18 + 36) / 4 below, 2 up, 18 + 9 above
    121.0
    """
    total = 0.0
    for level in range(depth + 1):
        wide, before = filters * 2**level, filters * 2 ** (level - 1) if level else 1
        total += 9 * (before * wide + wide * wide) / 4**level
        if level < depth:  # back: up from twice the filters, each input pixel once; then two convolutions
            total += (2 * wide * wide + 9 * (2 * wide * wide + wide * wide)) / 4**level
    return 2 * total


def matrix_speed():
    """Float32 matrix operations per second: the best measured on one core, times the number of cores."""
    a = np.random.default_rng(0).random((SIDE, SIDE), np.float32)
    best, end = np.inf, time.thread_time() + SECONDS
    with threadpool_limits(limits=1, user_api="blas"):
        while time.thread_time() < end:
            start = time.thread_time()
            a @ a
            best = min(best, time.thread_time() - start)
    return cores() * 2 * SIDE**3 / best
