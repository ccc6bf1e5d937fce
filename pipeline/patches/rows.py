"""A ``.npy`` file that is written row by row, by several threads at once, while no memory holds it."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np


@dataclass(frozen=True)
class Rows:
    """The rows of an array on disk. Made with `create`.

    Attributes
    ----------
    path : pathlib.Path
    shape : tuple of int
        Of one row.
    dtype : numpy.dtype
    offset : int
        Bytes before the first row.
    """

    path: Path
    shape: tuple
    dtype: np.dtype
    offset: int

    @classmethod
    def create(cls, path, count, shape, dtype):
        """Lay out a file of `count` rows; `numpy.load` reads it."""
        # A memory map would write the rows too, but a full disk then kills the process instead of raising OSError.
        array = np.lib.format.open_memmap(path, mode="w+", dtype=dtype, shape=(int(count), *shape))
        return cls(Path(path), tuple(shape), np.dtype(dtype), array.offset)

    def write(self, row, values):
        """Write one row; each row is written once, so threads need no lock."""
        values = np.ascontiguousarray(values, self.dtype)
        if values.shape != self.shape:
            raise ValueError(f"expected a row of shape {self.shape}, received {values.shape}")
        with open(self.path, "r+b") as file:
            file.seek(self.offset + row * values.nbytes)
            file.write(values.data)
