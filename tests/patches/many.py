"""Pack many patches in a process of its own, and measure its speed and peak memory.

``python -m tests.patches.many [PATCHES [THREADS [COPIES]]]``; by default 128,000 patches of 256 × 256 pixels, 17 GB on disk.
"""

import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import pandas as pd
import tifffile

from benchmarks.memory import peak_memory
from pipeline import params
from pipeline.patches.pack import pack

SIDE, SIZE, COPIES = 4096, 256, 3
AN_IMAGE = (SIDE // SIZE) ** 2


def dataset(folder, count):
    """A folder in the standard layout with `count` images of `SIDE` pixels, all linked to one pair of files."""
    rng = np.random.default_rng(0)
    (folder / "dataset.json").write_text(
        '{"name": "many", "source": "test", "task": "segmentation", "classes": ["background", "object"], "channels": 1,'
        ' "pixel_size_nm": null, "phantom": true, "licence": "-", "citation": "-", "url": null, "sha256": {}}'
    )
    tifffile.imwrite(folder / "image.tif", rng.integers(0, 256, (SIDE, SIDE), dtype=np.uint8))
    tifffile.imwrite(folder / "mask.tif", 255 * rng.integers(0, 2, (SIDE, SIDE), dtype=np.uint8))
    names = [f"{number:04}" for number in range(count)]
    table = pd.DataFrame({"name": names, "image": "image.tif", "mask": "mask.tif", "group": names, "label": "", "split": "train"})
    table.loc[0, "split"] = "val"
    return table


def pack_many(work, patches, threads=None, copies=COPIES):
    """Pack; return patches by split, bytes written, seconds, and peak memory in bytes."""
    raw = Path(work, "raw")
    raw.mkdir()
    table = dataset(raw, max(2, round(patches / (AN_IMAGE * (1 + copies)))))
    settings = params.load()
    cut = {"size": [SIZE, SIZE], "stride": [SIZE, SIZE]}
    own = params.Dataset(task="segmentation", source="folder", path="-", patches=cut)
    augment = settings.augment.model_copy(update={"copies": copies})
    start = time.perf_counter()
    counts = pack(raw, Path(work, "packed"), table, own, augment, settings.seed, threads)
    seconds = time.perf_counter() - start
    size = sum(path.stat().st_size for path in Path(work, "packed").rglob("*.npy"))
    return counts, size, seconds, peak_memory()


if __name__ == "__main__":
    if sys.argv[1:2] == ["--here"]:
        counts, size, seconds, peak = pack_many(sys.argv[2], *map(int, sys.argv[3:]))
        patches = sum(counts.values())
        print(f"{patches} patches, {size / 1e9:.2f} GB, in {seconds:.0f} s: {patches / seconds:.0f} a second")
        print(f"peak memory {peak / 2**30:.2f} GiB")
    else:
        with tempfile.TemporaryDirectory() as work:
            wanted = sys.argv[1:] or ["128000"]
            raise SystemExit(subprocess.call([sys.executable, "-m", __spec__.name, "--here", work, *wanted]))
