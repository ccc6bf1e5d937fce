"""The test split: the one place that opens it."""

from pipeline import paths
from pipeline.datasets.layout import read_table
from pipeline.images.io import read_image, read_mask


def open_test_split(dataset):
    """The test images of a data set, as rows of ``split.csv``: name, image, mask, label, group, unit."""
    table = read_table(paths.patches(dataset) / "split.csv")
    return [record for _, record in table[table["split"] == "test"].iterrows()]


def open_image(dataset, record):
    """Read one test image, shape (H, W, C), uint8 or uint16, at its original resolution."""
    return read_image(paths.raw(dataset) / record["image"])


def open_mask(dataset, record):
    """Read the mask of one test image (see `pipeline.images.io.read_mask`)."""
    return read_mask(paths.raw(dataset) / record["mask"])


def independent_units(records, card):
    """Say what the independent units of the test set are (``name``, such as "block of 2 images"), and their ``count``.

    `records` come from `open_test_split`; `card` is ``dataset.json`` of the patches, which says how they were split.
    """
    names = {record["unit"] for record in records}
    if card["split_method"] == "blocks":
        return {"name": f"block of {card['split_block']} images" if card["split_block"] > 1 else "image", "count": len(names)}
    alone = all(record["unit"] == record["name"] for record in records)
    return {"name": "image" if alone else "group", "count": len(names)}
