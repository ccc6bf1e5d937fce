"""What has been predicted into a folder, so that an interrupted run goes on and nothing is overwritten by accident."""

import csv
import hashlib
import json
import os
import shutil
from pathlib import Path

from pipeline.errors import UserError

NAME = "predict.json"
UNFINISHED = ".unfinished"


class Record:
    """The record of a folder of results.

    Parameters
    ----------
    out : path-like
        Made if needed.
    run : dict
        What decides the results: model, settings. Plain values.
    overwrite : bool
        Forget what another run left.

    Raises
    ------
    UserError
        If the folder holds results of another run and `overwrite` is not set.
    """

    def __init__(self, out, run, overwrite=False):
        self.out = Path(out)
        self.out.mkdir(parents=True, exist_ok=True)
        self.file = self.out / NAME
        self.run = run
        self.images = {}
        found = self._read()
        if found and found["run"] == run and not overwrite:
            self.images = found["images"]
        elif found and not overwrite:
            differing = [key for key in {**run, **found["run"]} if run.get(key) != found["run"].get(key)]
            raise UserError(
                f"{self.file}: expected results of this run, received those of another {', '.join(differing)}; "
                "give --overwrite or another folder"
            )
        self.overwrite = overwrite
        if not found or overwrite:
            shutil.rmtree(self.out / UNFINISHED, ignore_errors=True)
        self._write()

    def done(self, image):
        """Whether an image was predicted, has not changed since, and its results are still there."""
        entry = self.images.get(image.name)
        return bool(entry) and entry["source"] == state(image.path) and all((self.out / f).exists() for f in entry["files"])

    def workspace(self, image):
        """A folder for the unfinished results of an image; what an earlier, interrupted run left there stays."""
        folder = self.out / UNFINISHED / image.name
        mark = folder / "source.json"
        if not mark.exists() or json.loads(mark.read_text()) != state(image.path):
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir(parents=True)
            mark.write_text(json.dumps(state(image.path)))
        return folder

    def finish(self, image, files, rows):
        """Move the results of an image to their place, and note them.

        Parameters
        ----------
        image : pipeline.prediction.inputs.Input
        files : list of pathlib.Path
            In the workspace.
        rows : list of dict
            Of the table over all images, one a page.

        Raises
        ------
        UserError
            If a file of that name exists that this run did not write.
        """
        own = set(self.images.get(image.name, {}).get("files", []))
        foreign = [file.name for file in files if (self.out / file.name).exists() and file.name not in own]
        if foreign and not self.overwrite:
            raise UserError(f"{self.out / foreign[0]}: expected no such file, received one; give --overwrite or another folder")
        for file in files:
            target = self.out / file.name
            if target.is_dir():
                shutil.rmtree(target)
            os.replace(file, target)
        self.images[image.name] = {"source": state(image.path), "files": [file.name for file in files], "rows": rows}
        self._write()
        shutil.rmtree(self.out / UNFINISHED / image.name)

    def close(self, names, table):
        """Write the table over the images of this run, and remove the folder of unfinished ones if it is empty."""
        rows = [row for name in names if name in self.images for row in self.images[name]["rows"]]
        if rows:
            write_table(self.out / table, rows)
        unfinished = self.out / UNFINISHED
        if unfinished.exists() and not any(unfinished.iterdir()):
            unfinished.rmdir()

    def _read(self):
        if not self.file.exists():
            return None
        try:
            found = json.loads(self.file.read_text(encoding="utf-8"))
            return {"run": dict(found["run"]), "images": dict(found["images"])}
        except (ValueError, KeyError, TypeError):
            return {"run": {"record (unreadable)": True}, "images": {}}

    def _write(self):
        partial = self.file.with_name(f".{NAME}.part")
        partial.write_text(json.dumps({"run": self.run, "images": self.images}, indent=1) + "\n", encoding="utf-8")
        os.replace(partial, self.file)


def state(path):
    """What tells that a file is still the same: place, size, time of change."""
    path = Path(path)
    about = path.stat()
    return {"path": str(path.resolve()), "size": about.st_size if path.is_file() else None, "changed": about.st_mtime_ns}


def digest(path):
    """SHA-256 of a file, 16 hexadecimal digits."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()[:16]


def write_table(path, rows, columns=None):
    """Write rows (dicts) as CSV; None becomes an empty cell, floats have six digits."""
    with open(path, "w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, columns or list(rows[0]), lineterminator="\n")
        writer.writeheader()
        for row in rows:
            writer.writerow({key: f"{value:.6g}" if isinstance(value, float) else value for key, value in row.items()})
