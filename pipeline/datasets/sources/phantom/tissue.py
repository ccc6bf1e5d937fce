"""A phantom of histology: tiles of six tissues on twenty slides, stained with haematoxylin (blue) and eosin (pink).

Each tissue is drawn as two concentrations of dye, and each slide has its own dyes, thickness, light and focus. Many
tiles show a second tissue at the side, or stray lymphocytes, so no classifier can name all of them. Coordinates are row,
column; a pixel is about 1 µm.
"""

from functools import partial
from types import SimpleNamespace

import numpy as np
from scipy import ndimage
from scipy.spatial import cKDTree

from pipeline.datasets.layout import DatasetInfo
from pipeline.datasets.sources.phantom import GENERATED
from pipeline.datasets.sources.phantom.texture import disc, line, smooth_noise, soft_step, stream, to_uint8
from pipeline.parallel import on_all_cores

SLIDES = 20
TILES = 8  # of each class on each slide: enough to learn from, few enough for VGG16 on two cores
SIZE = 64
MIXED = 0.2  # fraction of the tiles with a second tissue
SHAPE = (SIZE, SIZE)

ROW, COLUMN = np.indices(SHAPE)

# Optical density per RGB channel of haematoxylin and eosin, between those that Ruifrok & Johnston (2001) and
# Macenko et al. (2009, doi:10.1109/ISBI.2009.5193250) measured.
DYES = np.array([[0.61, 0.71, 0.34], [0.14, 0.88, 0.40]])

# The tissues that may be the second one of a mixed tile.
NEIGHBOURS = {
    "adipose": ("stroma", "lymphocytes", "debris"),
    "debris": ("tumour", "stroma", "mucosa", "adipose"),
    "lymphocytes": ("tumour", "stroma", "mucosa", "adipose"),
    "mucosa": ("stroma", "lymphocytes", "debris", "tumour"),
    "stroma": ("tumour", "adipose", "mucosa", "lymphocytes", "debris"),
    "tumour": ("stroma", "debris", "lymphocytes", "mucosa"),
}


def slide(rng):
    """Draw a slide: strength and hue of the stain, light, focus, and the size of the patient's nuclei."""
    dyes = DYES * (1 + rng.normal(0, 0.08, (2, 3)))
    dyes *= rng.uniform([[0.70], [0.55]], [[0.90], [0.75]])
    return SimpleNamespace(
        dyes=dyes.clip(0.01),  # optical density per RGB channel of a unit of each dye, (2, 3)
        background=rng.uniform(0.88, 0.97) * (1 - rng.uniform(0, 0.05, 3)),
        blur=rng.uniform(0.4, 0.9),
        noise=rng.uniform(0.008, 0.025),
        nucleus=rng.uniform(0.85, 1.15),
    )


def tile(rng, where, label):
    """Photograph one tile (64, 64, 3), uint8; the tissue `label` fills more than half of it."""
    stain = DRAW[label](rng, where.nucleus)
    if rng.random() < MIXED:
        other = DRAW[str(rng.choice(NEIGHBOURS[label]))](rng, where.nucleus)
        ground = smooth_noise(rng, SHAPE, 30)
        border = np.quantile(ground, rng.uniform(0.52, 0.95))
        stain += soft_step(ground - border, 0.15) * (other - stain)
    if label != "lymphocytes" and rng.random() < 0.3:
        guests = _nuclei(rng, rng.integers(4, 26), 2.9, 2.9)
        stain[0] = np.maximum(stain[0], 1.15 * guests)
    stain *= rng.uniform(0.9, 1.1, (2, 1, 1)) * (1 + 0.08 * smooth_noise(rng, SHAPE, 40))
    density = np.tensordot(stain.clip(0), where.dyes, axes=(0, 0))
    image = where.background * 10.0**-density
    image = ndimage.gaussian_filter(image, (where.blur * rng.uniform(0.8, 1.3),) * 2 + (0,))
    return to_uint8(image + where.noise * rng.standard_normal(image.shape, dtype=np.float32))


def _nuclei(rng, count, length, width, angle=None, places=None):
    """Draw about `count` elliptic nuclei, evenly strewn, or one at each of `places` (n, 2), row and column in pixels.

    `length` and `width` are mean half axes in pixels; `angle` is that of the long axis from the row axis in radians, kept
    roughly (default: random). Returns (64, 64): 0 outside, about 1 inside, each with its own darkness and chromatin.
    """
    if places is None:
        step = SIZE / np.sqrt(count)
        lattice = np.stack(np.mgrid[-step : SIZE + step : step, -step : SIZE + step : step], -1).reshape(-1, 2)
        places = lattice + rng.uniform(-0.45 * step, 0.45 * step, lattice.shape) + rng.uniform(-step, step, 2)
    n = len(places)
    angle = rng.uniform(0, np.pi, n) if angle is None else angle + rng.normal(0, 0.2, n)
    axes = np.array([length, width]) * rng.normal(1, 0.14, (n, 2)).clip(0.6, 1.5)
    dark = rng.uniform(0.75, 1.15, n)
    reach = int(np.ceil(1.5 * max(length, width))) + 1

    whole = np.round(places).astype(int)
    near = ((whole > -reach) & (whole < SIZE + reach)).all(axis=1)
    whole, off, angle, axes, dark = (v[near] for v in (whole, places - whole, angle, axes, dark))
    row, column = disc(reach)
    row, column = row - off[:, :1, None], column - off[:, 1:, None]
    cos, sin = np.cos(angle)[:, None, None], np.sin(angle)[:, None, None]
    far = np.hypot((row * cos + column * sin) / axes[:, :1, None], (column * cos - row * sin) / axes[:, 1:, None])
    cover = soft_step((1 - far) * axes.min(axis=1)[:, None, None], 0.8) * dark[:, None, None]

    canvas = np.zeros((SIZE + 4 * reach,) * 2)  # with room for nuclei that the tile's border cuts
    span = np.arange(2 * reach + 1)
    first = whole[:, :, None] + reach + span
    np.maximum.at(canvas, (first[:, 0, :, None], first[:, 1, None, :]), cover)
    inner = slice(2 * reach, 2 * reach + SIZE)
    return canvas[inner, inner] * (1 + 0.16 * smooth_noise(rng, SHAPE, 1.5))


def _tumour(rng, nucleus):
    """Crowded, large, uneven nuclei in little cytoplasm."""
    size = nucleus * rng.uniform(3.3, 4.7)
    nuclei = _nuclei(rng, int(SIZE**2 / (2.1 * size) ** 2), size, 0.78 * size)
    plasma = 0.42 + 0.10 * smooth_noise(rng, SHAPE, 5)
    return np.stack([0.16 + 0.72 * nuclei, plasma + 0.1 * nuclei])


def _lymphocytes(rng, nucleus):
    """Small, round, dark nuclei side by side."""
    size = nucleus * rng.uniform(2.5, 3.1)
    nuclei = _nuclei(rng, int(SIZE**2 / (rng.uniform(2.3, 3.2) * size) ** 2), size, size)
    return np.stack([0.10 + 1.0 * nuclei, 0.30 + 0.08 * smooth_noise(rng, SHAPE, 6)])


def _stroma(rng, nucleus):
    """Wavy collagen fibres with a few thin nuclei along them."""
    angle = rng.uniform(0, np.pi)
    across = ROW * np.cos(angle) + COLUMN * np.sin(angle) + rng.uniform(2, 6) * smooth_noise(rng, SHAPE, 16)
    fibres = np.sin(across * 2 * np.pi / rng.uniform(6, 10) + 0.8 * smooth_noise(rng, SHAPE, 6))
    gaps = soft_step(smooth_noise(rng, SHAPE, 9) - 1.2, 0.4)
    eosin = (0.55 + 0.14 * fibres + 0.06 * smooth_noise(rng, SHAPE, 3)) * (1 - 0.8 * gaps)
    count = rng.integers(8, 26)
    nuclei = _nuclei(rng, count, nucleus * rng.uniform(4.5, 6.5), nucleus * 1.6, angle + np.pi / 2)
    return np.stack([0.08 + 0.85 * nuclei, eosin])


def _mucosa(rng, nucleus):
    """Glands: a pale lumen, tall cells with mucus, nuclei in a row at their base; between them a loose tissue."""
    blue = 0.10 + 0.8 * _nuclei(rng, rng.integers(6, 24), 3.2 * nucleus, 1.8 * nucleus)
    eosin = 0.42 + 0.12 * smooth_noise(rng, SHAPE, 4)
    first = rng.uniform(12, 52, 2)
    towards, apart = rng.uniform(0, 2 * np.pi), rng.uniform(44, 52)
    for row, column in (first, first + apart * np.array([np.cos(towards), np.sin(towards)])):
        radius, waist = rng.uniform(17, 25), rng.uniform(0.75, 1.0)
        far = np.hypot(ROW - row, (COLUMN - column) / waist) + 1.5 * smooth_noise(rng, SHAPE, 12)
        inside, lumen = soft_step(radius - far, 1.0), soft_step(radius * rng.uniform(0.2, 0.45) - far, 1.5)
        mucus = soft_step(smooth_noise(rng, SHAPE, 4) - 0.2, 0.5) * (1 - lumen)
        eosin += inside * (0.30 - 0.16 * mucus - 0.27 * lumen - eosin)
        blue += inside * (0.14 + 0.06 * mucus - 0.12 * lumen - blue)
        ring = np.arange(0, 2 * np.pi, 4.4 * nucleus / radius) + rng.uniform(0, 1)
        base = (radius - 4.2 + rng.normal(0, 0.8, len(ring)))[:, None]
        places = np.array([row, column]) + base * np.column_stack([np.cos(ring), waist * np.sin(ring)])
        blue = np.maximum(blue, 0.85 * _nuclei(rng, 0, 3.9 * nucleus, 2.1 * nucleus, ring, places))
    return np.stack([blue, eosin])


def _adipose(rng, nucleus):
    """Large empty cells with thin walls."""
    seeds = rng.uniform(-24, SIZE + 24, (int((SIZE + 48) ** 2 / rng.uniform(20, 30) ** 2), 2))
    bent = np.stack([ROW + 1.5 * smooth_noise(rng, SHAPE, 12), COLUMN + 1.5 * smooth_noise(rng, SHAPE, 12)], axis=-1)
    distance, _ = cKDTree(seeds).query(bent, k=2)
    wall = line((distance[..., 1] - distance[..., 0]) / 2, rng.uniform(1.6, 3.0))
    nuclei = _nuclei(rng, rng.integers(3, 9), 3.2 * nucleus, 1.5 * nucleus) * wall
    return np.stack([0.03 + 0.7 * nuclei, 0.04 + rng.uniform(0.3, 0.6) * wall])


def _debris(rng, nucleus):
    """Necrosis: smudged, granular, with fragments and ghosts of nuclei."""
    cloud, grain = smooth_noise(rng, SHAPE, 7), smooth_noise(rng, SHAPE, 1.8)
    eosin = 0.45 + 0.14 * cloud + 0.12 * grain
    eosin *= 1 - 0.85 * soft_step(smooth_noise(rng, SHAPE, 8) - rng.uniform(0.3, 1.4), 0.4)
    dust = _nuclei(rng, rng.integers(30, 140), 1.5 * nucleus, 1.1 * nucleus)
    ghosts = _nuclei(rng, rng.integers(10, 40), 3.4 * nucleus, 2.8 * nucleus)
    return np.stack([0.12 + 0.06 * cloud + np.maximum(0.75 * dust, rng.uniform(0.1, 0.5) * ghosts), eosin])


DRAW = {
    "adipose": _adipose,
    "debris": _debris,
    "lymphocytes": _lymphocytes,
    "mucosa": _mucosa,
    "stroma": _stroma,
    "tumour": _tumour,
}
CLASSES = tuple(DRAW)


def tiles(seed, map=map):
    """Generate all tiles in order: yields (name, image, label, slide). The `map` of a pool draws several slides at once."""
    for of_slide in map(partial(_tiles_of_slide, seed), range(SLIDES)):
        yield from of_slide


def _tiles_of_slide(seed, s):
    where = slide(stream(seed, 3, 0, s))
    return [
        (f"s{s:02d}_{label}_{t:02d}", tile(stream(seed, 3, 1, s, c, t), where, label), label, f"s{s:02d}")
        for c, label in enumerate(CLASSES)
        for t in range(TILES)
    ]


def make(writer, name, dataset, seed):
    """Write the tiles; those of a slide are one group, and every slide has every class."""
    with on_all_cores() as several:
        for tile_name, image, label, group in tiles(seed, several):
            writer.add(tile_name, image, label=label, group=group)
    return DatasetInfo(
        name, dataset.source, "classification", CLASSES, 3, (1000.0, 1000.0), colour=True, grouped=True, **GENERATED
    )
