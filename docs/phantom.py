"""Draw the picture of the mitochondria phantom: ``python -m docs.phantom``."""

from pathlib import Path

import numpy as np
from PIL import Image
from skimage.segmentation import find_boundaries

from pipeline.datasets.sources.phantom import mitochondria

GREEN = np.uint8([60, 255, 120])  # of the outlines: tissue is grey
COLOURS = 96  # of the picture's palette; keeps it below 250 kB


def draw(folder, seed=2026):
    """Write ``phantom-mitochondria.png``: two sections above, the same with the outlines of their masks below."""
    columns = []
    for image, mask in [pair for z, pair in enumerate(zip(*mitochondria.volume(seed), strict=True)) if z in (5, 20)]:
        grey = np.repeat(image[..., None], 3, axis=2)
        outlined = np.where(find_boundaries(mask, mode="outer")[..., None], GREEN, grey)
        columns.append(np.concatenate([np.pad(i, ((0, 2), (0, 2), (0, 0)), constant_values=255) for i in (grey, outlined)]))
    picture = Image.fromarray(np.concatenate(columns, axis=1)).quantize(COLOURS, dither=Image.Dither.NONE)
    picture.save(Path(folder) / "phantom-mitochondria.png", optimize=True)


if __name__ == "__main__":
    draw(Path(__file__).parent)
