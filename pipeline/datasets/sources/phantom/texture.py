"""What all phantoms are made of: smooth noise, soft edges, stamps. Row/column order throughout.

Everything is computed in float64. Processors differ in the last bits of sine, logarithm or power: in float32 that changes a grey
level in one of 100,000 pixels, and then two computers have different images.
"""

import numpy as np


def stream(seed, *ids):
    """Give each part of a phantom a generator of its own, so that a change in one part leaves the others as they are."""
    return np.random.default_rng([seed, *ids])


def smooth_noise(rng, shape, scale):
    """Random field of mean 0 and standard deviation 1: cubic B-splines through a coarse grid of normal numbers.

    `scale` is the distance of the knots in pixels, one for all axes or one per axis; structures are about twice as large.
    """
    scales = np.broadcast_to(np.asarray(scale, float), len(shape))
    knots = [int(np.ceil(n / s)) + 4 for n, s in zip(shape, scales, strict=True)]
    field = rng.standard_normal(knots, dtype=np.float32)
    for axis, (n, s) in enumerate(zip(shape, scales, strict=True)):
        position = np.arange(n) / s + rng.random()
        first = np.floor(position).astype(int)
        t = position - first
        weights = ((1 - t) ** 3, 3 * t**3 - 6 * t**2 + 4, -3 * t**3 + 3 * t**2 + 3 * t + 1, t**3)
        column = [-1 if a == axis else 1 for a in range(len(shape))]
        field = sum(np.take(field, first + k, axis) * (weight / 6).reshape(column) for k, weight in enumerate(weights))
    # Averaged over positions, the squared spline weights add up to 151/315 per axis.
    return field / (151 / 315) ** (len(shape) / 2)


def soft_step(x, width):
    """Rise from 0 (x ≤ -width) through 0.5 (x = 0) to 1 (x ≥ width), like an edge seen through optics."""
    t = np.clip(x / (2 * width) + 0.5, 0, 1)
    return t * t * (3 - 2 * t)


def line(x, width):
    """1 where x = 0, falling to 0 at \\|x\\| = width: a membrane, a vessel, a rim, from its signed distance."""
    t = np.clip(1 - (x / width) ** 2, 0, 1)
    return t * t


def disc(radius):
    """Row and column offsets within the square around a disc of `radius` pixels, of shapes (n, 1) and (1, n)."""
    span = np.arange(-int(np.ceil(radius)), int(np.ceil(radius)) + 1)
    return span[:, None], span[None, :]


def paste(image, centre, stamp, blend):
    """Blend a stamp into `image` around the pixel `centre` (row, column), in place; the borders of `image` cut it.

    `stamp` is a number or an array (h, w) with odd sides, and `blend` (h, w) its opacity from 0 to 1.
    """
    (row, column), (h, w) = centre, blend.shape
    top, left = row - h // 2, column - w // 2
    rows = slice(max(top, 0), min(top + h, image.shape[0]))
    columns = slice(max(left, 0), min(left + w, image.shape[1]))
    if rows.start >= rows.stop or columns.start >= columns.stop:
        return
    part = (slice(rows.start - top, rows.stop - top), slice(columns.start - left, columns.stop - left))
    alpha = blend[part]
    if np.ndim(stamp) == 2:
        stamp = stamp[part]
    if image.ndim == 3:
        alpha = alpha[..., None]
    image[rows, columns] += alpha * (stamp - image[rows, columns])


def to_uint8(image):
    """Round an image in [0, 1] to 8 bit; other values saturate, as in a camera."""
    return np.round(np.clip(image, 0, 1) * 255).astype(np.uint8)
