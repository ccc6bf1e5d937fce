"""The standard layout that every source is turned into, and that everything downstream reads.

::

    data/raw/<dataset>/
        dataset.json    what it is: task, classes, pixel size, licence, citation, checksums
        images.csv      one row per image, in the source's own order: name, image, mask, label, group, split
        images/         grey or RGB, 8 or 16 bit
        masks/          1-bit PNG, the same height and width as the image (segmentation only)
"""

import json
import shutil
from dataclasses import asdict, dataclass
from pathlib import Path

import pandas as pd

from pipeline.errors import UserError
from pipeline.images.io import write_png

COLUMNS = ["name", "image", "mask", "label", "group", "split"]


@dataclass(frozen=True)
class DatasetInfo:
    """What ``dataset.json`` says.

    Parameters
    ----------
    name, source : str
        As in ``params.yaml``.
    task : {"segmentation", "classification"}
    classes : tuple of str
        Segmentation: ("background", <foreground>). Classification: in the order of the label's index.
    channels : int
        1 (grey) or 3 (RGB).
    pixel_size_nm : tuple of float, optional
        Height and width of a pixel in nanometres (row, column); None where the source gives none.
    phantom : bool
        True for generated images: every number measured on them is marked so.
    licence, citation : str
    url : str, optional
    sha256 : dict of str to str
        Checksum of each downloaded file by its name; empty for phantoms and folders.
    """

    name: str
    source: str
    task: str
    classes: tuple
    channels: int
    pixel_size_nm: tuple | None = None
    phantom: bool = False
    licence: str = ""
    citation: str = ""
    url: str | None = None
    sha256: dict | None = None


class DatasetWriter:
    """Write a dataset into a hidden folder beside `folder`, and rename it into being when it is whole.

    Use as a context manager; on an error nothing is left behind.

    >>> with DatasetWriter(folder) as writer:                         # doctest: +SKIP
    ...     writer.add("00", image, mask=mask, group="section 00")
    ...     writer.finish(info)
    """

    def __init__(self, folder):
        self.folder = Path(folder)
        self._part = self.folder.with_name(f".{self.folder.name}.part")
        self._rows = []
        self._names = set()
        self._info = None

    def __enter__(self):
        shutil.rmtree(self._part, ignore_errors=True)
        (self._part / "images").mkdir(parents=True)
        return self

    def __exit__(self, kind, error, trace):
        try:
            if kind is None:
                self._publish()
        finally:
            shutil.rmtree(self._part, ignore_errors=True)

    def add(self, name, image, mask=None, label="", group=None, split=""):
        """Add one image.

        Parameters
        ----------
        name : str
            Unique, usable as a file's stem.
        image : ndarray of shape (H, W, C) or path-like
            Pixels are written as PNG; a file is copied byte for byte.
        mask : ndarray, shape (H, W), bool, optional
        label : str
            The class's name (classification).
        group : str, optional
            The smallest independent unit that it belongs to (patient, sequence, photograph); itself by default.
        split : {"", "train", "val", "test"}
            Where the source itself assigns one.
        """
        if name in self._names:
            raise UserError(f"expected one image of each name, received a second {name!r}")
        self._names.add(name)
        if isinstance(image, (str, Path)):
            file = f"images/{name}{Path(image).suffix.lower()}"
            shutil.copyfile(image, self._part / file)
        else:
            file = f"images/{name}.png"
            write_png(self._part / file, image)
        row = {"name": name, "image": file, "mask": "", "label": label, "group": group or name, "split": split}
        if mask is not None:
            row["mask"] = f"masks/{name}.png"
            (self._part / "masks").mkdir(exist_ok=True)
            write_png(self._part / row["mask"], mask)
        self._rows.append(row)

    def finish(self, info):
        """Say what the dataset is; without this call nothing is published."""
        self._info = info

    def _publish(self):
        if self._info is None or not self._rows:
            raise UserError(f"{self.folder}: expected at least one image, received none")
        pd.DataFrame(self._rows, columns=COLUMNS).to_csv(self._part / "images.csv", index=False)
        (self._part / "dataset.json").write_text(json.dumps(asdict(self._info), indent=2) + "\n")
        shutil.rmtree(self.folder, ignore_errors=True)
        self._part.rename(self.folder)


def read_info(folder):
    """Read ``dataset.json`` of a folder as `DatasetInfo`.

    Raises
    ------
    UserError
        If it is damaged.
    """
    path = Path(folder) / "dataset.json"
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
        values["classes"] = tuple(values["classes"])
        if values["pixel_size_nm"] is not None:
            values["pixel_size_nm"] = tuple(values["pixel_size_nm"])
        return DatasetInfo(**values)
    except (ValueError, KeyError, TypeError) as error:
        raise UserError(f"{path}: expected a description of the dataset, received: {error}; `dvc repro` makes it anew") from error


def read_table(path):
    """Read ``images.csv`` or ``split.csv``: every cell is text, and a missing one is an empty text.

    Raises
    ------
    UserError
        If it is damaged.
    """
    try:
        table = pd.read_csv(path, dtype=str, keep_default_na=False)
    except (ValueError, pd.errors.ParserError) as error:
        raise UserError(f"{path}: expected a table, received: {str(error).strip()}; `dvc repro` makes it anew") from error
    missing = [column for column in COLUMNS if column not in table]
    if missing:
        raise UserError(
            f"{path}: expected the columns {', '.join(COLUMNS)}, {', '.join(missing)} missing; `dvc repro` makes it anew"
        )
    return table
