"""The state of a training that was interrupted: one file, whole or absent, that only the same training picks up."""

import hashlib
import json
import os
import sys
import zipfile
from pathlib import Path

import keras
import numpy as np


class Checkpoint:
    """A file of named arrays and a few plain values.

    Parameters
    ----------
    path : path-like
    """

    def __init__(self, path):
        self.path = Path(path)

    def write(self, arrays, values):
        """Replace the file in one step: whoever is interrupted leaves the former one.

        Parameters
        ----------
        arrays : dict of str to ndarray
        values : dict
            As JSON holds it; floats keep all their digits.
        """
        self.path.parent.mkdir(parents=True, exist_ok=True)
        partial = self.path.with_name(f".{self.path.name}.part")
        try:
            with open(partial, "wb") as file:
                np.savez(file, **arrays, values=np.array(json.dumps(values)))
                file.flush()
                os.fsync(file.fileno())
            os.replace(partial, self.path)
        finally:  # also where the disk is full
            partial.unlink(missing_ok=True)

    def read(self):
        """Read what was last written.

        Returns
        -------
        tuple of dict or None
            arrays, values. None where there is no file, or a damaged one, which is told.
        """
        if not self.path.exists():
            return None
        try:
            with np.load(self.path, allow_pickle=False) as file:  # zip's checksums are verified while reading
                arrays = {name: file[name] for name in file.files}
            return arrays, json.loads(str(arrays.pop("values")))
        except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile, NotImplementedError) as error:
            print(f"{self.path}: damaged ({error}); training starts anew", flush=True)
            return None

    def remove(self):
        self.path.unlink(missing_ok=True)


def training_key(folder, settings, files=()):
    """Name a training by all that decides its result: settings, data, code and versions.

    Parameters
    ----------
    folder : path-like
        Packed patches.
    settings : dict
        Of plain values.
    files : sequence of path-like
        What else is read.

    Returns
    -------
    str
        16 hexadecimal digits.
    """
    versions = {
        module: sys.modules[module].__version__ for module in ("keras", "numpy", "tensorflow", "jax") if module in sys.modules
    }
    known = {"settings": settings, "versions": versions, "backend": keras.backend.backend()}
    digest = hashlib.sha256(json.dumps(known, sort_keys=True, default=str).encode())
    code = {Path(module.__file__) for name, module in sys.modules.items() if name.split(".")[0] == "pipeline" and module.__file__}
    for path in [*sorted(code), *sorted(Path(folder).glob("**/*.npy")), *files]:
        with open(path, "rb") as file:
            digest.update(hashlib.file_digest(file, "sha256").digest())
    return digest.hexdigest()[:16]
