"""Which images resemble each other."""

import numpy as np
import pytest

from pipeline.planning.likeness import neighbour_correlations, suggested_pattern


@pytest.mark.parametrize(
    ("stems", "pattern"),
    [
        (["p1_1", "p1_2", "p2_1", "p2_2", "p3_1", "p3_2"], "^([^_]+)_"),
        (["_7_1", "_7_2", "_8_1", "_8_2", "_9_1", "_9_2"], "^(_[^_]+)_"),
        (["day1 p1-1", "day1 p1-2", "day1 p2-1", "day1 p2-2", "day1 p3-1", "day1 p3-2"], r"^([^\ \-]+[\ \-][^\ \-]+)[\ \-]"),
        (["cell_1", "cell_2", "cell_3", "cell_4"], None),
        (["a1", "a2", "b1", "b2"], None),
        (["a_1", "b_1", "c_1", "d_1"], None),
    ],
)
def test_names_suggest_groups_or_none(stems, pattern):
    assert suggested_pattern(stems) == pattern


def test_neighbours_of_a_series_are_alike_and_of_others_are_not():
    rng = np.random.default_rng(0)
    steps = rng.normal(size=(40, 64)).cumsum(axis=0)
    assert neighbour_correlations(steps, range(40))[0] > 0.8
    assert abs(neighbour_correlations(rng.permutation(steps), range(40))[0]) < 0.3
    everywhere_alike = rng.normal(size=64) * 9 + rng.normal(size=(40, 64))  # objects prefer some places
    assert abs(neighbour_correlations(everywhere_alike, range(40))[0]) < 0.1


@pytest.mark.parametrize("share", [0.2, 0.35, 0.5])
def test_empty_masks_are_not_alike_because_they_are_empty(share):
    rng = np.random.default_rng(0)
    filled = rng.random(200) < share
    content = np.where(filled[:, None], np.eye(64)[rng.integers(64, size=200)], 0)
    assert abs(neighbour_correlations(content, range(200))[0]) < 0.1


def test_places_that_were_not_looked_at_are_no_neighbours():
    content = np.eye(4)[[0, 0, 1, 1]]
    np.testing.assert_allclose(neighbour_correlations(content, [0, 1, 5, 6], most=1), [1])


NAMES = ["benign", "malignant", "normal"]


@pytest.mark.parametrize(
    ("stems", "labels", "pattern"),
    [
        ([f"{name} ({n})" for name in NAMES for n in range(12)], [name for name in NAMES for _ in range(12)], None),
        ([f"{c}_p{p}_{n}" for c in "abc" for p in range(4) for n in range(3)], sorted(12 * "abc"), "^([^_]+_[^_]+)_"),
        ([f"tumor_{n}" for n in range(9)], ["tumor"] * 9, None),
        ([f"{name}_p{p}_{n}" for name in NAMES for p in range(4) for n in range(3)], None, "^([^_]+_[^_]+)_"),
        ([f"{name}_{n}" for name in NAMES for n in range(12)], None, "^([^_]+)_"),  # which `compare` doubts
    ],
)  # fmt: skip
def test_the_name_of_a_class_is_no_patient(stems, labels, pattern):
    assert suggested_pattern(stems, labels) == pattern
