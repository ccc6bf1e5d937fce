"""Each image is tested once, no group is on two sides, and the folds hold equally much."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from pipeline.errors import UserError
from pipeline.params.dataset import Split
from pipeline.patches.duplicates import count_pairs
from pipeline.patches.folds import assign_folds, contiguous, deal, roles
from pipeline.patches.units import assign_units


def table(groups, splits=None):
    names = [f"{number}" for number in range(len(groups))]
    return pd.DataFrame({"name": names, "label": "", "group": groups, "split": splits or [""] * len(groups)})


def folds_of(groups, rule, grouped=False, seed=0):
    """The table of each fold."""
    dealt = assign_folds(table(groups), rule, np.ones((len(groups), 1)), seed, grouped)
    return [roles(dealt, rule, fold, grouped) for fold in range(rule.folds)]


def test_no_images_at_all_are_an_error():
    with pytest.raises(UserError, match=r"at least as many groups as split\.folds 3, received 0"):
        folds_of([], Split(folds=3))


def test_groups_by_hand():
    """The largest group first, each into the lightest fold: 4 | 3 | 2, then 2 into the third, and 1 into the second."""
    groups = np.array(list("aaaabbbccdde"))
    dealt = deal(groups, np.ones((12, 1)), 3, np.random.default_rng(0))
    assert np.bincount(dealt).tolist() == [4, 4, 4]
    assert len({*dealt[:4]}) == len({*dealt[4:7], dealt[11]}) == len({*dealt[7:11]}) == 1


def test_blocks_by_hand():
    found = [each["split"].tolist() for each in folds_of(list("abcdefghi"), Split(method="blocks", folds=3, gap=1))]
    assert found[0] == ["test"] * 3 + ["", "val", "val", "", "train", "train"]
    assert found[1] == ["train", "train", ""] + ["test"] * 3 + ["", "val", "val"]
    assert found[2] == ["val"] * 3 + ["", "train", ""] + ["test"] * 3


def test_blocks_of_stated_groups_fall_between_them():
    assert contiguous(np.array(list("aaaabbc")), 3).tolist() == [0, 0, 0, 0, 1, 1, 2]
    assert contiguous(np.array(list("abbbbbb")), 2).tolist() == [0] + [1] * 6
    mixed = folds_of(list("abab") + list("cc"), Split(method="blocks", folds=3), grouped=True)
    assert mixed[0]["split"].tolist() == ["test", "val", "test", "val", "train", "train"]


def test_blocks_tell_the_parts_of_one_volume_apart_and_number_its_units():
    rule = Split(method="blocks", folds=3)
    dealt = assign_folds(table(["volume"] * 9), rule, np.ones((9, 1)))
    assert dealt["group"].unique().tolist() == ["volume fold 0", "volume fold 1", "volume fold 2"]
    info = type("Info", (), {"depth_nm": None})
    found, unit = assign_units(dealt, rule, info, False, lambda places: np.eye(9)[places])
    assert found["unit"].nunique() == 9 and unit["name"] == "image"


def test_folds_are_balanced_by_foreground_too():
    """Eight groups of one image, four of them with foreground: each fold of two has one of these."""
    weights = np.column_stack([np.ones(8), [9, 0, 9, 0, 9, 9, 0, 0]])
    dealt = deal(np.arange(8), weights, 4, np.random.default_rng(1))
    assert np.bincount(dealt, weights[:, 0]).tolist() == [2] * 4 and np.bincount(dealt, weights[:, 1]).tolist() == [9] * 4


def test_each_class_is_in_each_fold_however_rare():
    labels = np.repeat([0, 1], [60, 5])
    dealt = deal(np.arange(65), np.column_stack([np.ones(65), np.eye(2)[labels]]), 5, np.random.default_rng(2))
    assert np.bincount(dealt[labels == 1]).tolist() == [1] * 5
    assert np.bincount(dealt).tolist() == [13] * 5


def test_the_seed_draws_the_groups():
    draws = [
        [each["split"].tolist() for each in folds_of([f"g{n // 2}" for n in range(40)], Split(folds=4), seed=s)]
        for s in (0, 0, 1)
    ]
    assert draws[0] == draws[1] != draws[2]


def test_a_stated_split_refuses_folds():
    with pytest.raises(UserError, match=r"the source states a split \(test, train\), which is kept; set split.folds to 1"):
        assign_folds(table(list("abcd"), ["train"] * 3 + ["test"]), Split(folds=3), np.ones((4, 1)))


def test_a_gap_that_leaves_no_validation_is_an_error():
    with pytest.raises(UserError, match=r"no image is left for val in fold 0 of 3; decrease split\.gap"):
        folds_of(list("abcdef"), Split(method="blocks", folds=3, gap=2))


def test_a_pair_counts_once_however_many_splits_part_it():
    first, second = ["train", "train", "val", "test"], ["test", "", "train", "train"]
    assert count_pairs(first, second) == 5  # all but the two that train first: one of them is left out of the second
    assert count_pairs(first, first) == count_pairs(first) == 5


@given(
    groups=st.lists(st.sampled_from("abcdefghijkl"), min_size=3, max_size=60),
    method=st.sampled_from(["blocks", "groups", "random"]),
    grouped=st.booleans(),
    folds=st.integers(3, 6),
    gap=st.integers(0, 3),
    seed=st.integers(0, 9),
)
def test_every_image_is_tested_once_and_no_group_is_on_two_sides(groups, method, grouped, folds, gap, seed):
    rule = Split(method=method, folds=folds, gap=gap)
    try:
        found = folds_of(groups, rule, grouped, seed)
    except UserError:
        assume(False)
    tested = sum((each["split"] == "test").astype(int) for each in found)
    assert (tested == 1).all()
    for each in found:
        used = each[each["split"] != ""]
        assert set(used["split"]) == {"train", "val", "test"}
        assert method == "blocks" or len(used) == len(each)
        if method == "groups" or grouped:
            assert used.groupby("group")["split"].nunique().max() == 1
        if method == "blocks" and not grouped:
            order = each["split"].to_numpy()
            for one, other in zip(*np.triu_indices(len(order), 1), strict=True):
                assert other - one > gap or order[one] == order[other] or "" in (order[one], order[other])
    if method != "blocks":
        sizes = [(each["split"] == "test").sum() for each in found]
        largest = max(map(groups.count, groups)) if method == "groups" or (grouped and len(set(groups)) > 1) else 1
        assert max(sizes) - min(sizes) <= largest
