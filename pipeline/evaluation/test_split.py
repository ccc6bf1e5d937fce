"""The test split, those of all folds, or all images of another data set: the one place that opens them.

Images whose pixels are all ignored are left out: borders and objects of nothing would be perfect ones.
"""

import hashlib

from pipeline import paths
from pipeline.atomic import digest
from pipeline.datasets.layout import read_table
from pipeline.errors import UserError
from pipeline.images.io import IGNORED, read_image, read_instances, read_mask
from pipeline.images.sections import context_of, read_with_neighbours, with_runs


def open_test_split(dataset, folds=1):
    """The test images of a data set, fold after fold, as rows of ``split.csv``: name, image, mask, label, group, unit.

    `fold` is added: which network may be scored on the image. Each image is in one fold. So are `run` and `place`, which tell its
    neighbours (see `pipeline.images.sections.with_runs`).
    """
    tables = [read_table(paths.patches(dataset, fold) / "split.csv").assign(fold=fold) for fold in range(folds)]
    return _scorable(dataset, [row for table in map(with_runs, tables) for _, row in table[table["split"] == "test"].iterrows()])


def open_every_image(dataset):
    """All images of a data set, for networks of another one, as `open_test_split` gives some of them.

    There are no sides here, so all sections of a volume are neighbours. Those that no side has are one unit together.
    """
    table = read_table(paths.patches(dataset) / "split.csv")
    table = table.assign(fold=0, split="", unit=table["unit"].replace("", "left out"))
    return _scorable(dataset, [record for _, record in with_runs(table).iterrows()])


def _scorable(dataset, records):
    """Those of the images that have a label, or a mask with any pixel that is not ignored. All masks are of one type."""
    if records and records[0]["mask"] and open_mask(dataset, records[0]).dtype == bool:
        return records
    found = [record for record in records if not record["mask"] or (open_mask(dataset, record) != IGNORED).any()]
    if not found:
        raise UserError(
            f"{paths.raw(dataset)}: no test image can be scored, because datasets.{dataset}.folder.ignore leaves out all their "
            "pixels; choose another split"
        )
    return found


def count_shared(dataset, records, other):
    """How many images also belong to another data set, byte for byte."""
    known = {digest(path) for path in (paths.raw(other) / "images").iterdir()}
    return sum(digest(paths.raw(dataset) / record["image"]) in known for record in records)


def open_image(dataset, record):
    """Read one test image, shape (H, W, C), in the numbers of its file, at its original resolution."""
    return read_image(paths.raw(dataset) / record["image"])


def open_scaled(dataset, record, model):
    """Read one test image as a model takes it: scaled, with the neighbours that it was trained with (H, W, C)."""
    return read_with_neighbours(record, context_of(model.card), lambda file: model.scaled(read_image(paths.raw(dataset) / file)))


def open_mask(dataset, record):
    """Read the mask of one test image (see `pipeline.images.io.read_mask`)."""
    return read_mask(paths.raw(dataset) / record["mask"])


def open_instances(dataset, record):
    """Read the object numbers of one test image, shape (H, W), uint32; None if the data set does not tell objects apart."""
    return read_instances(paths.raw(dataset) / record["instances"]) if record["instances"] else None


def fingerprint(dataset, records):
    """Name the test set by its content: six letters. Scores with the same letters can be compared, whatever the folds."""
    found = hashlib.md5(usedforsecurity=False)
    for record in sorted(records, key=lambda record: record.name):  # the row of ``split.csv``
        found.update(f"{record['name']}\n{record['label']}\n".encode())
        for column in ("image", "mask", "instances"):
            if record[column]:
                found.update((paths.raw(dataset) / record[column]).read_bytes())
    return found.hexdigest()[:6]


def independent_units(records, card):
    """Describe the independent units of the test set: ``name``, such as "block of 2 images (96 nm)", ``count``, and ``alike``.

    Neighbouring units that are alike make intervals too narrow. `card` is ``dataset.json`` of the patches or ``audit.json``: both
    hold what `assign_units` said.
    """
    unit = card["unit"]
    alike = unit["images"] is not None and unit["images"] < unit["measured"]
    return {"name": unit["name"], "count": len({record["unit"] for record in records}), "alike": alike}
