"""The one-standard-error rule, by hand."""

import warnings

import numpy as np

from pipeline.scoring.choice import choose
from pipeline.scoring.ratios import MEAN

DISTANCE = np.array([2, 1, 0])


def choice(*units):
    """Choose by the mean of what each unit scores with each of three settings."""
    return choose(np.stack([np.array(units, float), np.ones((len(units), 3))], axis=-1), MEAN, DISTANCE)


def test_one_unit_or_units_that_agree_choose_the_best():
    assert choice([3, 2, 1]) == 0
    assert choice([3, 2, 1], [5, 4, 3]) == 0


def test_a_difference_within_one_standard_error_chooses_the_nearest():
    # The second is 1 below the best in the mean of differences 0 and 2, whose standard error is 1; the third is 1.5 below.
    assert choice([3, 3, 1], [4, 2, 3]) == 1
    # Of differences 0.5 and 1.5, with the mean 1, the standard error is 0.5.
    assert choice([3, 2.5, 1], [4, 2.5, 2]) == 0


def test_settings_without_a_score_are_left_out_without_a_warning():
    counts = np.array([[[1, 1], [2, 1], [0, 0]], [[1, 1], [2, 1], [0, 0]]], float)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert choose(counts, MEAN, DISTANCE) == 1


def test_equal_scores_choose_the_nearest_and_so_does_nothing_defined():
    assert choice([1, 1, 1]) == 2
    assert choose(np.zeros((1, 3, 2)), MEAN, DISTANCE) == 2
