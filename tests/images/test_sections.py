"""Sections with their neighbours: within a group and a side of the split, and nowhere else."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.errors import UserError
from pipeline.images.sections import around, join, nearest, neighbours, with_runs


def seen(rows, context, split="train"):
    """The letters that stand for the images that each image of one role is seen with; `rows` are (letter, group, split)."""
    table = with_runs(pd.DataFrame(rows, columns=["image", "group", "split"]).assign(name=lambda table: table["image"]))
    return ["".join(neighbours(record, context)) for record in table[table["split"] == split].itertuples()]


def test_neighbours_stand_around_an_image_and_the_ends_stand_for_what_is_missing():
    assert seen([(letter, letter, "train") for letter in "abcd"], 1) == ["aab", "abc", "bcd", "cdd"]
    assert seen([(letter, letter, "train") for letter in "ab"], 2) == ["aaabb", "aabbb"]


def test_no_neighbour_is_of_another_group():
    assert seen([("a", "x", "train"), ("b", "x", "train"), ("c", "y", "train"), ("d", "y", "train")], 1) == [
        "aab", "abb", "ccd", "cdd",
    ]  # fmt: skip


def test_groups_of_one_image_are_no_series_and_groups_may_interleave():
    assert seen([("a", "x", "train"), ("b", "y", "train"), ("c", "z", "train")], 1) == ["aaa", "bbb", "ccc"]
    assert seen([("a", "x", "train"), ("b", "y", "train"), ("c", "x", "train"), ("d", "y", "train")], 1) == [
        "aac", "bbd", "acc", "bdd",
    ]  # fmt: skip


def test_an_image_may_be_called_like_its_group():
    """m0, m0_b and m0_c are a group, of which the first has the name."""
    groups = ["m0"] * 3 + ["m1"] * 3
    names = ["m0", "m0_b", "m0_c", "m1", "m1_b", "m1_c"]
    columns = {"name": names, "image": names, "group": groups, "split": "train"}
    assert [record.run for record in with_runs(pd.DataFrame(columns)).itertuples()][::3] == [names[:3], names[3:]]


def test_a_volume_ends_before_its_group_does_and_goes_on_where_groups_were_named_anew():
    """Two files of an animal; and one file whose parts were dealt to two folds of training."""
    rows = [("a", "x", "1"), ("b", "x", "1"), ("c", "x", "2"), ("d", "x", "2"), ("e", "y 1", "3"), ("f", "y 2", "3")]
    table = pd.DataFrame(rows, columns=["image", "group", "volume"]).assign(split="train")
    table = with_runs(table.assign(name=table["image"]))
    assert ["".join(neighbours(record, 1)) for record in table.itertuples()] == ["aab", "abb", "ccd", "cdd", "eef", "eff"]


def test_sections_of_two_sizes_are_told():
    with pytest.raises(UserError, match="here: expected neighbouring sections of one size, received 2 × 3 and 4 × 3"):
        join([np.zeros((2, 3, 1)), np.zeros((4, 3, 1))], "here")


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
    joined = join(sections, "")
    assert [part.flat[0] for part in np.split(joined, 2 * context + 1, axis=-1)] == around(place, 0, 5, context)
    np.testing.assert_array_equal(nearest(joined, context, 0), np.full((2, 3, channels), place))
