"""Augmentation of one patch: the pipeline's, and the same transforms written with OpenCV and with SciPy alone."""

import time

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
    import cv2

    cv2.setNumThreads(1)
    settings = params.load().augment
    rng = np.random.default_rng(0)
    image = rng.random((1024, 1024, 1), np.float32)
    mask = image[..., 0] > 0.5
    contenders = {
        "this pipeline": lambda rng: augmented_patch(image, mask, CORNER, SIZE, rng, settings),
        "SciPy": lambda rng: _with_scipy(image[..., 0], mask, rng, settings),
        "OpenCV": lambda rng: _with_opencv(cv2, image[..., 0], mask, rng, settings),
    }
    seconds = {name: [] for name in contenders}
    with threadpool_limits(limits=1, user_api="blas"):  # as in `patchify`
        for number in range(rounds):
            for name, augment in contenders.items():
                start = time.perf_counter()
                augment(np.random.default_rng(number))
                seconds[name].append(time.perf_counter() - start)
    return {name: 1000 * float(np.median(values)) for name, values in seconds.items()}


def _turn(rng, settings):
    """Rows and columns from which the pixels of a turned and scaled patch come."""
    angle, scale = np.deg2rad(rng.uniform(-settings.rotation, settings.rotation)), rng.uniform(0.8, 1.2)
    rows, columns = np.mgrid[: SIZE[0], : SIZE[1]].astype(np.float32)
    rows, columns = rows - SIZE[0] / 2, columns - SIZE[1] / 2
    sine, cosine = np.sin(angle) / scale, np.cos(angle) / scale
    middle = np.asarray(CORNER) + np.asarray(SIZE) / 2
    return cosine * rows - sine * columns + middle[0], sine * rows + cosine * columns + middle[1]


def _light(patch, rng, settings, blur):
    patch = (patch - patch.mean()) * rng.uniform(0.8, 1.2) + patch.mean() + rng.uniform(-0.1, 0.1)
    patch = blur(patch, rng.uniform(0, settings.blur))
    return np.clip(patch + rng.normal(0, rng.uniform(0, settings.noise), SIZE), 0, 1).astype(np.float32)


def _with_scipy(image, mask, rng, settings):
    """Elastic displacement as most write it since Simard et al. 2003: noise at every pixel, smoothed."""
    rows, columns = _turn(rng, settings)
    smooth = [ndimage.gaussian_filter(rng.standard_normal(SIZE, np.float32), settings.elastic_sigma) for _ in range(2)]
    where = [at + field * settings.elastic / field.std() for at, field in zip((rows, columns), smooth, strict=True)]
    patch = ndimage.map_coordinates(image, where, order=1, mode="reflect")
    labels = ndimage.map_coordinates(mask.astype(np.uint8), where, order=0, mode="reflect")
    return _light(patch, rng, settings, ndimage.gaussian_filter), labels > 0


def _with_opencv(cv2, image, mask, rng, settings):
    rows, columns = _turn(rng, settings)
    smooth = [cv2.GaussianBlur(rng.standard_normal(SIZE, np.float32), (0, 0), settings.elastic_sigma) for _ in range(2)]
    rows, columns = (
        (at + field * settings.elastic / field.std()).astype(np.float32)
        for at, field in zip((rows, columns), smooth, strict=True)
    )
    patch = cv2.remap(image, columns, rows, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT)
    labels = cv2.remap(mask.astype(np.uint8), columns, rows, cv2.INTER_NEAREST, borderMode=cv2.BORDER_REFLECT)

    def blur(patch, deviation):
        return cv2.GaussianBlur(patch, (0, 0), max(deviation, 1e-3))

    return _light(patch, rng, settings, blur), labels > 0
