"""Read what `pipeline.patches.pack` wrote."""

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from pipeline.errors import UserError


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
    """Open the arrays of one split without reading them into memory.

    Raises
    ------
    UserError
        If one of them is damaged.
    """
    folder = Path(folder, split)
    targets = "masks.npy" if (folder / "masks.npy").exists() else "labels.npy"
    return Packed(*(_open(folder / file) for file in ("images.npy", targets)))


def load_card(folder):
    """Read what ``dataset.json`` of packed patches says, as a dictionary."""
    path = Path(folder, "dataset.json")
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise UserError(f"{path}: expected a description of the patches, received: {error}; `dvc repro` makes it anew") from error


def _open(path):
    try:
        return np.load(path, mmap_mode="r", allow_pickle=False)
    except OSError:
        raise
    except Exception as error:  # NumPy's reader of a damaged header raises whatever Python's own parser does
        raise UserError(f"{path}: expected packed patches, received: {error}; `dvc repro` makes them anew") from error
