"""What has been predicted into a folder, so that an interrupted run goes on and nothing is overwritten by accident."""

import csv
import hashlib
import json
import os
import shutil
from contextlib import contextmanager, suppress
from pathlib import Path

import filelock

from pipeline.errors import UserError

NAME = "predict.json"
JOURNAL = ".predict.jsonl"  # a line for each image that was finished since the record was last written: it may be long
UNFINISHED = ".unfinished"
LOCK = ".lock"
SHEET = "contact_sheet"
MARK = "source.json"  # in the workspace of an image: which file its results are of


class Record:
    """The record of a folder of results.

    Parameters
    ----------
    out : path-like
    run : dict
        What decides the results: model, settings. Plain values.
    results : sequence of str
        Names or patterns of the results over all images; the first is the table.
    overwrite : bool
        Replace what another run left, or somebody else. What this very run has finished stays all the same.

    Raises
    ------
    UserError
        If the folder holds results of another run, or files of such names of another origin, and `overwrite` is not set.
    """

    def __init__(self, out, run, results, overwrite=False):
        self.out = Path(out)
        self.file, self.table = self.out / NAME, self.out / results[0]
        self.run, self.overwrite = run, overwrite
        self.images = {}
        self.earlier = []  # files of the run that this one replaces
        self._written = False  # by this process
        found = _read(self.out)
        same = bool(found) and found["run"] == run
        if same:
            self.images, self.earlier = found["images"], found["earlier"]
        elif found and not overwrite:
            differing = ", ".join(_differing(run, found["run"]))
            raise UserError(
                f"{self.file}: expected results of this run, received those of one with another {differing}; "
                "give --overwrite or another folder"
            )
        elif found:
            self.earlier = found["earlier"] + [name for entry in found["images"].values() for name in entry["files"]]
        elif not overwrite:
            for path in (path for pattern in results for path in sorted(self.out.glob(pattern))):
                raise _foreign(path)
        if not same:
            shutil.rmtree(self.out / UNFINISHED, ignore_errors=True)

    def done(self, image):
        """Whether an image was predicted, has not changed since, and its results are still there."""
        entry = self.images.get(image.name)
        return bool(entry) and entry["source"] == state(image.path) and all((self.out / f).exists() for f in entry["files"])

    def claim(self, image, files=()):
        """Take the name of an image, and of its results, before it is predicted.

        Parameters
        ----------
        image : pipeline.prediction.inputs.Input
        files : sequence of str
            Names of its results.

        Raises
        ------
        UserError
            If the name is that of another image whose results are here, or a file of such a name is none of this program's.
        """
        place = str(image.path.resolve())
        entry = self.images.get(image.name, {"source": {"path": place}, "files": []})
        if entry["source"]["path"] != place and not self.overwrite:
            raise UserError(
                f"{image.path}: expected a name of its own, received that of {entry['source']['path']}, whose results are in "
                f"{self.out}; give --overwrite or another folder"
            )
        own = {*self.earlier, *entry["files"]}
        foreign = [name for name in files if os.path.lexists(self.out / name) and name not in own]
        if foreign and not self.overwrite:
            raise _foreign(self.out / foreign[0])
        if not self._written:
            self._write()

    def workspace(self, image, files):
        """Claim an image (see `claim`), and make a folder for its unfinished results; those of an interrupted run stay."""
        self.claim(image, files)
        folder = self.out / UNFINISHED / image.name
        mark = folder / MARK
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
            Claimed.
        files : list of pathlib.Path
            In its workspace, if it has one.
        rows : list of dict
            Of the table over all images, one a page.
        """
        for file in files:
            target = self.out / file.name
            if target.is_dir():
                shutil.rmtree(target)
            os.replace(file, target)
        entry = {"source": state(image.path), "files": [file.name for file in files], "rows": rows}
        self.images[image.name] = entry
        with open(self.out / JOURNAL, "a", encoding="utf-8") as journal:
            # The end of a line comes before it: one that a full disk cut short does not swallow the next.
            journal.write("\n" + json.dumps({"run": _short(self.run), "name": image.name, "entry": entry}))
        if files:
            shutil.rmtree(self.out / UNFINISHED / image.name)

    def close(self):
        """Write the table over all images of the folder, and remove what holds nothing."""
        rows = [row for name in sorted(self.images) for row in self.images[name]["rows"]]
        if self._written:
            self._write()
        if rows:
            write_table(self.table, rows)
        unfinished = self.out / UNFINISHED
        for folder in unfinished.iterdir() if unfinished.exists() else ():
            if [path.name for path in folder.iterdir()] == [MARK]:
                shutil.rmtree(folder)
        if unfinished.exists() and not any(unfinished.iterdir()):
            unfinished.rmdir()

    def _write(self):
        partial = self.file.with_name(f".{NAME}.part")
        content = {"run": self.run, "images": self.images, "earlier": self.earlier}
        partial.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
        os.replace(partial, self.file)
        (self.out / JOURNAL).unlink(missing_ok=True)
        self._written = True


@contextmanager
def alone(out):
    """Make a folder for results, and keep every other run out of it.

    Raises
    ------
    UserError
        If it cannot be made, or another run is in it.
    """
    out = Path(out)
    try:
        out.mkdir(parents=True, exist_ok=True)
        lock = filelock.FileLock(out / LOCK)
        lock.acquire(timeout=0)
    except filelock.Timeout as error:
        raise UserError(f"{out}: another run writes here; wait for it, or give another folder") from error
    except OSError as error:
        raise UserError(f"{out}: expected a folder for the results, received: {error.strerror}; change --out") from error
    try:
        yield
    finally:
        (out / LOCK).unlink(missing_ok=True)
        lock.release()


def results_in(folder):
    """Names of the files in a folder that are results, as its record says; none without a record."""
    found = _read(folder)
    if not found:
        return set()
    sheets = {path.name for path in Path(folder).glob(f"{SHEET}*.png")}
    return sheets.union(*(entry["files"] for entry in found["images"].values()))


def _read(folder):
    """The record of a folder, with the images in its journal; None without a record."""
    file = Path(folder, NAME)
    if not file.exists():
        return None
    try:
        found = json.loads(file.read_text(encoding="utf-8"))
        found = {"run": dict(found["run"]), "images": dict(found["images"]), "earlier": list(found.get("earlier", []))}
    except (ValueError, KeyError, TypeError):
        return {"run": {"record (unreadable)": True}, "images": {}, "earlier": []}
    found["images"] |= _journal(Path(folder, JOURNAL), _short(found["run"]))
    return found


def _journal(file, run):
    """The images of a journal; a line that was not written to its end is left out."""
    images = {}
    for line in file.read_text(encoding="utf-8").splitlines() if file.exists() else ():
        with suppress(ValueError):
            noted = json.loads(line)
            if noted["run"] == run:  # else left by a run that was replaced
                images[noted["name"]] = noted["entry"]
    return images


def _differing(run, other):
    """Names of what differs between two runs; where that is a group of choices, of those."""
    for key in {**run, **other}:
        mine, its = run.get(key), other.get(key)
        if isinstance(mine, dict) and isinstance(its, dict):
            yield from _differing(mine, its)
        elif mine != its:
            yield key


def _short(run):
    """What tells one run from another, in a few letters."""
    return hashlib.sha256(json.dumps(run, sort_keys=True).encode()).hexdigest()[:8]


def _foreign(path):
    return UserError(f"{path}: expected no such file, received one; give --overwrite or another folder")


def state(path):
    """What tells that a file is still the same: place, size, time of change; of a folder, those of all files in it."""
    path = Path(path)
    if path.is_dir():  # of links in it the link itself: what it leads to may be gone
        about = [os.lstat(os.path.join(folder, name)) for folder, _, names in os.walk(path) for name in names]
    else:
        about = [path.stat()]
    changed = max((file.st_mtime_ns for file in about), default=0)
    return {"path": str(path.resolve()), "files": len(about), "size": sum(f.st_size for f in about), "changed": changed}


def digest(path):
    """SHA-256 of a file, 16 hexadecimal digits."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()[:16]


def write_table(path, rows, columns=None):
    """Write rows (dicts, at least one unless `columns` are named) as CSV; None becomes an empty cell, floats have six digits."""
    with open(path, "w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, columns or list(rows[0]), lineterminator="\n")
        writer.writeheader()
        for row in rows:
            writer.writerow({key: f"{value:.6g}" if isinstance(value, float) else value for key, value in row.items()})
