"""Further training patches around rare classes, which the grid of patches may hardly meet."""

import math

import numpy as np

from pipeline.images.io import IGNORED


def foreground_corners(masks, read, size, count, share, seed, map_in_order):
    """Draw patches around foreground until they are `share` (below 1) of all training patches, of which the grid has `count`.

    nnU-Net draws a third of each batch this way (Isensee et al. 2021, doi 10.1038/s41592-020-01008-z). All foreground classes get
    equally many patches, however rare they are: for each, an image that has the class is drawn, then a pixel of the class in it,
    which becomes the middle of the patch where the image's border allows.

    ``read(mask)`` opens one of the `masks`, (H, W), bool or class numbers; `size` is that of a patch in rows and columns;
    `map_in_order` comes from `pipeline.parallel.on_all_threads`. Returns a list of top left corners (row, column) for each mask.
    """
    held = list(map_in_order(lambda mask: set(np.unique(read(mask)).astype(int).tolist()) - {0, IGNORED}, masks))
    drawn, classes = [[] for _ in held], sorted(set().union(*held))
    rng = np.random.default_rng([seed, 1])
    for number in range(math.ceil(share / (1 - share) * count) if classes else 0):
        value = classes[number % len(classes)]
        drawn[rng.choice([index for index, found in enumerate(held) if value in found])].append(value)

    def corners(index, mask):
        if not drawn[index]:
            return []
        mask, own = read(mask), np.random.default_rng([seed, 2, index])
        places = {value: np.flatnonzero(mask == value) for value in set(drawn[index])}
        pixels = [np.divmod(places[value][own.integers(len(places[value]))], mask.shape[1]) for value in drawn[index]]
        middle, last = np.floor_divide(size, 2), np.maximum(np.subtract(mask.shape, size), 0)
        return [tuple(np.clip(np.subtract(pixel, middle), 0, last).tolist()) for pixel in pixels]

    return list(map_in_order(corners, range(len(held)), masks))
