"""What fresh copies, AdamW and averaged weights do for real sections: ``python -m benchmarks.recipe VNC`` (docs/training.md).

VNC is a folder of 20 serial sections with masks, which are resized to 256 × 256 pixels: 13 train in patches of 128 × 128, the
last four test. A U-Net with 8 filters sees each patch equally often in either way. Prints Dice and IoU of the test sections,
pooled, at probability 0.5, and minutes.
"""

import argparse
from pathlib import Path

import numpy as np

SIDE, PATCH, STRIDE, SEED = 256, (128, 128), (64, 64), 2026
TRAIN, VAL, TEST = slice(0, 13), slice(13, 16), slice(16, 20)
COPIES, EPOCHS = 2, 4  # of the default run
CHOICES = {
    "default: two copies, Adam": (False, {}),
    "drawn anew, AdamW, averaged": (True, {"optimizer": "adamw", "average": 0.99}),
    "drawn anew": (True, {}),
    "AdamW, averaged": (False, {"optimizer": "adamw", "average": 0.99}),
}


def sections(folder):
    """All sections and masks, resized: (20, 256, 256, 1), float32 in [0, 1], and (20, 256, 256), bool."""
    from pipeline.images.io import read_image
    from pipeline.images.masks import MaskRule
    from pipeline.images.resize import resize_image, resize_mask

    files = [sorted((folder / name).iterdir()) for name in ("images", "masks")]
    images = [resize_image(read_image(file).astype(np.float32) / 255, (SIDE, SIDE)) for file in files[0]]
    masks = [resize_mask(MaskRule(threshold=127).read_page(file), (SIDE, SIDE)) for file in files[1]]
    return np.stack(images), np.stack(masks)


def packed(images, masks, anew, augment):
    """What `patchify` packs of training sections: patches with their surroundings, or patches with their copies."""
    from pipeline.patches.augment import augmented_patch
    from pipeline.patches.pack import corners, cut, surroundings, widened
    from pipeline.patches.packed import Packed

    around = surroundings(PATCH, [images.shape[1:3]]) if anew else (0, 0)
    wide, pairs = tuple(side + 2 * more for side, more in zip(PATCH, around, strict=True)), []
    for number, section in enumerate(zip(images, masks, strict=True)):
        image, mask = (widened(array, PATCH, around) for array in section)
        for place, corner in enumerate(corners(images.shape[1:3], PATCH, STRIDE)):
            pairs.append((cut(image, corner, wide), cut(mask, corner, wide)))
            for copy in range(0 if anew else COPIES):
                rng = np.random.default_rng([SEED, number, place, copy])
                pairs.append(augmented_patch(*section, corner, PATCH, rng, augment))
    patches, targets = zip(*pairs, strict=True)
    return Packed(np.rint(np.stack(patches) * 255).astype(np.uint8), np.stack(targets))


def scores(images, masks, anew, changes):
    """Train once; return Dice, IoU, and minutes of training."""
    from benchmarks.small import trained
    from pipeline import params
    from pipeline.patches.packed import Packed
    from pipeline.training.batches import Fresh

    augment = params.load().augment
    train = packed(images[TRAIN], masks[TRAIN], anew, augment)
    val = Packed(np.rint(images[VAL] * 255).astype(np.uint8), masks[VAL])
    epochs = EPOCHS * (1 + COPIES) if anew else EPOCHS
    section = {"filters": 8, "depth": 4, "dropout": 0.1, "normalization": "batch"}
    fresh = Fresh(augment, PATCH) if anew else None
    network, _, seconds = trained(train, val, section, {"epochs": epochs} | changes, SEED, fresh)
    found = network.predict_on_batch(images[TEST])[..., 0] > 0
    both, either = np.sum(found & masks[TEST]), np.sum(found | masks[TEST])
    return 2 * both / (both + either), both / either, seconds / 60


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    folder = parser.parse_args().folder
    from pipeline.startup import load_keras

    load_keras()
    images, masks = sections(folder)
    for name, (anew, changes) in CHOICES.items():
        dice, iou, minutes = scores(images, masks, anew, changes)
        print(f"| {name} | {dice:.3f} | {iou:.3f} | {minutes:.1f} |", flush=True)
