"""What networks cannot be scored on is refused with both sides of the difference."""

import pytest

from pipeline.datasets.layout import DatasetInfo
from pipeline.errors import UserError
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
