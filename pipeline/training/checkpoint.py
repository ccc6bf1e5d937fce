"""The state of an interrupted training, in one file that only the same training resumes from."""

import hashlib
import json
import os
import sys
from pathlib import Path

import numpy as np

from pipeline.atomic import digest, whole
from pipeline.training.environment import environment

LATER = "networks/common/**/*.py", "training/*.py"


class Checkpoint:
    """A file of named arrays and a few plain values."""

    def __init__(self, path):
        self.path = Path(path)

    def write(self, arrays, values):
        """Replace the file in one step. The values are stored as JSON, in which floats keep all their digits."""
        with whole(self.path) as part, open(part, "wb") as file:
            np.savez(file, **arrays, values=np.array(json.dumps(values)))
            file.flush()
            os.fsync(file.fileno())  # else a power cut may leave the new name on an empty file

    def read(self):
        """Return the arrays and values last written; None if there is no file, or if it is damaged."""
        if not self.path.exists():
            return None
        try:
            with np.load(self.path, allow_pickle=False) as file:
                arrays = {name: file[name] for name in file.files}
            return arrays, json.loads(str(arrays.pop("values")))
        except Exception as error:  # zipfile, zlib and NumPy each raise their own
            print(f"{self.path} is damaged ({error}); training starts from the beginning", flush=True)
            return None

    def planned(self):
        """How many epochs the interrupted training was to have; None if there is none."""
        found = self.read()
        return found[1]["planned"] if found else None

    def remove(self):
        self.path.unlink(missing_ok=True)


def training_key(folder, settings, files=()):
    """Identify a training by all that decides its result: settings, patches in `folder`, other files, code, `environment`.

    The code is what is imported, and what networks and training import later. Returns 16 hexadecimal digits.
    """
    known = {"settings": settings, "environment": environment()}
    found = hashlib.sha256(json.dumps(known, sort_keys=True, default=str).encode())
    code = {Path(module.__file__) for name, module in sys.modules.items() if name.split(".")[0] == "pipeline" and module.__file__}
    code.update(*(Path(__file__).parents[1].glob(pattern) for pattern in LATER))
    for path in [*sorted(code), *sorted(Path(folder).glob("*/*.npy")), *files]:
        found.update(digest(path).encode())
    return found.hexdigest()[:16]
