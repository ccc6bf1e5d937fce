"""No group ever has two roles, and every image that was not left out has one."""

import pandas as pd
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from pipeline.errors import UserError
from pipeline.params.dataset import Split
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


def test_no_images_at_all_are_an_error():
    with pytest.raises(UserError, match="no image is left for train of 0 images"):
        assign_splits(table([]), Split(method="blocks"))


def test_blocks_by_hand():
    roles = assign_splits(table(list("abcdefghij")), Split(method="blocks", val=0.2, test=0.2, gap=1))["split"].tolist()
    assert roles == ["train"] * 4 + [""] + ["val"] * 2 + [""] + ["test"] * 2


def test_blocks_of_stated_groups_by_hand():
    rule, mixed = Split(method="blocks", val=0.2, test=0.2, gap=1), list("aabacccdddd")
    roles = assign_splits(table(mixed), rule, grouped=True)["split"].tolist()  # aaa train, b is the gap, cc val, c is the gap
    assert roles == ["train", "train", "", "train", "val", "val", ""] + ["test"] * 4
    roles = assign_splits(table(mixed), rule)["split"].tolist()
    assert roles == ["train"] * 5 + [""] + ["val"] * 2 + [""] + ["test"] * 2


def test_two_stated_groups_are_too_few_for_three_roles():
    with pytest.raises(UserError, match=r"no image is left for train of 9 images in 2 groups .* add groups"):
        assign_splits(table(list("aaaaabbbb")), Split(method="blocks", val=0.2, test=0.2), grouped=True)


def test_blocks_cut_through_a_single_stated_group():
    result = assign_splits(table(["volume"] * 10), Split(method="blocks", val=0.2, test=0.2), grouped=True)
    assert result["split"].tolist() == ["train"] * 6 + ["val"] * 2 + ["test"] * 2


def test_vnc_sections_fall_as_documented():
    roles = assign_splits(table([f"{i:02d}" for i in range(20)]), Split(method="blocks", val=0.15, test=0.2))["split"]
    assert roles.tolist() == ["train"] * 13 + ["val"] * 3 + ["test"] * 4


def test_blocks_tell_the_parts_of_one_volume_apart():
    result = assign_splits(table(["volume"] * 10), Split(method="blocks", val=0.2, test=0.2))
    assert result.groupby("group")["split"].nunique().max() == 1
    assert set(result["group"]) == {"volume train", "volume val", "volume test"}


def test_a_stated_split_is_kept_and_only_validation_is_cut_from_train():
    stated = ["train"] * 8 + ["test"] * 4
    result = assign_splits(table(list("aabbccdd") + list("wxyz"), splits=stated), Split(val=0.25, test=0.6))
    assert (result["split"][8:] == "test").all()
    assert (result["split"][:8] == "val").sum() == 2
    assert result["group"][result["split"] == "val"].nunique() == 1


def test_a_half_stated_split_is_an_error():
    with pytest.raises(UserError, match="states a split for some images only; state one for 1 too"):
        assign_splits(table(list("ab"), splits=["train", ""]), Split(method="blocks"))


def test_too_few_groups_are_an_error():
    told = (
        r"no image is left for val of 6 images in 2 groups .*; each of train, val, test needs one of the groups, and there are 2"
    )
    with pytest.raises(UserError, match=told):
        assign_splits(table(list("aaabbb")), Split(val=0.2, test=0.2))


@pytest.mark.parametrize("method", ["groups", "blocks", "random"])
def test_two_images_are_too_few_whatever_the_shares(method):
    with pytest.raises(UserError, match="each of train, val, test needs one of the images, and there are 2: add images"):
        assign_splits(table(list("ab")), Split(method=method, val=0.4, test=0.4))
    with pytest.raises(UserError, match=r"increase split\.val or add images"):
        assign_splits(table(list("abcdef")), Split(method=method, val=0.0, test=0.4))


def test_classes_of_two_images_are_too_few():
    with pytest.raises(UserError, match="needs one of the images of each class, and there are 2: add images of each class"):
        assign_splits(table(list("abcd"), ["x", "x", "y", "y"]), Split(method="groups"))


def test_random_is_by_image_and_leaks():
    result = assign_splits(table(["same patient"] * 50), Split(method="random", val=0.2, test=0.2))
    assert result["split"].value_counts().to_dict() == {"train": 30, "val": 10, "test": 10}


def test_every_class_is_on_every_side_where_groups_have_one_class():
    labels = ["rare"] * 6 + ["common"] * 60
    groups = [f"{label}{i % (3 if label == 'rare' else 20)}" for i, label in enumerate(labels)]
    result = assign_splits(table(groups, labels), Split(val=0.2, test=0.2), seed=3)
    assert (result.groupby("split")["label"].nunique() == 2).all()


@pytest.mark.parametrize("seed", range(6))
def test_a_group_with_most_of_the_images_is_for_training_and_the_others_do_for_val_and_test(seed):
    result = assign_splits(table(list("aaaaaaaabc")), Split(val=0.2, test=0.2), seed)
    assert result["split"].tolist()[:8] == ["train"] * 8 and set(result["split"]) == {"train", "val", "test"}


def test_blocks_cut_classes_that_follow_each_other_one_by_one():
    """Else the last class alone would be tested; classes that take turns are of one series, whose neighbours stay together."""
    rule = Split(method="blocks", val=0.2, test=0.2)
    cut = assign_splits(table([f"{n}" for n in range(10)], ["a"] * 5 + ["b"] * 5), rule)
    assert cut["split"].tolist() == ["train", "train", "train", "val", "test"] * 2
    cut = assign_splits(table([f"{n}" for n in range(10)], ["a", "b"] * 5), rule)
    assert cut["split"].tolist() == ["train"] * 6 + ["val"] * 2 + ["test"] * 2


def test_the_seed_draws_the_groups():
    groups = [f"g{i // 3}" for i in range(60)]
    draws = [assign_splits(table(groups), Split(val=0.2, test=0.2), seed=s)["split"].tolist() for s in (0, 0, 1)]
    assert draws[0] == draws[1] != draws[2]


@given(
    groups=st.lists(st.sampled_from("abcdefghijkl"), min_size=3, max_size=60),
    method=st.sampled_from(["blocks", "groups", "random"]),
    grouped=st.booleans(),
    val=st.floats(0.05, 0.4),
    test=st.floats(0.05, 0.4),
    gap=st.integers(0, 3),
    seed=st.integers(0, 9),
)
def test_no_group_has_two_roles(groups, method, grouped, val, test, gap, seed):
    assume(grouped or method != "random")
    try:
        result = assign_splits(table(groups), Split(method=method, val=val, test=test, gap=gap), seed, grouped)
    except UserError:
        assume(False)
    used = result[result["split"] != ""]
    assert used.groupby("group")["split"].nunique().max() == 1
    assert set(used["split"]) == {"train", "val", "test"}
    assert len(result) - len(used) <= (2 * gap if method == "blocks" else 0)
