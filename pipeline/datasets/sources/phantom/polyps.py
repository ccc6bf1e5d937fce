"""A phantom of colonoscopy: frames of 22 patients, with folds, vessels, highlights, bubbles, residue and polyps.

Each patient has a bowel of their own (colours, vessels, folds, camera) and a few polyps; each frame looks at it from
another place. The bowel is a tube seen in perspective: the logarithm of the distance to the lumen and the angle around it
are coordinates on its wall. The lamp beside the camera lights everything that has height. Coordinates are row, column.
"""

import math
from functools import partial

import numpy as np
from scipy import ndimage

from pipeline.datasets.layout import DatasetInfo
from pipeline.datasets.sources.phantom import GENERATED
from pipeline.datasets.sources.phantom.bowel import COLUMN, DOWN, RIGHT, ROW, SHAPE, WALL, patient
from pipeline.datasets.sources.phantom.texture import disc, line, paste, smooth_noise, soft_step, stream, to_uint8
from pipeline.parallel import on_all_cores

PATIENTS = 22
EMPTY = 8  # frames without a polyp, 3 % of all: a detector must be able to say no
BLACK = 0.02  # of the full range; grey level outside the camera's aperture


def frame(rng, who, polyp):
    """Take one frame of a patient, of one of their polyps or of None, from a place that `rng` draws.

    Returns the image (192, 256, 3), uint8, and the mask (192, 256), bool, of the visible polyp with its stalk.
    """
    albedo, height, light = _wall(rng, who)
    _add_residue(rng, albedo, height)
    gloss = np.ones(SHAPE)
    mask = np.zeros(SHAPE, bool) if polyp is None else _add_polyp(rng, polyp, albedo, height, light, gloss)
    image = _shade(rng, who, albedo, height, light, gloss)
    _add_bubbles(rng, image)
    image = ndimage.gaussian_filter(image, (*who.blur * rng.uniform(0.7, 1.4, 2), 0))
    image += rng.uniform(0.006, 0.02) * rng.standard_normal(image.shape, dtype=np.float32)
    image = BLACK + who.aperture[..., None] * (image - BLACK)
    return to_uint8(image), mask & (who.aperture > 0.5)


def _wall(rng, who):
    """Look at the bowel from a new place.

    Returns the albedo (H, W, 3), the height of the relief in pixels towards the camera (H, W), and how much of the lamp's
    light arrives (H, W): it fades with depth, and each fold throws a shadow behind it.
    """
    angle, off = rng.uniform(0, 2 * np.pi), rng.uniform(20, 170)
    row, column = DOWN - 0.75 * off * math.sin(angle), RIGHT - off * math.cos(angle)
    bend = 1 + 0.10 * smooth_noise(rng, SHAPE, 60)
    far = np.log(np.hypot(row, column) + 4) + np.log(bend)
    around = np.arctan2(row, column) + rng.uniform(0, 2 * np.pi)
    seen = [far * (WALL[1] / (2 * np.pi)) + rng.uniform(0, WALL[0]), around * (WALL[1] / (2 * np.pi))]
    mottle, vessels, relief = (
        ndimage.map_coordinates(m, seen, order=1, mode="grid-wrap") for m in (who.mottle, who.vessels, who.relief)
    )
    near = soft_step(np.exp(far) - 26, 20)  # towards the lumen everything becomes too small to be seen
    phase = (far + 0.07 * np.sin(3 * around + rng.uniform(0, 6)) + 0.05 * relief) / who.fold_period + rng.random()
    saw = phase % 1  # a fold's edge lies at 0; outwards of it is its lit side, inwards its shadow
    reach = np.exp(far) / 60
    strength = who.fold_depth * soft_step(smooth_noise(rng, SHAPE, 45) + 0.4, 0.7) * np.clip(reach, 0.3, 1)
    light = 1 - strength * soft_step(saw - 0.62, 0.36) + 0.35 * strength * line(saw, 0.3)
    light *= soft_step(np.exp(far) - rng.uniform(14, 26), rng.uniform(22, 40)) * 0.85 + 0.15
    albedo = who.mucosa * (1 + 0.05 * (near * mottle)[..., None])
    albedo += (near * np.clip(vessels, 0, 0.7))[..., None] * (who.blood - albedo)
    return albedo, 2.2 * near * relief + 3 * strength * line(saw, 0.4), light


def _add_polyp(rng, polyp, albedo, height, light, gloss):
    """Put a dome with its own colour and grain onto the wall, in place; return its mask."""
    size = polyp.radius * rng.uniform(0.75, 1.25)
    row, column = ROW - rng.uniform(50, 142), COLUMN - rng.uniform(55, 200)
    turn, squeeze = rng.uniform(0, 2 * np.pi), rng.uniform(0.72, 1.0)
    along = row * math.cos(turn) + column * math.sin(turn)
    across = (column * math.cos(turn) - row * math.sin(turn)) / squeeze
    around = np.arctan2(across, along)
    waves = sum(a * np.cos(k * around) + b * np.sin(k * around) for k, (a, b) in enumerate(polyp.lobes.T.tolist(), start=2))
    inner = 1 - np.hypot(along, across) / (size * (1 + waves + 0.03 * smooth_noise(rng, SHAPE, 12)))  # 1 centre, 0 rim
    inner *= size
    if polyp.stalk:
        bent = across * squeeze + 0.2 * size * np.sin(1.3 * along / size)
        beyond = np.clip(np.maximum(-along, along - 1.45 * size), 0, None)
        stem = size * 0.36 * (1 + 0.06 * smooth_noise(rng, SHAPE, 15)) - np.hypot(bent, beyond)
        body = np.maximum(inner, stem)
    else:
        body = inner
    mask = body > 0
    inside = soft_step(body, 1.2)

    facing = (row * (row - ROW + 95.5) + column * (column - COLUMN + 127.5)) / (np.hypot(row, column) * 90 + 1)
    cast = 0.25 + 0.75 * soft_step(rng.uniform(-0.3, 0.3) - facing, 0.9)  # the lamp is at the camera: shadows fall outwards
    light *= 1 - 0.5 * polyp.height * cast * line(np.minimum(body, 0), 0.34 * size) * (1 - inside)
    dome = np.sqrt(np.clip(1 - (1 - np.clip(inner / size, 0, 1)) ** 2, 0, 1)) * size
    if polyp.stalk:
        dome = np.maximum(dome, 0.8 * np.sqrt(np.clip(stem, 0, None) * size * 0.36))
    grain = smooth_noise(rng, SHAPE, polyp.grain_size)
    height += inside * (0.62 * polyp.height * dome + 8 * polyp.grain * grain - 0.6 * height)
    base = albedo.reshape(-1, 3).mean(axis=0)
    colour = (base + polyp.tint) * (1 + polyp.grain * grain[..., None])
    albedo += (inside * (0.55 + 0.4 * min(polyp.height, 1)))[..., None] * (colour - albedo)
    light += inside * (0.75 * (np.median(light[mask]) if mask.any() else 1) + 0.22 - 0.92 * light)
    gloss += inside * 0.8
    return mask


def _add_residue(rng, albedo, height):
    """Add lumps of stool, round as polyps but brown or yellow, and a film of mucus."""
    film = soft_step(smooth_noise(rng, SHAPE, 40) - rng.uniform(1.2, 3), 0.4) * 0.4
    albedo += film[..., None] * (np.array([0.80, 0.68, 0.30]) - albedo)
    for _ in range(rng.poisson(1.3)):
        radius = rng.uniform(4, 17)
        row, column = ROW - rng.uniform(0, SHAPE[0]), COLUMN - rng.uniform(0, SHAPE[1])
        inner = radius * (1 + 0.22 * smooth_noise(rng, SHAPE, 9)) - np.hypot(row, column)
        inside = soft_step(inner, 1.5)
        brown = rng.uniform((0.52, 0.36, 0.14), (0.78, 0.50, 0.26))
        albedo += inside[..., None] * (brown * (1 + 0.08 * smooth_noise(rng, SHAPE, 3)[..., None]) - albedo)
        height += 0.7 * np.sqrt(np.clip(inner, 0, None) * radius)


def _shade(rng, who, albedo, height, light, gloss):
    """Light the scene from beside the camera, with highlights where the wet surface reflects the lamp."""
    height = ndimage.gaussian_filter(height, 1.0)
    down, right = np.gradient(height)
    lamp = rng.normal(0, 0.16, 2)  # the lamp sits some millimetres beside the lens
    # Direction to the camera, tilted outwards across the field of view.
    tilt_row, tilt_column = -DOWN / 260 + lamp[0], -RIGHT / 260 + lamp[1]
    length = np.sqrt(1 + down**2 + right**2)
    lambert = (1 - down * tilt_row - right * tilt_column) / (length * np.sqrt(1 + tilt_row**2 + tilt_column**2))
    vignette = 1 - 0.30 * ((DOWN / 96) ** 2 + (RIGHT / 128) ** 2) / 2
    bright = who.lamp * rng.uniform(0.88, 1.1) * vignette * light * (0.25 + 0.85 * np.clip(lambert, 0, 1) ** 1.3)
    image = albedo * bright[..., None]
    ripple = smooth_noise(rng, SHAPE, 4) * gloss + 0.8 * smooth_noise(rng, SHAPE, 14)
    mirror = ripple + 2.2 * (np.clip(lambert, 0, 1) - 0.9) * 4 + 0.9 * (light - 0.9)
    spots = soft_step(mirror - (4.3 - 1.1 * who.wetness), 0.25)
    return image + (0.85 * spots * np.clip(light, 0.2, 1))[..., None] * (1.02 - image)


def _add_bubbles(rng, image):
    """Add foam in a few places: thin bright rings, each with a point of light."""
    for _ in range(rng.poisson(0.7)):
        place = rng.uniform((10, 10), (SHAPE[0] - 10, SHAPE[1] - 10))
        for _ in range(rng.integers(3, 14)):
            radius = rng.uniform(2, 6.5)
            row, column = disc(radius + 3)
            far = np.hypot(row, column)
            point = np.exp(-((row + radius * 0.4) ** 2 + (column + radius * 0.4) ** 2) / 1.5)
            paste(image, np.round(rng.normal(place, 12)).astype(int), 0.95, 0.5 * line(far - radius, 1.4) + 0.5 * point)


def frames(seed, map=map):
    """Generate all frames in order: yields (name, image, mask, patient). The `map` of a pool draws several patients at once."""
    counts = stream(seed, 2, 0).integers(10, 13, PATIENTS)
    empty = np.isin(np.arange(counts.sum()), stream(seed, 2, 1).choice(counts.sum(), EMPTY, replace=False))
    for of_patient in map(partial(_frames_of_patient, seed), range(PATIENTS), np.split(empty, np.cumsum(counts)[:-1])):
        yield from of_patient


def _frames_of_patient(seed, p, empty):
    """Take all frames of a patient; `empty` says which of them show no polyp."""
    who, taken = patient(stream(seed, 2, 2, p)), []
    for f, without in enumerate(empty):
        polyp = None if without else who.polyps[f * len(who.polyps) // len(empty)]
        image, mask = frame(stream(seed, 2, 3, p, f), who, polyp)
        taken.append((f"p{p:02d}_f{f:02d}", image, mask, f"p{p:02d}"))
    return taken


def make(writer, name, dataset, seed):
    """Write the frames; those of a patient are one group."""
    with on_all_cores() as several:
        for frame_name, image, mask, group in frames(seed, several):
            writer.add(frame_name, image, mask=mask, group=group)
    return DatasetInfo(name, dataset.source, "segmentation", ("background", "polyp"), 3, colour=True, grouped=True, **GENERATED)
