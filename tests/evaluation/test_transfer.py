"""What networks cannot be scored on is refused with both sides of the difference."""

import pandas as pd
import pytest

from pipeline import paths
from pipeline.datasets.layout import DatasetInfo
from pipeline.errors import UserError
from pipeline.evaluation.test_split import open_every_image
from pipeline.evaluation.transfer import _refuse_other_images

SEGMENTATION, CLASSIFICATION = "segmentation", "classification"
REFUSED = [
    (SEGMENTATION, ("background", "a"), CLASSIFICATION, ("background", "a"), 3, "expected task segmentation as in training"),
    (SEGMENTATION, ("background", "a"), SEGMENTATION, ("background", "a"), 1, "expected channels 3 as in training, received 1"),
    (
        SEGMENTATION,
        ("background", "a"),
        SEGMENTATION,
        ("background", "a", "b"),
        3,
        r"received \['background', 'a', 'b'\] from other",
    ),
    (SEGMENTATION, ("background", "a", "b"), SEGMENTATION, ("background", "b", "a"), 3, "expected classes"),
    (
        CLASSIFICATION,
        ("a", "b"),
        CLASSIFICATION,
        ("a", "c"),
        3,
        r"expected classes \['a', 'b'\] as in training, received \['a', 'c'\]",
    ),
]


@pytest.mark.parametrize(("task", "classes", "other_task", "other_classes", "channels", "told"), REFUSED)
def test_other_images_than_those_of_the_training_are_refused(task, classes, other_task, other_classes, channels, told):
    card = {"task": task, "classes": classes, "channels": 3}
    with pytest.raises(UserError, match=f"transfers.k: .*{told}"):
        _refuse_other_images("transfers.k", card, DatasetInfo("other", "folder", other_task, other_classes, channels))


@pytest.mark.parametrize(
    ("task", "classes", "other"),
    [(SEGMENTATION, ("background", "polyp"), ("ground", "lesion")), (CLASSIFICATION, ("a", "b"), ("b", "a"))],
)
def test_foregrounds_of_any_name_and_classes_in_any_order_are_taken(task, classes, other):
    _refuse_other_images("k", {"task": task, "classes": classes, "channels": 3}, DatasetInfo("other", "folder", task, other, 3))


def test_the_split_of_other_images_does_not_part_neighbours(tmp_path, monkeypatch):
    """A network with context sees the sections beside each, whatever side of a split they would be on."""
    monkeypatch.chdir(tmp_path)
    paths.patches("cells").mkdir(parents=True)
    columns = {"name": list("abcd"), "image": list("abcd"), "group": list("abcd"), "split": ["train", "test", "val", ""]}
    pd.DataFrame(columns | {"mask": "", "unit": ["1", "2", "3", ""]}).to_csv(paths.patches("cells") / "split.csv", index=False)
    found = open_every_image("cells")
    assert [record["place"] for record in found] == [0, 1, 2, 3] and found[0]["run"] == list("abcd")
    assert [record["unit"] for record in found] == ["1", "2", "3", "left out"]
