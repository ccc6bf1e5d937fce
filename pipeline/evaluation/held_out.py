"""The test split: the one place that opens it."""

from pipeline import paths
from pipeline.images.dataset import read_table
from pipeline.images.io import read_image


def held_out_images(dataset):
    """Yield the test images of a dataset one by one.

    Yields
    ------
    record : pandas.Series
        name, mask, label, group as in ``split.csv``.
    image : ndarray, shape (H, W, C), uint8 or uint16
        At its original resolution.
    """
    table = read_table(paths.patches(dataset) / "split.csv")
    for _, record in table[table["split"] == "test"].iterrows():
        yield record, read_image(paths.raw(dataset) / record["image"])
