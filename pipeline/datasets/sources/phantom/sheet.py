"""A contact sheet of each phantom, for the docs: images above, the same with the mask's outline below."""

from pathlib import Path

import numpy as np
from PIL import Image
from skimage.segmentation import find_boundaries

from pipeline.datasets.sources.phantom import mitochondria, polyps, tissue

OUTLINE = (60, 255, 120)  # green: neither tissue nor metal has it
COLOURS = 96  # of the picture's palette; keeps a sheet of noisy images below 250 kB


def draw(folder, seed=2026):
    """Write ``phantom-<dataset>.png`` for the three datasets into `folder`; return the paths."""
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    sheets = {"mitochondria": _mitochondria(seed), "polyps": _polyps(seed), "tissue": _tissue(seed)}
    paths = []
    for name, sheet in sheets.items():
        paths.append(folder / f"phantom-{name}.png")
        picture = Image.fromarray(sheet).quantize(COLOURS, dither=Image.Dither.NONE)
        picture.save(paths[-1], optimize=True)
    return paths


def outlined(image, mask):
    """Return the RGB image (H, W, 3) with the outline of its mask (H, W)."""
    out = image.copy()
    out[find_boundaries(mask, mode="outer")] = OUTLINE
    return out


def _mitochondria(seed):
    images, masks = mitochondria.volume(seed)
    shown = [(np.repeat(images[z, :, :, None], 3, axis=2), masks[z]) for z in (5, 20)]
    return _above_outlined(shown)


def _polyps(seed):
    frames = [(image[::2, ::2], mask[::2, ::2]) for _, image, mask, _ in polyps.frames(seed)]
    rows = [_above_outlined(frames[first::25][:6]) for first in (3, 15)]
    return np.concatenate(rows)


def _tissue(seed):
    rows = {name: [] for name in tissue.CLASSES}
    of_a_slide = tissue.TILES * len(tissue.CLASSES)
    for number, (_, image, label, _) in enumerate(tissue.tiles(seed)):
        if number // of_a_slide % 2 == 0 and number % tissue.TILES == 2:  # one of each class from every second slide
            rows[label].append(image)
    return np.concatenate([_row(row) for row in rows.values()])


def _above_outlined(shown):
    return np.concatenate([_row([image for image, _ in shown]), _row([outlined(image, mask) for image, mask in shown])])


def _row(images):
    """Images side by side, each with a white edge to the right and below."""
    return np.concatenate([np.pad(image, ((0, 2), (0, 2), (0, 0)), constant_values=255) for image in images], axis=1)
