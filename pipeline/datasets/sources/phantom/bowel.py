"""The patients of the colonoscopy phantom: each has a bowel, polyps and an endoscope of their own."""

from types import SimpleNamespace

import numpy as np

from pipeline.datasets.sources.phantom.texture import line, smooth_noise, soft_step

SHAPE = (192, 256)
WALL = (512, 512)  # rows along the tube, columns around it, of a patient's maps of the mucosa

ROW, COLUMN = np.indices(SHAPE)
DOWN, RIGHT = ROW - 95.5, COLUMN - 127.5  # from the middle of the frame


def patient(rng):
    """Draw what all frames of a patient share: mucosa, polyps, endoscope. Colours are RGB in [0, 1]."""
    mucosa = rng.uniform((0.72, 0.40, 0.28), (0.88, 0.54, 0.42))
    vessels = sum(
        line(_wall_noise(rng, scale), width) * soft_step(_wall_noise(rng, 60) + 0.2, 0.8)
        for scale, width in ((34, 0.10), (17, 0.12))
    )
    corner = np.maximum(np.abs(DOWN) / 96, np.abs(RIGHT) / 128)
    diagonal = (np.abs(DOWN) + np.abs(RIGHT)) / 224
    round_ = np.hypot(DOWN / 96, RIGHT / 128)
    shape = rng.integers(3)
    outside = (corner * 0.98, np.maximum(corner, diagonal * rng.uniform(1.14, 1.3)), round_ * rng.uniform(0.82, 0.95))[shape]
    return SimpleNamespace(
        mucosa=mucosa,
        blood=np.array([0.55, 0.14, 0.12]) * rng.uniform(0.8, 1.2),
        mottle=_wall_noise(rng, 22) + 0.6 * _wall_noise(rng, 7) + 0.5 * _wall_noise(rng, 2.5),
        vessels=rng.uniform(0.1, 0.5) * vessels,
        relief=_wall_noise(rng, 30) + 0.35 * _wall_noise(rng, 9),
        fold_period=rng.uniform(0.55, 0.95),
        fold_depth=rng.uniform(0.25, 0.6),
        aperture=soft_step(1 - outside, 0.006),
        lamp=rng.uniform(0.85, 1.12),
        blur=rng.uniform(0.5, 1.1),
        wetness=rng.uniform(0.2, 1.0),
        polyps=[_polyp(rng, mucosa) for _ in range(3)],
    )


def _wall_noise(rng, scale):
    """Smooth noise without seams around the tube and along it: each of two copies hides the other's seam."""
    noise = smooth_noise(rng, WALL, scale)
    for axis, n in enumerate(WALL):
        weight = np.sin(np.pi * np.arange(n) / n).reshape((-1, 1) if axis == 0 else (1, -1))
        noise = weight * noise + np.sqrt(1 - weight**2) * np.roll(noise, n // 2, axis)
    return noise


def _polyp(rng, mucosa):
    """Draw the appearance of a polyp; lengths are pixels at its nominal size."""
    shape = rng.choice(["flat", "sessile", "stalked"], p=[0.3, 0.45, 0.25])
    redder = rng.uniform((-0.05, -0.12, -0.08), (0.12, 0.03, 0.06))
    return SimpleNamespace(
        radius=rng.uniform(30, 54),
        lobes=rng.normal(0, [0.09, 0.045, 0.025], (2, 3)),
        height={"flat": rng.uniform(0.28, 0.45), "sessile": rng.uniform(0.55, 0.9), "stalked": rng.uniform(0.8, 1.1)}[shape],
        stalk=shape == "stalked",
        tint=mucosa * 0.06 + redder * (0.7 if shape == "flat" else 1.0),
        grain=rng.uniform(0.02, 0.07),
        grain_size=rng.uniform(2.5, 6),
    )
