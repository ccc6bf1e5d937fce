"""Seconds of training until validation reaches an IoU on real images: this pipeline's way and the plain script's.

``python -m benchmarks.time_to_iou FOLDER [IOU]``, a folder of images/ and masks/ of serial sections, such as VNC's.
Sections 1 to 13 train, 16 to 18 validate; both see patches of 256 × 256 pixels and the same U-Net.
"""

import os
import subprocess
import sys
import time
from pathlib import Path

import numpy as np

TRAIN, VAL, SIZE = slice(0, 13), slice(15, 18), 256
EPOCHS = 25


def _patches(folder):
    """All whole patches of the sections: images (N, 256, 256, 1) uint8, masks (N, 256, 256) bool; train and val."""
    from pipeline.images.io import read_image
    from pipeline.images.masks import MaskRule

    images = [read_image(path) for path in sorted(Path(folder, "images").iterdir())]
    masks = [MaskRule(threshold=127).read_page(path) for path in sorted(Path(folder, "masks").iterdir())]
    sets = []
    for part in (TRAIN, VAL):
        pairs = [
            (image[r : r + SIZE, c : c + SIZE], mask[r : r + SIZE, c : c + SIZE])
            for image, mask in zip(images[part], masks[part], strict=True)
            for r in range(0, image.shape[0], SIZE)
            for c in range(0, image.shape[1], SIZE)
        ]
        sets.append(tuple(np.stack(values) for values in zip(*pairs, strict=True)))
    return sets


def _iou(foreground, masks):
    return np.logical_and(foreground, masks).sum() / np.logical_or(foreground, masks).sum()


def _epochs(contender, train, val):
    """Train epoch by epoch: yields the IoU of the validation patches after each."""
    import keras

    if contender == "plain":
        from benchmarks.plain_keras import unet

        network = unet(1, 16)
        network.compile(keras.optimizers.Adam(1e-3), "binary_crossentropy")
        images, masks = train[0].astype(np.float32) / 255, train[1][..., None].astype(np.float32)
        for _ in range(EPOCHS):
            network.fit(images, masks, batch_size=8, verbose=0)
            yield _iou(network.predict(val[0].astype(np.float32) / 255, batch_size=8, verbose=0)[..., 0] > 0.5, val[1])
        return
    from pipeline import networks, params, tasks
    from pipeline.patches.packed import Packed
    from pipeline.training.batches import Batches, readable, statistics
    from pipeline.training.devices import prepare
    from pipeline.training.optimizers import optimizer

    known = params.load()
    prepare(known.seed, known.train.precision)
    own = networks.load("unet", known)
    mean, variance = statistics(train[0])
    network = own.build(channels=1, classes=2, mean=mean, variance=variance, pretrained=None)
    settings = own.settings.training(known.train).model_copy(update={"schedule": "constant"})
    batches = Batches(Packed(*train), settings.batch_size, known.seed, shuffle=True, flips=True)
    loss = tasks.part(own.task, "training").loss(known, {"classes": range(2)})
    network.compile(optimizer(settings, settings.epochs, len(batches)), loss)
    for epoch in range(EPOCHS):
        batches.epoch = epoch
        network.fit(readable(batches), verbose=0, shuffle=False)
        predicted = [network.predict_on_batch(val[0][i : i + 8].astype(np.float32) / 255) for i in range(0, len(val[0]), 8)]
        yield _iou(np.concatenate(predicted)[..., 0] > 0, val[1])


def _run(contender, folder, target):
    from pipeline.startup import load_keras

    load_keras()
    train, val = _patches(folder)
    start = time.perf_counter()
    for number, iou in enumerate(_epochs(contender, train, val), 1):
        seconds = time.perf_counter() - start
        print(f"{contender}: epoch {number}, {seconds:.0f} s, IoU {iou:.3f}", flush=True)
        if iou >= target:
            print(f"{contender}: reached {target} after {seconds:.0f} s and {number} epochs", flush=True)
            return
    print(f"{contender}: did not reach {target} in {EPOCHS} epochs", flush=True)


if __name__ == "__main__":
    if os.environ.get("BENCHMARK_CONTENDER"):
        _run(os.environ["BENCHMARK_CONTENDER"], sys.argv[1], float(sys.argv[2]))
    else:
        target = (sys.argv[2:] or ["0.7"])[0]
        for contender in ("ours", "plain"):
            known = os.environ | {"BENCHMARK_CONTENDER": contender}
            subprocess.run([sys.executable, "-m", __spec__.name, sys.argv[1], target], env=known, check=True)
