"""The folder of results: what is finished there, so that an interrupted run resumes and nothing is overwritten by accident.

``predict.json`` holds the run and its finished images. Images that are finished later are noted in a journal, one line each,
because the record of many images is long; the next run merges them.
"""

import json
import os
import re
import shutil
from contextlib import contextmanager, suppress
from pathlib import Path

import filelock
import pandas as pd

from pipeline.atomic import whole, write_table
from pipeline.errors import UserError

RECORD = "predict.json"
JOURNAL = ".predict.jsonl"
UNFINISHED = ".unfinished"
LOCK = ".lock"
SHEETS = r"contact_sheet(_\d+)?\.png"
SOURCE = "source.json"  # in the workspace of an image: the file that its results belong to
REMEDY = "add --overwrite, or choose another folder"


class ResultsFolder:
    """A folder of results, and what is finished there.

    `run`, a dict, decides the results: model and settings. `overall` are the results over all images, regular expressions of
    their names, first the name of the table. `overwrite` replaces what another run left, and files of other origin; what this
    run has finished stays. Without it, the folder must hold neither: they raise `UserError`. So does, in any case, a result
    that would replace one of the images, whose paths are `inputs`.
    """

    def __init__(self, out, run, overall, overwrite=False, inputs=()):
        self.out, self.run, self.overwrite = Path(out), run, overwrite
        self.inputs = {path.resolve() for path in inputs}
        self.record, self.table = self.out / RECORD, self.out / overall[0]
        present = [path for pattern in overall for path in matching(self.out, pattern)]
        self._spare(path.name for path in present)
        self.images, self.earlier = {}, []  # those are files of the run that this one replaces
        self._written = False  # by this process
        found = _read(self.out)
        if found and found["run"] == run:
            self.images, self.earlier = found["images"], found["earlier"]
            return
        if found and not overwrite:
            other = ", ".join(_differing(run, found["run"]))
            raise UserError(f"{self.record}: the folder holds results with another {other}; {REMEDY}")
        if found:
            self.earlier = found["earlier"] + [name for entry in found["images"].values() for name in entry["files"]]
        elif present and not overwrite:
            raise _foreign(present[0])
        shutil.rmtree(self.out / UNFINISHED, ignore_errors=True)

    def done(self, image):
        """Whether an image was predicted, has not changed since, and its results are still there."""
        entry = self.images.get(image.name)
        return bool(entry) and entry["source"] == state(image.path) and all((self.out / f).exists() for f in entry["files"])

    def claim(self, image, files=()):
        """Reserve the name of an image, and those of its result files, before it is predicted.

        Raises `UserError` if results of another image have that name, or a file of such a name is of other origin.
        """
        place = str(image.path.resolve())
        entry = self.images.get(image.name, {"source": {"path": place}, "files": []})
        if (former := entry["source"]["path"]) != place and not self.overwrite:
            raise UserError(f"{image.path}: {self.out} holds results of {former} under the same name; {REMEDY}")
        self._spare(files)
        own = {*self.earlier, *entry["files"]}
        foreign = [name for name in files if os.path.lexists(self.out / name) and name not in own]
        if foreign and not self.overwrite:
            raise _foreign(self.out / foreign[0])
        if not self._written:
            self._write()

    def workspace(self, image, files):
        """Claim an image, and return the folder for its unfinished results; those of an interrupted run are still there."""
        self.claim(image, files)
        folder, source = self.out / UNFINISHED / image.name, state(image.path)
        if not (folder / SOURCE).exists() or json.loads((folder / SOURCE).read_text()) != source:
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir(parents=True)
            (folder / SOURCE).write_text(json.dumps(source))
        return folder

    def finish(self, image, files, rows):
        """Move the result files of a claimed image to their place, and note them with its rows of the table, one per page."""
        for file in files:
            with whole(self.out / file.name) as part:
                file.rename(part)
        entry = {"source": state(image.path), "files": [file.name for file in files], "rows": rows}
        self.images[image.name] = entry
        with open(self.out / JOURNAL, "a", encoding="utf-8") as journal:
            # The line break comes first, so that a line that a full disk cut short does not spoil the next one.
            journal.write("\n" + json.dumps({"name": image.name, "entry": entry}))
        if files:
            shutil.rmtree(self.out / UNFINISHED / image.name)

    def close(self):
        """Write the table over all images, and remove what holds nothing."""
        rows = [row for name in sorted(self.images) for row in self.images[name]["rows"]]
        if self._written:
            self._write()
        if rows:
            with whole(self.table) as part:
                write_table(part, pd.DataFrame(rows))
        unfinished = self.out / UNFINISHED
        for folder in unfinished.iterdir() if unfinished.exists() else ():
            if [path.name for path in folder.iterdir()] == [SOURCE]:
                shutil.rmtree(folder)
        with suppress(OSError):  # not empty, or not there
            unfinished.rmdir()

    def _spare(self, names):
        for path in (self.out / name for name in names):
            if path.resolve() in self.inputs:
                raise UserError(f"{path}: the results would replace this image; choose another folder")

    def _write(self):
        (self.out / JOURNAL).unlink(missing_ok=True)  # first: it belongs to the record that is there now
        with whole(self.record) as part:
            content = {"run": self.run, "images": self.images, "earlier": self.earlier}
            part.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
        self._written = True


@contextmanager
def locked(out):
    """Make a folder for results, and keep other runs out of it; if one is writing there, raise `UserError`."""
    out = Path(out)
    try:
        out.mkdir(parents=True, exist_ok=True)
        lock = filelock.FileLock(out / LOCK)
        lock.acquire(timeout=0)
    except filelock.Timeout as error:
        raise UserError(f"{out}: another run is writing here; wait for it to end, or choose another folder") from error
    except OSError as error:
        raise UserError(f"{out}: cannot create the folder for the results ({error.strerror}); change --out") from error
    try:
        yield
    finally:
        (out / LOCK).unlink(missing_ok=True)
        lock.release()


def results_in(folder):
    """Names of the files in a folder that are results, as its record says."""
    found = _read(folder)
    if not found:
        return set()
    sheets = {path.name for path in matching(folder, SHEETS)}
    return sheets.union(*(entry["files"] for entry in found["images"].values()))


def matching(folder, pattern):
    """Files in a folder whose whole names match a regular expression, sorted; none if there is no such folder."""
    return sorted(path for path in Path(folder).glob("*") if re.fullmatch(pattern, path.name))


def state(path):
    """A fingerprint of a file by its path, size and time of change; for a folder, of all files in it."""
    path = Path(path)
    if path.is_dir():  # of links in it, the link itself: its target may be gone
        about = [os.lstat(os.path.join(folder, name)) for folder, _, names in os.walk(path) for name in names]
    else:
        about = [path.stat()]
    changed = max((file.st_mtime_ns for file in about), default=0)
    return {"path": str(path.resolve()), "files": len(about), "size": sum(f.st_size for f in about), "changed": changed}


def _read(folder):
    """The record of a folder, with the images in its journal; None without a record."""
    file = Path(folder, RECORD)
    if not file.exists():
        return None
    try:
        found = json.loads(file.read_text(encoding="utf-8"))
        found = {"run": dict(found["run"]), "images": dict(found["images"]), "earlier": list(found["earlier"])}
    except (ValueError, KeyError, TypeError):  # a foreign file of the same name
        return {"run": {"record (unreadable)": True}, "images": {}, "earlier": []}
    journal = Path(folder, JOURNAL)
    for line in journal.read_text(encoding="utf-8").splitlines() if journal.exists() else ():
        with suppress(ValueError):  # a line that was cut short
            noted = json.loads(line)
            found["images"][noted["name"]] = noted["entry"]
    return found


def _differing(run, other):
    """Names of the entries, or of the nested settings, in which two runs differ."""
    for key in {**run, **other}:
        mine, its = run.get(key), other.get(key)
        if isinstance(mine, dict) and isinstance(its, dict):
            yield from _differing(mine, its)
        elif mine != its:
            yield key


def _foreign(path):
    return UserError(f"{path}: this file is not from this run; {REMEDY}")
