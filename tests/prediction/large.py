"""Predict an image of 20,000 × 20,000 pixels: peak memory, and how much of the time is the network's own.

``python -m tests.prediction.large MODEL [SIDE]``
"""

import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import psutil
import tifffile

from pipeline.params import load
from pipeline.predict import load as load_model


def own_rate(path):
    """Windows a second of the network alone, on windows that are in memory."""
    model, settings = load_model(path), load().inference
    windows = np.random.default_rng(0).random((settings.batch_size, *settings.tile, model.card["channels"]), np.float32)
    model._probability(windows)
    start = time.perf_counter()
    for _ in range(4):
        model._probability(windows)
    return 4 * len(windows) / (time.perf_counter() - start)


def main(path, side=20_000):
    with tempfile.TemporaryDirectory() as folder:
        image, out = Path(folder, "large.tif"), Path(folder, "out")
        rng = np.random.default_rng(0)
        coarse = rng.integers(60, 200, (side // 40 + 1, side // 40 + 1), dtype=np.uint8)
        rows = (coarse[row // 40].repeat(40)[:side] for row in range(side))
        pixels = np.stack([row + rng.integers(0, 40, side, dtype=np.uint8) for row in rows])
        tifffile.imwrite(image, pixels, rowsperstrip=256)
        del pixels
        print(f"network alone, before: {own_rate(path):.3f} windows a second", flush=True)
        start = time.perf_counter()
        process = subprocess.Popen([sys.executable, "-m", "pipeline.predict", path, str(image), "--out", str(out)])
        watched, peak, predicted = psutil.Process(process.pid), 0, None
        while process.poll() is None:
            try:
                peak = max(peak, watched.memory_info().rss)
            except psutil.NoSuchProcess:
                break
            if predicted is None and list(out.glob(".unfinished/*/*_probability.tif")):
                predicted = time.perf_counter() - start  # the network is done, its results are being written
            time.sleep(0.2)
        seconds = time.perf_counter() - start
        settings = load().inference
        count = (-(-(side - settings.overlap[0]) // (settings.tile[0] - settings.overlap[0]))) ** 2
        print(f"exit status {process.returncode}, peak resident memory {peak / 2**30:.2f} GiB")
        print(f"{seconds:.0f} s in all, {predicted:.0f} s to the last of {count} windows: {count / predicted:.3f} a second")
        print(f"network alone, after: {own_rate(path):.3f} windows a second", flush=True)


if __name__ == "__main__":
    main(sys.argv[1], *map(int, sys.argv[2:]))
