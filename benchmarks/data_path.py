"""Augmentation of one patch: the pipeline's, and the same transforms written with OpenCV and with SciPy alone."""

import time
from functools import partial

import numpy as np
from scipy import ndimage
from threadpoolctl import threadpool_limits

from pipeline import params
from pipeline.patches.augment import augmented_patch

SIZE = (256, 256)
CORNER = (300, 300)


def augmentation(rounds=60):
    """Milliseconds a patch of 256 × 256 grey pixels with its mask, on one core: the median, each in turn.

    Returns
    -------
    dict of str to float
    """
    settings, image = params.load().augment, np.random.default_rng(0).random((1024, 1024, 1), np.float32)
    mask = image[..., 0] > 0.5
    contenders = {
        "this pipeline": lambda rng: augmented_patch(image, mask, CORNER, SIZE, rng, settings),
        "SciPy": lambda rng: transformed(image[..., 0], mask, rng, settings, *with_scipy()),
        "OpenCV": lambda rng: transformed(image[..., 0], mask, rng, settings, *with_opencv()),
    }
    seconds = {name: [] for name in contenders}
    with threadpool_limits(limits=1, user_api="blas"):  # as in `patchify`
        for number in range(rounds):
            for name, augment in contenders.items():
                start = time.perf_counter()
                augment(np.random.default_rng(number))
                seconds[name].append(time.perf_counter() - start)
    return {name: 1000 * float(np.median(values)) for name, values in seconds.items()}


def transformed(image, mask, rng, settings, smooth, sample):
    """Turn, scale, bend, light, blur and add noise to a patch, by two functions of a library.

    The elastic displacement is as most write it since Simard et al. 2003: noise at every pixel, smoothed.
    """
    angle, scale = np.deg2rad(rng.uniform(-settings.rotation, settings.rotation)), rng.uniform(0.8, 1.2)
    rows, columns = np.mgrid[: SIZE[0], : SIZE[1]].astype(np.float32)
    rows, columns = rows - SIZE[0] / 2, columns - SIZE[1] / 2
    sine, cosine = np.sin(angle) / scale, np.cos(angle) / scale
    middle = np.asarray(CORNER) + np.asarray(SIZE) / 2
    turned = cosine * rows - sine * columns + middle[0], sine * rows + cosine * columns + middle[1]
    fields = [smooth(rng.standard_normal(SIZE, np.float32), settings.elastic_sigma) for _ in range(2)]
    where = [at + field * settings.elastic / field.std() for at, field in zip(turned, fields, strict=True)]
    patch, labels = sample(image, where, order=1), sample(mask.astype(np.uint8), where, order=0)
    patch = (patch - patch.mean()) * rng.uniform(0.8, 1.2) + patch.mean() + rng.uniform(-0.1, 0.1)
    patch = smooth(patch, rng.uniform(0, settings.blur))
    return np.clip(patch + rng.normal(0, rng.uniform(0, settings.noise), SIZE), 0, 1).astype(np.float32), labels > 0


def with_scipy():
    return ndimage.gaussian_filter, partial(ndimage.map_coordinates, mode="reflect")


def with_opencv():
    import cv2

    cv2.setNumThreads(1)

    def sample(pixels, where, order):
        rows, columns = (at.astype(np.float32) for at in where)
        return cv2.remap(pixels, columns, rows, (cv2.INTER_NEAREST, cv2.INTER_LINEAR)[order], borderMode=cv2.BORDER_REFLECT)

    return lambda pixels, deviation: cv2.GaussianBlur(pixels, (0, 0), max(deviation, 1e-3)), sample
