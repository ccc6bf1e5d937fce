"""Read what `pipeline.images.pack` wrote."""

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np


@dataclass(frozen=True)
class Packed:
    """The arrays of one split, memory-mapped.

    Attributes
    ----------
    images : ndarray, shape (N, H, W, C), uint8 or uint16
    targets : ndarray, shape (N, H, W), bool, or (N,), int64
    """

    images: np.ndarray
    targets: np.ndarray


def load_packed(folder, split):
    """Open the arrays of one split without reading them into memory."""
    folder = Path(folder, split)
    targets = "masks.npy" if (folder / "masks.npy").exists() else "labels.npy"
    return Packed(*(np.load(folder / file, mmap_mode="r", allow_pickle=False) for file in ("images.npy", targets)))


def load_card(folder):
    """Read what ``dataset.json`` of packed patches says, as a dictionary."""
    return json.loads(Path(folder, "dataset.json").read_text())
