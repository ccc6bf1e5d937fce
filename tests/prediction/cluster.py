"""Predict a volume larger than the memory of a worker: on one process, and on two Dask workers that are killed and go on.

``python -m tests.prediction.cluster MODEL [SECTIONS]``; a section has 4096 × 4096 pixels of 16 bit, 64 of them are 2 GiB.
"""

import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import psutil
import zarr

SIDE = 4096
ATTRIBUTES = {
    "multiscales": [
        {
            "version": "0.4",
            "axes": [{"name": n, "type": "space", "unit": "nanometer"} for n in "zyx"],
            "datasets": [{"path": "0", "coordinateTransformations": [{"type": "scale", "scale": [50.0, 4.6, 4.6]}]}],
        }
    ]
}


def volume(path, sections):
    """Write an OME-Zarr of noise on a coarse pattern."""
    group = zarr.open_group(str(path), mode="w", zarr_format=2)
    array = group.create_array("0", shape=(sections, SIDE, SIDE), chunks=(1, 1024, 1024), dtype="uint16")
    group.attrs.update(ATTRIBUTES)
    rng = np.random.default_rng(0)
    for section in range(sections):
        coarse = rng.integers(15_000, 50_000, (SIDE // 32, SIDE // 32), dtype=np.uint16)
        array[section] = coarse.repeat(32, 0).repeat(32, 1) + rng.integers(0, 9000, (SIDE, SIDE), dtype=np.uint16)


def predict(model, source, out, *options, kill_after=None):
    """Run the command line; return its exit status, seconds, and the largest memory that one of its processes had."""
    command = [sys.executable, "-m", "pipeline.predict", model, str(source), "--out", str(out), *options]
    start, peak = time.perf_counter(), 0
    process = subprocess.Popen(command, start_new_session=True)
    watched = psutil.Process(process.pid)
    while process.poll() is None:
        try:
            sizes = [p.memory_info().rss for p in (watched, *watched.children(recursive=True))]
            peak = max(peak, *sizes)
        except psutil.NoSuchProcess:
            continue
        if kill_after and time.perf_counter() - start > kill_after:
            os.killpg(process.pid, signal.SIGKILL)
        time.sleep(0.3)
    return process.returncode, time.perf_counter() - start, peak


def same(one, other):
    """Compare two OME-Zarr arrays section by section."""
    first, second = (zarr.open_group(str(path), mode="r")["0"] for path in (one, other))
    return first.shape == second.shape and all(np.array_equal(first[z], second[z]) for z in range(first.shape[0]))


def main(model, sections=64):
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder, "volume.ome.zarr")
        volume(source, sections)
        print(f"{sections * SIDE**2 * 2 / 2**30:.2f} GiB", flush=True)
        code, seconds, peak = predict(model, source, Path(folder, "one"))
        print(f"one process: exit status {code}, {seconds:.0f} s, peak {peak / 2**30:.2f} GiB", flush=True)
        two = ("--workers", "2", "--memory", "2GiB")
        code, seconds, peak = predict(model, source, Path(folder, "two"), *two, kill_after=seconds / 2)
        print(f"two workers, killed: exit status {code}, {seconds:.0f} s, peak {peak / 2**30:.2f} GiB", flush=True)
        code, seconds, peak = predict(model, source, Path(folder, "two"), *two)
        print(f"two workers, again: exit status {code}, {seconds:.0f} s, peak of a process {peak / 2**30:.2f} GiB", flush=True)
        for kind in ("mask", "probability", "labels"):
            name = f"volume_{kind}.ome.zarr"
            print(
                f"{kind}: {'identical' if same(Path(folder, 'one', name), Path(folder, 'two', name)) else 'DIFFERENT'}",
                flush=True,
            )


if __name__ == "__main__":
    main(sys.argv[1], *map(int, sys.argv[2:]))
