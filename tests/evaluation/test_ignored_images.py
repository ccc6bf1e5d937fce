"""Of images whose pixels are all ignored there is nothing to score."""

import numpy as np
import pandas as pd
import pytest

from pipeline import paths
from pipeline.datasets.layout import DatasetInfo, DatasetWriter
from pipeline.errors import UserError
from pipeline.evaluation.test_split import open_every_image, open_test_split


@pytest.fixture
def cells(tmp_path, monkeypatch):
    """Three sections of a volume, of which someone outlined the middle one: ``cells(split)`` says on which side each is."""
    monkeypatch.chdir(tmp_path)
    with DatasetWriter(paths.raw("cells")) as writer:
        for name, value in (("a", 255), ("b", 1), ("c", 255)):
            writer.add(name, np.zeros((4, 4), np.uint8), np.full((4, 4), value, np.uint8))
        writer.finish(DatasetInfo("cells", "folder", "segmentation", ("background", "cell"), 1))
    table = pd.read_csv(paths.raw("cells") / "images.csv", keep_default_na=False)

    def split_as(split):
        paths.patches("cells").mkdir(parents=True, exist_ok=True)
        table.assign(split=split, group="", unit="u").to_csv(paths.patches("cells") / "split.csv", index=False)

    return split_as


def test_they_are_not_scored_but_are_neighbours(cells):
    cells("test")
    for records in (open_test_split("cells"), open_every_image("cells")):
        assert [record["name"] for record in records] == ["b"]
        assert len(records[0]["run"]) == 3 and records[0]["place"] == 1


def test_a_test_split_of_nothing_else_is_refused(cells):
    cells(["test", "train", "test"])
    with pytest.raises(UserError, match="no test image can be scored"):
        open_test_split("cells")
