"""No group ever has two roles, and every image that was not left out has one."""

import pandas as pd
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from pipeline.errors import UserError
from pipeline.patches.split import assign_splits


def table(groups, labels=None, splits=None):
    count = len(groups)
    return pd.DataFrame(
        {
            "name": [f"{i}" for i in range(count)],
            "label": labels or [""] * count,
            "group": groups,
            "split": splits or [""] * count,
        }
    )


def test_no_images_at_all_is_told():
    with pytest.raises(UserError, match="at least one image for train"):
        assign_splits(table([]), "blocks", 0.2, 0.2)


def test_blocks_by_hand():
    roles = assign_splits(table(list("abcdefghij")), "blocks", val=0.2, test=0.2, gap=1)["split"].tolist()
    assert roles == ["train"] * 4 + [""] + ["val"] * 2 + [""] + ["test"] * 2


def test_vnc_sections_fall_as_documented():
    roles = assign_splits(table([f"{i:02d}" for i in range(20)]), "blocks", val=0.15, test=0.2)["split"]
    assert roles.tolist() == ["train"] * 13 + ["val"] * 3 + ["test"] * 4


def test_blocks_tell_the_parts_of_one_volume_apart():
    result = assign_splits(table(["volume"] * 10), "blocks", val=0.2, test=0.2)
    assert result.groupby("group")["split"].nunique().max() == 1
    assert set(result["group"]) == {"volume train", "volume val", "volume test"}


def test_a_stated_split_holds_and_only_validation_is_cut_from_train():
    stated = ["train"] * 8 + ["test"] * 4
    result = assign_splits(table(list("aabbccdd") + list("wxyz"), splits=stated), "groups", val=0.25, test=0.9)
    assert (result["split"][8:] == "test").all()
    assert (result["split"][:8] == "val").sum() == 2
    assert result["group"][result["split"] == "val"].nunique() == 1


def test_a_half_stated_split_is_refused():
    with pytest.raises(UserError, match="for every image or for none, received none for 1"):
        assign_splits(table(list("ab"), splits=["train", ""]), "blocks", 0.2, 0.2)


def test_too_few_groups_are_told():
    with pytest.raises(UserError, match="at least one image for val, received none of 6 images in 2 groups"):
        assign_splits(table(list("aaabbb")), "groups", 0.2, 0.2)


def test_random_is_by_image_and_leaks():
    result = assign_splits(table(["same patient"] * 50), "random", 0.2, 0.2)
    assert result["split"].value_counts().to_dict() == {"train": 30, "val": 10, "test": 10}


def test_every_class_is_on_every_side_where_groups_have_one_class():
    labels = ["rare"] * 6 + ["common"] * 60
    groups = [f"{label}{i % (3 if label == 'rare' else 20)}" for i, label in enumerate(labels)]
    result = assign_splits(table(groups, labels), "groups", 0.2, 0.2, seed=3)
    assert (result.groupby("split")["label"].nunique() == 2).all()


def test_the_seed_draws_the_groups():
    groups = [f"g{i // 3}" for i in range(60)]
    draws = [assign_splits(table(groups), "groups", 0.2, 0.2, seed=s)["split"].tolist() for s in (0, 0, 1)]
    assert draws[0] == draws[1] != draws[2]


@given(
    groups=st.lists(st.sampled_from("abcdefghijkl"), min_size=3, max_size=60),
    method=st.sampled_from(["blocks", "groups"]),
    val=st.floats(0.05, 0.4),
    test=st.floats(0.05, 0.4),
    gap=st.integers(0, 3),
    seed=st.integers(0, 9),
)
def test_no_group_has_two_roles(groups, method, val, test, gap, seed):
    try:
        result = assign_splits(table(groups), method, val, test, gap, seed)
    except UserError:
        assume(False)
    used = result[result["split"] != ""]
    assert used.groupby("group")["split"].nunique().max() == 1
    assert set(used["split"]) == {"train", "val", "test"}
    assert len(result) - len(used) <= (2 * gap if method == "blocks" else 0)
