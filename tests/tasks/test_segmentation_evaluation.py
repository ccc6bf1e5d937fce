"""Which images a segmentation's panels show, and the loss of one image."""

import numpy as np
import pytest

from pipeline.tasks.segmentation.evaluation import _loss
from pipeline.tasks.segmentation.evaluation.pictures import _shown

# By the test images, the hardest first: each that is shown, and what its rank is called.
RANKS = [
    ([], []),
    ([0], [(0, "best")]),
    ([1, 0], [(1, "worst"), (0, "best")]),
    ([2, 0, 1], [(2, "worst"), (0, "median"), (1, "best")]),
    ([3, 1, 5, 6, 2, 0, 4], [(3, "worst"), (6, "median"), (0, "rank 2 of 7"), (4, "best")]),
    (
        [1, 0, 2, 8, 5, 6, 7, 4, 3],
        [(1, "worst"), (0, "rank 8 of 9"), (8, "rank 6 of 9"), (5, "median"), (4, "rank 2 of 9"), (3, "best")],
    ),
]


@pytest.mark.parametrize(("ranked", "expected"), RANKS)
def test_the_best_and_the_worst_are_always_shown(ranked, expected):
    assert _shown(ranked) == expected


def test_two_experiments_share_the_panels_of_three_images():
    one, other = ({position for position, _ in _shown(ranked)} for ranked in (list(range(40)), list(range(39, -1, -1))))
    assert one & other >= {0, 20, 39}


@pytest.mark.parametrize("name", ["bce_dice", "bce", "dice", "focal", "tversky"])
def test_ignored_pixels_are_not_in_the_loss_of_a_model_whose_own_masks_had_none(name):
    """As in a transfer: a perfect prediction costs nothing, whatever it says of the pixels that are left out."""
    mask = np.array([[1, 0, 255], [1, 0, 255]], np.uint8)
    probability = np.array([[1, 0, 1], [1, 0, 0]], np.float32)
    assert abs(_loss(name, {"classes": ["background", "cell"]}, mask, probability)) < 1e-3
