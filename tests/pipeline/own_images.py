"""Small images with masks, as a user's own folder: noise, and brighter discs."""

import numpy as np
from PIL import Image


def write(folder, count=20, shape=(48, 64), channels=3, discs=1, radius=10, seed=0):
    rng = np.random.default_rng(seed)
    for kind in ("images", "masks"):
        (folder / kind).mkdir(parents=True)
    for number in range(count):
        centres = rng.uniform(radius + 2, min(shape) - radius - 2, (discs, 2))
        mask = np.any([np.hypot(*(np.indices(shape) - centre[:, None, None])) < radius for centre in centres], axis=0)
        image = rng.normal(80, 20, (*shape, channels)) + 100 * mask[..., None]
        Image.fromarray(image.clip(0, 255).astype(np.uint8).squeeze()).save(folder / f"images/{number}.png")
        Image.fromarray(255 * mask.astype(np.uint8)).save(folder / f"masks/{number}.png")
