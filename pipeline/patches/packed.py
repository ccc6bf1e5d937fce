"""Read the arrays that `pipeline.patches.pack` wrote."""

from pathlib import Path
from typing import NamedTuple

import numpy as np

from pipeline.atomic import read_json
from pipeline.images.sections import context_of, nearest


class Packed(NamedTuple):
    """The arrays of one split, memory-mapped."""

    images: np.ndarray  # (N, H, W, C), uint8 or uint16; `unpacked` gives intensities
    targets: np.ndarray  # masks (N, H, W), bool or uint8 (class numbers; 255: ignored), or labels (N,), int64


def load_packed(folder, split, context=None):
    """Memory-map the arrays of one split; with a smaller `context` than packed, without the outer neighbours."""
    arrays = Path(folder, split)
    targets = "masks.npy" if (arrays / "masks.npy").exists() else "labels.npy"
    images, targets = (np.load(arrays / file, mmap_mode="r") for file in ("images.npy", targets))
    return Packed(images if context is None else nearest(images, context_of(load_card(folder)), context), targets)


def unpacked(images):
    """Intensities of packed patches: float32 in [0, 1]."""
    return images.astype(np.float32) / np.float32(np.iinfo(images.dtype).max)


def load_card(folder):
    """Read ``dataset.json`` of packed patches as a dictionary."""
    return read_json(Path(folder, "dataset.json"))
