"""A phantom of serial-section electron microscopy: a piece of neuropil with mitochondria, 40 consecutive sections.

All objects are solids in three dimensions, so their outlines move from section to section as they do in tissue.
Coordinates are (z, row, column) in pixels of 8 nm; membranes and objects are drawn from signed distances.
"""

import itertools
from types import SimpleNamespace

import numpy as np
from scipy import ndimage
from scipy.spatial import cKDTree

from pipeline.datasets.layout import DatasetInfo
from pipeline.datasets.sources.phantom import GENERATED
from pipeline.datasets.sources.phantom.texture import disc, line, paste, smooth_noise, soft_step, stream, to_uint8

SECTIONS, SIZE = 40, 256
PIXEL_NM = 8.0
DISTANCE_NM = 48.0  # of two sections, as an ultramicrotome cuts
JITTER = 3  # pixels, at most, by which a section is misaligned
CELL = 52.0  # pixels, mean distance of the cells: a profile crosses about nine sections
FAR = 99.0  # pixels; outside every object
MEMBRANE = 1.8  # pixels on either side of the middle between two cells that the drawn membranes fill
CYTOPLASM, MEMBRANES, MITOCHONDRIA, VESICLES = range(4)  # what a pixel shows
CLASSES = ("cytoplasm", "membrane", "mitochondria", "vesicles")  # by these numbers; the first is the background
SMALLEST = 12_000  # cubic pixels of a mitochondrion; below, it is a fragment
ROUNDS = 5  # of tries to place what looks like a mitochondrion; one is mostly enough
DENSE_BODIES, CLUSTERS = 120, 45  # tried in a volume of the default size


def volume(seed, sections=SECTIONS, size=SIZE, distance_nm=DISTANCE_NM):
    """Generate sections of `size` × `size` pixels, `distance_nm` apart, and masks of mitochondria with their outer membrane."""
    images, shown = organelles(seed, sections, size, distance_nm)
    return images, shown == MITOCHONDRIA


def organelles(seed, sections=SECTIONS, size=SIZE, distance_nm=DISTANCE_NM, lookalikes=False):
    """Generate the same sections with all that they show: images, and what each pixel shows, (sections, H, W), uint8.

    That is `CYTOPLASM` (with the reticulum and dense bodies), `MEMBRANES` between cells, `MITOCHONDRIA` or `VESICLES`. With
    `lookalikes`, one section is not always enough: a third of the mitochondria show no cristae, and as many bodies look the same,
    but lie in a single section, so only the neighbouring sections tell them apart.
    """
    side = size + 2 * JITTER
    tissue = _neurites(stream(seed, 1, 0), (sections, side, side), distance_nm / PIXEL_NM)
    _add_reticulum(stream(seed, 1, 1), tissue)
    _add_mitochondria(stream(seed, 1, 2), tissue, 2 / 3 if lookalikes else 1)
    if lookalikes:
        _add_lookalikes(stream(seed, 1, 6), tissue)
    _add_dense_bodies(stream(seed, 1, 3), tissue)
    _add_vesicles(stream(seed, 1, 4), tissue)
    return _micrographs(stream(seed, 1, 5), tissue)


def make(writer, name, dataset, seed):
    """Write the sections in order. Those of ``phantom-volume`` suffice for a test set of many independent blocks."""
    several = dataset.source == "phantom-organelles"
    how = {"sections": 96, "lookalikes": True} if dataset.source == "phantom-volume" else {}
    for z, (image, shown) in enumerate(zip(*organelles(seed, **how), strict=True)):
        writer.add(f"section_{z:02d}", image, mask=shown if several else shown == MITOCHONDRIA)
    classes, size = CLASSES if several else ("background", "mitochondria"), (PIXEL_NM, PIXEL_NM)
    return DatasetInfo(name, dataset.source, "segmentation", classes, 1, size, depth_nm=DISTANCE_NM, **GENERATED)


def _neurites(rng, shape, distance):
    """Cut space into cells bounded by membranes: a warped power diagram, which has large and small cells.

    Of each voxel, `cell` is the number of its neurite, `depth` the distance in pixels to the neurite's membrane, `outline`
    the signed distance to the nearest mitochondrion (negative inside), `taken` that to the nearest body that others keep clear
    of, `vesicles` how far it is covered by one (0 to 1), and `grey` the electron image before blur and noise. `distance` is that
    of two sections, in pixels.
    """
    sections, side, _ = shape
    low, high = np.array([-60, -40, -40]), np.array([sections * distance + 60, side + 40, side + 40])
    seeds = rng.uniform(low, high, (int(np.prod(high - low) / CELL**3), 3))
    # A fourth coordinate makes the nearest-neighbour search a power diagram: seeds that lie deep have small cells.
    lifted = np.column_stack([seeds, rng.uniform(0, 0.75 * CELL, len(seeds))])

    half = (sections, side // 2, side // 2)  # the search dominates the time, and distances are smooth between membranes
    z, y, x = np.meshgrid(np.arange(sections) * distance, np.arange(half[1]) * 2.0, np.arange(half[2]) * 2.0, indexing="ij")
    warp = [amplitude * smooth_noise(rng, half, (48 / distance, 14, 14)) for amplitude in (6, 7, 7)]
    points = np.stack([z + warp[0], y + warp[1], x + warp[2], np.zeros(half)], axis=-1).reshape(-1, 4)
    near, index = cKDTree(lifted).query(points, k=3, workers=-1)
    apart = np.linalg.norm(lifted[index[:, 1:]] - lifted[index[:, :1]], axis=-1)
    depth = ((near[:, 1:] ** 2 - near[:, :1] ** 2) / (2 * apart)).min(axis=1).reshape(half)
    for axis in (1, 2):  # twice as many rows and columns, linearly between the samples
        depth = ndimage.uniform_filter1d(depth.repeat(2, axis), 2, axis)
    cell = index[:, 0].reshape(half).repeat(2, axis=1).repeat(2, axis=2)
    plasma = 0.70 + rng.uniform(-0.07, 0.07, len(seeds))[cell]
    grey = (
        plasma
        + 0.035 * smooth_noise(rng, shape, (9 / distance, 2.5, 2.5))
        + 0.025 * smooth_noise(rng, shape, (18 / distance, 9, 9))
    )
    membrane = line(depth, 3.0) - 0.35 * line(depth, 1.0)  # two membranes and the cleft between them
    grey -= 0.42 * membrane * (1 + 0.15 * smooth_noise(rng, shape, (12 / distance, 8, 8)))
    outline = np.full(shape, FAR)
    return SimpleNamespace(
        cell=cell,
        depth=depth,
        outline=outline,
        taken=outline,  # the very same array, until `_add_lookalikes` makes its own
        vesicles=np.zeros(shape),
        grey=grey,
        distance=distance,
    )


def _add_reticulum(rng, tissue):
    """Endoplasmic reticulum: pairs of thin membranes that wind through parts of the cytoplasm."""
    shape, distance = tissue.grey.shape, tissue.distance
    sheet = line(np.abs(smooth_noise(rng, shape, (30 / distance, 11, 11))) - 0.10, 0.09)
    somewhere = soft_step(smooth_noise(rng, shape, (36 / distance, 20, 20)) - 0.7, 0.2)
    tissue.grey -= 0.25 * sheet * somewhere * soft_step(tissue.depth - 5, 1.5)


def _capsule(rng, tissue, radius, length):
    """Draw a bent tube with a swelling outline that fits into the cell where it lies.

    Returns its box (slices into the volume) and, in the box, the signed distance in pixels (negative inside); None if there is
    no room.
    """
    (sections, side, _), distance = tissue.grey.shape, tissue.distance
    middle = rng.integers((sections, side, side))
    if tissue.depth[tuple(middle)] < 0.75 * radius:
        return None
    direction, bend = rng.normal(size=(2, 3))
    direction /= np.linalg.norm(direction)
    steps = np.linspace(-1, 1, 6)[:, None]
    path = middle * [distance, 1, 1] + steps * length / 2 * direction + (steps**2 - 0.4) * length / 5 * bend
    reach = 1.35 * radius + 5
    low, high = path.min(axis=0) - reach, path.max(axis=0) + reach
    first = np.maximum(np.floor(low / [distance, 1, 1]).astype(int), 0)
    last = np.minimum(np.ceil(high / [distance, 1, 1]).astype(int), tissue.grey.shape)
    box = tuple(slice(a, b) for a, b in zip(first, last, strict=True))

    z, y, x = np.ogrid[box]
    axes = z * distance, y, x
    points = np.stack(np.broadcast_arrays(*axes), axis=-1)
    outline = np.full(points.shape[:-1], FAR)
    for start, end in itertools.pairwise(path):
        edge = end - start
        t = np.clip((points - start) @ edge / (edge @ edge), 0, 1)
        # Axis by axis: along the short last axis of `points`, NumPy is three times as slow.
        z, y, x = (axis - a - t * b for axis, a, b in zip(axes, start, edge, strict=True))
        np.minimum(outline, np.sqrt(z * z + y * y + x * x), out=outline)
    outline -= radius * (1 + 0.13 * smooth_noise(rng, outline.shape, (18 / distance, 12, 12)))
    inside = np.where(tissue.cell[box] == tissue.cell[tuple(middle)], tissue.depth[box], -tissue.depth[box])
    near = np.clip(3.0 - np.abs(outline - (4.5 - inside)), 0, None) / 3.0
    outline = np.maximum(outline, 4.5 - inside) + near * near * 3.0 / 4  # a smooth maximum: no kink where the two meet

    parts, count = ndimage.label(outline < -3)
    if count == 0 or (tissue.taken[box][outline < 4] < 4).any():
        return None
    core = parts == np.bincount(parts.ravel())[1:].argmax() + 1
    outline[~ndimage.binary_dilation(core, iterations=7)] = FAR  # no fragments, and no slivers along the cell's membrane
    return box, outline


def _capsules(rng, tissue, share):
    """Yield the outlines of mitochondria, as `_capsule` does, until they fill a share of the volume."""
    wanted = share * tissue.grey.size
    for _ in range(4000):
        if wanted <= 0:
            break
        found = _capsule(rng, tissue, rng.uniform(9, 16), rng.uniform(16, 50))
        if found is not None and np.count_nonzero(found[1] < 0) * tissue.distance >= SMALLEST:
            wanted -= np.count_nonzero(found[1] < 0)
            yield found


def _add_mitochondria(rng, tissue, part):
    """Double membrane, dark matrix and cristae, until they fill about 9 % of the volume, or a part of that."""
    distance = tissue.distance
    for box, outline in _capsules(rng, tissue, part * rng.uniform(0.082, 0.098)):
        np.minimum(tissue.outline[box], outline, out=tissue.outline[box])
        inner = -outline
        angle, period = rng.uniform(0, np.pi), rng.uniform(6.0, 8.5)
        z, y, x = np.ogrid[box]  # cristae stand steep in the section: seen from above they would fill it
        wave = (0.3 * distance * z + np.cos(angle) * y + np.sin(angle) * x) / period
        wave += 0.3 * smooth_noise(rng, outline.shape, (18 / distance, 7, 7))
        cristae = line(wave % 1 - 0.5, 0.34) * soft_step(smooth_noise(rng, outline.shape, (18 / distance, 8, 8)) + 0.9, 0.4)
        matrix = _matrix(rng, outline.shape, distance)
        body = matrix - rng.uniform(0.16, 0.27) * cristae * soft_step(inner - 4.0, 1.0)
        _paint(tissue, box, inner, body)


def _paint(tissue, box, inner, body):
    """Draw a body with a double membrane where `inner`, the distance from its outline, is above 0."""
    body += 0.03 * line(inner - 2.5, 1.3)  # the space between the two membranes
    body -= 0.24 * line(inner - 1.2, 1.7) + 0.18 * line(inner - 3.8, 1.4)
    tissue.grey[box] += soft_step(inner, 0.7) * (body - tissue.grey[box])


def _add_lookalikes(rng, tissue):
    """Mitochondria without visible cristae, 3 % of the volume, and as many profiles of bodies that lie in one section alone."""
    profiles = 0
    for box, outline in _capsules(rng, tissue, 0.03):
        np.minimum(tissue.outline[box], outline, out=tissue.outline[box])
        profiles += (outline < 0).any(axis=(1, 2)).sum()
        _paint(tissue, box, -outline, _matrix(rng, outline.shape, tissue.distance))
    taken, tissue.taken = tissue.outline.copy(), np.full_like(tissue.outline, FAR)  # these need space in one section alone
    for box, outline in itertools.chain.from_iterable(_capsules(rng, tissue, np.inf) for _ in range(ROUNDS)):
        alone = rng.choice(np.flatnonzero((outline < 0).any(axis=(1, 2))))
        outline[np.arange(len(outline)) != alone] = FAR
        if (taken[box][outline < 4] < 4).any():
            continue
        np.minimum(taken[box], outline, out=taken[box])  # other bodies keep clear of it, as of mitochondria
        _paint(tissue, box, -outline, _matrix(rng, outline.shape, tissue.distance))
        profiles -= 1
        if not profiles:
            break
    tissue.taken = taken


def _matrix(rng, shape, distance):
    return rng.uniform(0.42, 0.55) + 0.03 * smooth_noise(rng, shape, (6 / distance, 2, 2))


def _add_dense_bodies(rng, tissue):
    """Lysosomes and membrane whorls: as dark and as round as mitochondria, but without cristae."""
    distance = tissue.distance
    for number in range(round(DENSE_BODIES * _space(tissue))):
        radius = rng.uniform(5, 12)
        found = _capsule(rng, tissue, radius, rng.uniform(0.6, 1.6) * radius)
        if found is None:
            continue
        box, outline = found
        inner = -outline
        grain = smooth_noise(rng, outline.shape, (9 / distance, 3, 3))
        if number % 3 == 0:  # a whorl: membranes that follow its own outline
            body = 0.62 - 0.30 * line((inner / 4.2 + 0.1 * grain) % 1 - 0.5, 0.4)
        else:
            body = rng.uniform(0.34, 0.56) + 0.06 * grain - 0.2 * line(inner - 1.2, 1.7)
            body += 0.25 * soft_step(smooth_noise(rng, outline.shape, (18 / distance, 5, 5)) - rng.uniform(0.8, 2.5), 0.3)
        tissue.grey[box] += soft_step(inner, 0.7) * (body - tissue.grey[box])


def _add_vesicles(rng, tissue):
    """Clusters of synaptic vesicles: rings of 40 nm, each in a single section."""
    sections, side, _ = tissue.grey.shape
    row, column = disc(4)
    reach = round(12 / tissue.distance)
    for _ in range(round(CLUSTERS * _space(tissue))):
        z, y, x = rng.integers((sections, side, side))
        spread, cell = rng.uniform(8, 15), tissue.cell[z, y, x]
        if tissue.depth[z, y, x] < 6:
            continue
        for section in range(max(z - reach, 0), min(z + reach + 1, sections)):
            for centre in np.round(rng.normal((y, x), spread, (int(spread * 3), 2))).astype(int):
                where = (section, *centre)
                if not (centre.min() >= 0 and centre.max() < side) or tissue.cell[where] != cell:
                    continue
                if tissue.depth[where] < 4 or tissue.taken[where] < 4:
                    continue
                shift = rng.uniform(-0.5, 0.5, 2)
                rim = np.hypot(row - shift[0], column - shift[1]) - rng.uniform(2.0, 2.7)
                cover = soft_step(1 - rim, 0.7)
                paste(tissue.grey[section], centre, 0.78 - 0.36 * line(rim, 1.3), cover)
                paste(tissue.vesicles[section], centre, 1, cover)


def _space(tissue):
    """The volume of the tissue, relative to the default's."""
    return tissue.grey.size * tissue.distance / (SECTIONS * (SIZE + 2 * JITTER) ** 2 * DISTANCE_NM / PIXEL_NM)


def _micrographs(rng, tissue):
    """Photograph each section: misaligned a little, with its own contrast, illumination, focus and noise."""
    sections, size = len(tissue.grey), tissue.grey.shape[1] - 2 * JITTER
    images = np.empty((sections, size, size), np.uint8)
    shown = np.full(images.shape, CYTOPLASM, np.uint8)
    for z in range(sections):
        top, left = rng.integers(0, 2 * JITTER + 1, 2)
        frame = (z, slice(top, top + size), slice(left, left + size))
        shown[z][tissue.depth[frame] < MEMBRANE] = MEMBRANES
        shown[z][tissue.vesicles[frame] > 0.5] = VESICLES
        shown[z][tissue.outline[frame] < 0] = MITOCHONDRIA
        grey = ndimage.gaussian_filter(tissue.grey[frame], rng.uniform(0.6, 1.2))
        grey = 0.58 + rng.normal(0, 0.045) + rng.uniform(0.8, 1.15) * (grey - 0.58)
        grey *= 1 + 0.07 * smooth_noise(rng, grey.shape, 110)
        noise = rng.standard_normal(grey.shape, dtype=np.float32)
        shot = rng.uniform(0.045, 0.075) * np.sqrt(np.clip(grey, 0.02, 1))  # electrons are counted: Poisson
        images[z] = to_uint8(grey + shot * noise + 0.02 * rng.standard_normal(grey.shape, dtype=np.float32))
    return images, shown
