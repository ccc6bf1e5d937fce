"""Sections with their neighbours: within a group and a side of the split, and nowhere else."""

import numpy as np
import pandas as pd
from hypothesis import given
from hypothesis import strategies as st

from pipeline.images.sections import around, join, neighbours, taken_apart, with_runs


def seen(rows, context, split="train"):
    """The letters that stand for the images that each image of one role is seen with; `rows` are (letter, group, split)."""
    table = pd.DataFrame(rows, columns=["image", "group", "split"])
    return ["".join(neighbours(record, context)) for record in with_runs(table[table["split"] == split]).itertuples()]


def test_neighbours_stand_around_an_image_and_the_ends_stand_for_what_is_missing():
    assert seen([(letter, letter, "train") for letter in "abcd"], 1) == ["aab", "abc", "bcd", "cdd"]
    assert seen([(letter, letter, "train") for letter in "ab"], 2) == ["aaabb", "aabbb"]


def test_no_neighbour_is_of_another_group():
    assert seen([("a", "x", "train"), ("b", "x", "train"), ("c", "y", "train"), ("d", "y", "train")], 1) == [
        "aab", "abb", "ccd", "cdd",
    ]  # fmt: skip


def test_no_neighbour_is_of_another_side_or_beyond_a_gap():
    rows = [
        ("a", "a", "train"),
        ("b", "b", "train"),
        ("c", "c", ""),
        ("d", "d", "test"),
        ("e", "e", "train"),
        ("f", "f", "train"),
    ]
    assert seen(rows, 1) == ["aab", "abb", "eef", "eff"]
    assert seen(rows, 1, "test") == ["ddd"]


@given(st.integers(1, 4), st.integers(0, 3), st.integers(0, 5))
def test_what_is_joined_can_be_taken_apart(channels, context, place):
    sections = [np.full((2, 3, channels), near) for near in around(place, 0, 5, context)]
    apart = taken_apart(join(sections), context)
    assert [part.flat[0] for part in apart] == around(place, 0, 5, context)
    np.testing.assert_array_equal(apart[context], np.full((2, 3, channels), place))
