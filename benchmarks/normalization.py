"""Which normalisation survives small batches of unlike images: ``python -m benchmarks.normalization FOLDER`` (docs/training.md).

FOLDER holds ``vnc-sstem``, ``cvc-clinicdb`` and ``blood-cells``. A third of the patches of 64 × 64 pixels comes from each: dark
frames of polyps, electron micrographs of mitochondria, bright blood cells with their nuclei. A small U-Net learns foreground in
batches of four, once for each choice; the rows are validation Dice after each epoch, and seconds an epoch.
"""

import argparse
import tempfile
import time
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
from skimage.filters import threshold_otsu

from pipeline import params
from pipeline.images.io import read_image
from pipeline.images.masks import MaskRule
from pipeline.images.resize import resize_image, resize_mask
from pipeline.patches.packed import Packed
from pipeline.startup import load_keras

SIDE, EPOCHS, SEED = 64, 8, 2026
CHOICES = {
    "batch": ("batch", {}),
    "batch, measured afresh": ("batch", {"recalibrate": True}),
    "batch, weights averaged": ("batch", {"average": 0.98}),
    "instance": ("instance", {}),
    "group": ("group", {}),
    "none": ("none", {}),
}


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    folder = parser.parse_args().folder
    load_keras()
    train, val = (patches(folder, part) for part in (0, 1))
    print(f"{len(train.images)} patches train, {len(val.images)} validate", flush=True)
    for name, (normalization, changes) in CHOICES.items():
        curves, seconds = trained(train, val, normalization, changes)
        dice = " | ".join(f"{value:.3f}" for value in curves["val_dice"])
        print(f"| {name} | {dice} | {seconds / EPOCHS:.1f} |", flush=True)


def trained(train, val, normalization, changes):
    """Train a small U-Net as its stage does, with `changes` of the section ``train``; return the learning curves and seconds."""
    from pipeline import networks
    from pipeline.tasks.segmentation.losses import PooledDice, bce_dice
    from pipeline.training.batches import Batches, statistics
    from pipeline.training.checkpoint import Checkpoint
    from pipeline.training.devices import prepare
    from pipeline.training.fit import fit

    settings = params.load().train.model_copy(update={"epochs": EPOCHS, "batch_size": 4} | changes)
    prepare(SEED, "float32")
    mean, variance = statistics(train.images)
    section = {"filters": 8, "depth": 3, "normalization": normalization}
    own = networks.load("unet", SimpleNamespace(networks={"unet": section}))
    network = own.build(channels=1, classes=2, mean=mean, variance=variance, pretrained=None)
    batches = Batches(train, settings.batch_size, SEED, shuffle=True, flips=settings.flips)
    with tempfile.TemporaryDirectory() as folder:
        curves, state, start = Path(folder, "curves.csv"), Checkpoint(Path(folder, "state.npz")), time.perf_counter()
        fit(network, batches, Batches(val, settings.batch_size), bce_dice, PooledDice(), settings, curves, state)
        return pd.read_csv(curves), time.perf_counter() - start


def patches(folder, part):
    """Unlike images of one size to train (part 0) or to validate (1); no sequence and no photograph is in both."""
    pairs = [*_sections(folder / "vnc-sstem", part), *_frames(folder / "cvc-clinicdb", part)]
    pairs += _cells(folder / "blood-cells", part)
    images, masks = zip(*(_small(*pair) for pair in pairs), strict=True)
    return Packed(np.stack(images), np.stack(masks))


def _small(image, mask):
    grey = image.mean(axis=-1, keepdims=True, dtype=np.float32) / 255
    return np.rint(resize_image(grey, (SIDE, SIDE)) * 255).astype(np.uint8), resize_mask(mask, (SIDE, SIDE))


def _sections(folder, part):
    """Quarters of quarters of serial sections: 256 × 256 pixels each, five of each section."""
    for image, mask in read(folder, (slice(0, 13), slice(15, 20))[part]):
        for number in range(0, 15, 3):
            row, column = np.multiply(divmod(number, 4), 256)
            yield image[row : row + 256, column : column + 256], mask[row : row + 256, column : column + 256]


def _frames(folder, part):
    """Every eighth frame of the first sequences, every third of the last ones."""
    return read(folder, (slice(0, 485, 8), slice(550, 612, 3))[part])


def _cells(folder, part):
    """White blood cells; their nuclei are what takes away most of the green."""
    for kind in sorted((folder / ("train", "test")[part]).iterdir()):
        files = sorted(kind.iterdir())
        for file in files[:: len(files) // (15, 6)[part] + 1]:
            image = read_image(file)
            yield image, image[..., 1] < threshold_otsu(image[..., 1])


def read(folder, which):
    """Images and masks of a folder, in the order of their numbers."""
    in_order = lambda file: (len(file.name), file.name)  # noqa: E731  2.png before 10.png
    images, masks = (sorted((folder / name).iterdir(), key=in_order)[which] for name in ("images", "masks"))
    for image, mask in zip(images, masks, strict=True):
        yield read_image(image), MaskRule(threshold=127).read_page(mask)


if __name__ == "__main__":
    main()
