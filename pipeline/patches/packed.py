"""Read the arrays that `pipeline.patches.pack` wrote."""

import json
from pathlib import Path
from typing import NamedTuple

import numpy as np


class Packed(NamedTuple):
    """The arrays of one split, memory-mapped."""

    images: np.ndarray  # (N, H, W, C), uint8 or uint16; `unpacked` gives intensities
    targets: np.ndarray  # masks (N, H, W), bool or uint8 (class numbers; 255: ignored), or labels (N,), int64


def load_packed(folder, split):
    """Open the arrays of one split without reading them into memory."""
    folder = Path(folder, split)
    targets = "masks.npy" if (folder / "masks.npy").exists() else "labels.npy"
    return Packed(*(np.load(folder / file, mmap_mode="r") for file in ("images.npy", targets)))


def unpacked(images):
    """Intensities of packed patches: float32 in [0, 1]."""
    return images.astype(np.float32) / np.float32(np.iinfo(images.dtype).max)


def load_card(folder):
    """Read ``dataset.json`` of packed patches as a dictionary."""
    return json.loads(Path(folder, "dataset.json").read_text(encoding="utf-8"))
