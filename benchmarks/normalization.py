"""Which normalisation survives small batches of unlike images: ``python -m benchmarks.normalization FOLDER`` (docs/training.md).

FOLDER holds ``vnc-sstem``, ``cvc-clinicdb`` and ``blood-cells``. A third of the patches of 64 × 64 pixels comes from each: dark
frames of polyps, electron micrographs of mitochondria, bright blood cells with their nuclei. A small U-Net learns foreground in
batches of four, once for each choice; the rows are validation Dice after each epoch, and seconds an epoch.
"""

import argparse
from pathlib import Path

import numpy as np

SIDE, EPOCHS, SEED = 64, 8, 2026
CHOICES = {
    "batch": ("batch", {}),
    "batch, measured afresh": ("batch", {"recalibrate": True}),
    "batch, weights averaged": ("batch", {"average": 0.98}),
    "instance": ("instance", {}),
    "group": ("group", {}),
    "none": ("none", {}),
}


def patches(folder):
    """Unlike images of one size, for training and for validation: two `Packed`; no sequence and no photograph is in both."""
    from pipeline.patches.packed import Packed

    sets = []
    for part in (0, 1):
        pairs = [*_sections(folder / "vnc-sstem", part), *_frames(folder / "cvc-clinicdb", part)]
        pairs += _cells(folder / "blood-cells", part)
        images, masks = zip(*(_small(*pair) for pair in pairs), strict=True)
        sets.append(Packed(np.stack(images), np.stack(masks)))
    return sets


def _small(image, mask):
    from pipeline.images.resize import resize_image, resize_mask

    grey = image.mean(axis=-1, keepdims=True, dtype=np.float32) / 255
    return np.rint(resize_image(grey, (SIDE, SIDE)) * 255).astype(np.uint8), resize_mask(mask, (SIDE, SIDE))


def _sections(folder, part):
    """Quarters of quarters of serial sections: 256 × 256 pixels each, five of each section."""
    for image, mask in _read(folder, (slice(0, 13), slice(15, 20))[part]):
        for number in range(0, 15, 3):
            row, column = np.multiply(divmod(number, 4), 256)
            yield image[row : row + 256, column : column + 256], mask[row : row + 256, column : column + 256]


def _frames(folder, part):
    """Every eighth frame of the first sequences, every third of the last ones."""
    yield from _read(folder, (slice(0, 485, 8), slice(550, 612, 3))[part])


def _cells(folder, part):
    """White blood cells; their nuclei are what takes away most of the green."""
    from skimage.filters import threshold_otsu

    from pipeline.images.io import read_image

    for kind in sorted((folder / ("train", "test")[part]).iterdir()):
        files = sorted(kind.iterdir())
        for file in files[:: len(files) // (15, 6)[part] + 1]:
            image = read_image(file)
            yield image, image[..., 1] < threshold_otsu(image[..., 1])


def _read(folder, which):
    from pipeline.images.io import read_image
    from pipeline.images.masks import MaskRule

    in_order = lambda file: (len(file.name), file.name)  # noqa: E731  2.png before 10.png
    images, masks = (sorted((folder / name).iterdir(), key=in_order)[which] for name in ("images", "masks"))
    for image, mask in zip(images, masks, strict=True):
        yield read_image(image), MaskRule(threshold=127).read_page(mask)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    folder = parser.parse_args().folder
    from pipeline.startup import load_keras

    load_keras()
    from benchmarks.small import trained

    train, val = patches(folder)
    print(f"{len(train.images)} patches train, {len(val.images)} validate", flush=True)
    for name, (normalization, changes) in CHOICES.items():
        section = {"filters": 8, "depth": 3, "normalization": normalization}
        _, curves, seconds = trained(train, val, section, {"epochs": EPOCHS, "batch_size": 4} | changes, SEED)
        dice = " | ".join(f"{value:.3f}" for value in curves["val_dice"])
        print(f"| {name} | {dice} | {seconds / EPOCHS:.1f} |", flush=True)
