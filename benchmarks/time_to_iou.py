"""Seconds of training until validation reaches an IoU on real images: this pipeline's way and the plain script's.

``python -m benchmarks.time_to_iou FOLDER [IOU]``, a folder of images/ and masks/ of serial sections, such as VNC's.
Sections 1 to 13 train, 16 to 18 validate; both see patches of 256 × 256 pixels and the same U-Net.
"""

import multiprocessing
import sys
import time
from pathlib import Path

import numpy as np

from benchmarks.normalization import read
from pipeline import params
from pipeline.patches.packed import Packed
from pipeline.startup import load_keras

TRAIN, VAL, SIZE = slice(0, 13), slice(15, 18), 256
EPOCHS = 25


def main(folder, target="0.7"):
    for contender in (ours, plain):  # each in a process of its own
        process = multiprocessing.get_context("spawn").Process(target=run, args=(contender, folder, float(target)))
        process.start()
        process.join()
        if process.exitcode:
            sys.exit(process.exitcode)


def run(contender, folder, target):
    """Train epoch by epoch until the validation patches reach the IoU."""
    load_keras()
    (images, masks), (unseen, wanted) = patches(folder, TRAIN), patches(folder, VAL)
    start, name = time.perf_counter(), contender.__name__
    for number, foreground in enumerate(contender(images, masks, unseen.astype(np.float32) / 255), 1):
        seconds, found = time.perf_counter() - start, iou(foreground, wanted)
        print(f"{name}: epoch {number}, {seconds:.0f} s, IoU {found:.3f}", flush=True)
        if found >= target:
            print(f"{name}: reached {target} after {seconds:.0f} s and {number} epochs", flush=True)
            return
    print(f"{name}: did not reach {target} in {EPOCHS} epochs", flush=True)


def patches(folder, part):
    """All whole patches of some sections: images (N, 256, 256, 1) uint8, masks (N, 256, 256) bool."""
    images, masks = zip(*read(Path(folder), part), strict=True)
    corners = [(r, c) for r in range(0, images[0].shape[0], SIZE) for c in range(0, images[0].shape[1], SIZE)]
    return [np.stack([page[r : r + SIZE, c : c + SIZE] for page in pages for r, c in corners]) for pages in (images, masks)]


def iou(foreground, masks):
    return np.logical_and(foreground, masks).sum() / np.logical_or(foreground, masks).sum()


def plain(images, masks, unseen):
    """Train the plain script's network: yield the foreground of unseen patches after each epoch."""
    import keras

    from benchmarks.plain_keras import unet

    network = unet(1, 16)
    network.compile(keras.optimizers.Adam(1e-3), "binary_crossentropy")
    images, masks = images.astype(np.float32) / 255, masks[..., None].astype(np.float32)
    for _ in range(EPOCHS):
        network.fit(images, masks, batch_size=8, verbose=0)
        yield network.predict(unseen, batch_size=8, verbose=0)[..., 0] > 0.5


def ours(images, masks, unseen):
    """Train this pipeline's network as its stage does, at a constant rate, since nobody knows which epoch is the last."""
    from pipeline import networks, tasks
    from pipeline.training.batches import Batches, readable, statistics
    from pipeline.training.devices import prepare
    from pipeline.training.optimizers import optimizer

    known = params.load()
    prepare(known.seed, known.train.precision)
    own = networks.load("unet", known)
    mean, variance = statistics(images)
    network = own.build(channels=1, classes=2, mean=mean, variance=variance, pretrained=None)
    settings = own.settings.training(known.train).model_copy(update={"schedule": "constant"})
    batches = Batches(Packed(images, masks), settings.batch_size, known.seed, shuffle=True, flips=True)
    loss = tasks.part(own.task, "training").loss(known, {"classes": range(2)})
    network.compile(optimizer(settings, settings.epochs, len(batches)), loss)
    for batches.epoch in range(EPOCHS):
        network.fit(readable(batches), verbose=0, shuffle=False)
        yield np.concatenate([network.predict_on_batch(unseen[i : i + 8]) for i in range(0, len(unseen), 8)])[..., 0] > 0


if __name__ == "__main__":
    main(*sys.argv[1:])
