"""The audit before training: identical images on two sides are an error, near-duplicates are counted."""

from itertools import islice

import numpy as np
import pandas as pd
import pytest

from pipeline import params
from pipeline.datasets.layout import DatasetInfo, DatasetWriter
from pipeline.datasets.sources.phantom import tissue
from pipeline.errors import UserError
from pipeline.images.io import IGNORED
from pipeline.params.dataset import Split
from pipeline.patches import audit
from pipeline.patches.audit import messages, refuse_identical, split_and_audit, summarize

RULE = Split(method="blocks", val=0.25, test=0.25)
AUDIT = params.load().audit


@pytest.fixture
def dataset(tmp_path):
    """Write images in order: of eight, the first four train, two validate, two test."""

    def write(images, splits=("",) * 8):
        with DatasetWriter(tmp_path / "raw") as writer:
            for number, image in enumerate(images):
                writer.add(f"i{number}", image, label="a", split=splits[number])
            writer.finish(DatasetInfo("tissue", "folder", "classification", ("a",), 3))
        return tmp_path / "raw"

    return write


@pytest.fixture(scope="module")
def tiles():
    return [image for _, image, _, _ in islice(tissue.tiles(5), 0, 240, 30)]


def audited(raw, rule=RULE, seed=0, **settings):
    """Table, pairs and summary."""
    [table], pairs, unit = split_and_audit(raw, rule, AUDIT.model_copy(update=settings), seed)
    return table, pairs, summarize([table], pairs, unit, AUDIT.correlation)


def test_a_clean_split_has_no_pairs_and_no_warning(dataset, tiles):
    table, pairs, summary = audited(dataset(tiles))
    assert pairs.empty
    assert summary == {
        "images": {"train": 4, "val": 2, "test": 2},
        "pairs": 4 * 2 + 4 * 2 + 2 * 2,
        "correlation": AUDIT.correlation,
        "identical": 0,
        "near": 0,
        "test_images_with_a_near_duplicate_in_train": 0,
        "unit": {"name": "image", "images": 1, "correlation": 0.0, "measured": 1, "test": 2},
    }
    assert list(messages([table], summary)) == [
        "4 train, 2 val, 2 test images",
        "0 of 20 pairs of images on different sides are near-duplicates",
        "2 independent units in test (image)",
    ]


def test_images_that_are_ignored_as_a_whole_are_no_units_and_no_split(tmp_path, capsys):
    def write(outlined):
        with DatasetWriter(tmp_path / "raw") as writer:
            for number in range(12):
                mask = np.full((8, 8), IGNORED, np.uint8)
                if number in outlined:
                    mask[:, : number // 2], mask[:, 6] = 1, 0
                writer.add(f"i{number:02d}", np.full((8, 8), 9 * number, np.uint8), mask)
            writer.finish(DatasetInfo("cells", "folder", "segmentation", ("background", "cell"), 1))
        return tmp_path / "raw"

    table, _, summary = audited(write({2, 3, 7, 10}), allow_identical=True)
    assert (table["unit"] != "").tolist() == [number in {2, 3, 7, 10} for number in range(12)]
    assert summary["unit"]["test"] == 1 and summary["images"]["test"] == 3
    assert "warning: " not in capsys.readouterr().out
    audited(write({0, 1, 7, 10}), allow_identical=True)
    assert "raw: warning: no mask for train has any cell" in capsys.readouterr().out
    for outlined, role in (({2, 10}, "val"), ({2, 7}, "test"), ({7, 10}, "train")):
        with pytest.raises(UserError, match=rf"folder\.ignore leaves out all pixels of the . images for {role}; choose another"):
            audited(write(outlined))
    folds = RULE.model_copy(update={"folds": 3})
    with pytest.raises(UserError, match="for val in fold 0"):
        audited(write({2, 10}), folds)


def test_warnings_name_what_is_doubtful_about_a_split(dataset, tiles):
    raw = dataset([*tiles[:7], tiles[0]])
    table = pd.read_csv(raw / "images.csv", keep_default_na=False)
    table.loc[[0, 3], "label"] = "b"
    table.to_csv(raw / "images.csv", index=False)
    table, _, summary = audited(raw, RULE.model_copy(update={"gap": 1}), allow_identical=True)
    lines = list(messages([table], summary))
    assert lines[:4] == [
        "2 train, 2 val, 2 test images; split.gap leaves out 2 of 8",
        "warning: split.gap leaves out 2 of 8 images; a smaller gap leaves more to train on",
        "warning: class b has no image for test",
        "1 of 12 pairs of images on different sides are near-duplicates",
    ]
    assert lines[4].startswith("warning: scores may be too good") and len(lines) == 6


def test_any_number_of_processes_finds_the_same(dataset, tiles, monkeypatch):
    raw = dataset([*tiles[:4], tiles[3][::-1], *tiles[5:]])
    _, alone, _ = audited(raw)
    monkeypatch.setattr(audit, "PARALLEL", 0)
    _, several, _ = audited(raw)
    assert several.equals(alone) and len(alone) == 1


STATED = ["train"] * 4 + ["val"] * 2 + ["test"] * 2


@pytest.mark.parametrize(
    ("splits", "method", "remedy"),
    [
        (None, "groups", "set audit.group: true to keep copies on one side; or set audit.allow_identical: true"),
        (None, "blocks", "set audit.group: true and split.method: groups (now blocks) to keep copies on one side; or set"),
        (STATED, "groups", "1 of these pairs are on two sides of the split that the source states, which audit.group does not"),
    ],
)
def test_identical_images_on_two_sides_are_refused_with_what_helps(dataset, tiles, splits, method, remedy):
    raw = dataset([*tiles[:7], tiles[0]], splits or [""] * 8)
    rule = Split(method=method, val=0.25, test=0.25)
    seed = next(seed for seed in range(9) if audited(raw, rule, seed)[1]["identical"].any())
    _, pairs, summary = audited(raw, rule, seed)
    with pytest.raises(UserError) as raised:
        refuse_identical(raw, pairs, rule, AUDIT, "leakage.csv")
    first, last = str(raised.value).splitlines()
    assert {"i0", "i7"} < set(first.replace("(", " ").split()) and first.endswith("are identical")
    assert last.startswith(f"{raw}: {remedy}")
    refuse_identical(raw, pairs, rule, AUDIT.model_copy(update={"allow_identical": True}), "leakage.csv")
    assert (summary["identical"], summary["near"]) == (1, 0)


def test_what_audit_group_mends_and_what_it_does_not_are_both_told(dataset, tiles):
    raw = dataset([tiles[0], tiles[0], *tiles[2:6], tiles[0], tiles[7]], ["train"] * 6 + ["test"] * 2)
    rule = Split(method="random", val=0.5)
    seed = next(seed for seed in range(9) if len(audited(raw, rule, seed)[1]) == 3)
    with pytest.raises(
        UserError, match=r"2 of these pairs .* remove one .*audit\.group: true and split\.method.* the other copies"
    ):
        refuse_identical(raw, audited(raw, rule, seed)[1], rule, AUDIT, "leakage.csv")


def test_the_error_shows_five_identical_pairs_and_where_all_are(dataset, tiles):
    raw = dataset([tiles[0]] * 8)
    with pytest.raises(UserError) as raised:
        refuse_identical(raw, audited(raw)[1], RULE, AUDIT, "reports/x/leakage.csv")
    lines = str(raised.value).splitlines()
    assert len(lines) == 7 and lines[5].endswith("raw: 15 more pairs are identical; reports/x/leakage.csv has all 20")


def test_copies_on_one_side_are_no_leak(dataset, tiles):
    assert audited(dataset([tiles[1], *tiles[1:]]))[1].empty


def test_near_duplicates_are_listed_and_allowed(dataset, tiles):
    brighter = np.clip(tiles[2].astype(int) + 9, 0, 255).astype(np.uint8)
    _, pairs, summary = audited(dataset([*tiles[:4], tiles[3][::-1], tiles[5], brighter, tiles[7]]))
    assert pairs[["name_a", "name_b"]].sort_values("name_a").values.tolist() == [["i2", "i6"], ["i3", "i4"]]
    assert summary["near"] == 2
    assert summary["test_images_with_a_near_duplicate_in_train"] == 1


def test_a_test_image_counts_once_whichever_side_is_larger():
    pairs = [["t0", "test", "a", "train"], ["t0", "test", "b", "train"], ["a", "train", "t1", "test"], ["v", "val", "t2", "test"]]
    pairs = pd.DataFrame(pairs, columns=["name_a", "side_a", "name_b", "side_b"]).assign(identical=False)
    names, splits = ["a", "b", "t0", "t1", "t2", "v"], ["train", "train", "test", "test", "test", "val"]
    table = pd.DataFrame({"name": names, "split": splits, "unit": list("abcdef")})
    summary = summarize([table], pairs, {"name": "image"}, 0.85)
    assert (summary["near"], summary["test_images_with_a_near_duplicate_in_train"]) == (4, 2)


def test_grouping_before_the_split_keeps_copies_together(dataset, tiles):
    table, pairs, _ = audited(dataset([tiles[n % 4] for n in range(8)]), Split(val=0.25, test=0.25), group=True)
    assert pairs.empty
    assert table["group"].nunique() == 4


def test_grouping_keeps_a_stated_split_and_says_so(dataset, tiles, capsys):
    raw = dataset([*tiles[:7], tiles[0]], ["train"] * 4 + ["val"] * 2 + ["test"] * 2)
    _, _, summary = audited(raw, Split(val=0.25, test=0.25), group=True, allow_identical=True)
    assert summary["identical"] == 1
    assert "the source states the split, so audit.group leaves 1 groups on two sides" in capsys.readouterr().out


def test_grouping_without_groups_says_that_it_has_no_effect(dataset, tiles, capsys):
    raw = dataset(tiles)
    table, _, _ = audited(raw, group=True)
    assert "audit.group has no effect, because split.method is blocks" in capsys.readouterr().out
    assert table.equals(audited(raw)[0])


def test_folds_with_a_gap_and_without_any_near_duplicate(dataset, tiles):
    noise = np.random.default_rng(0).integers(0, 256, tiles[0].shape, np.uint8)
    rule = RULE.model_copy(update={"folds": 3, "gap": 1})
    _, pairs, _ = split_and_audit(dataset([*tiles, noise], ("",) * 9), rule, AUDIT, 0)
    assert pairs.empty and not pairs["identical"].any()


def test_a_pair_counts_once_if_any_fold_parts_it_and_not_if_the_gap_always_does(dataset, tiles):
    """Of nine images in blocks of three, the first resembles the last, and the third its neighbour across a border."""
    noise = np.random.default_rng(0).integers(0, 256, tiles[0].shape, np.uint8)
    images = [*tiles[:3], tiles[2][::-1], tiles[4], tiles[5], tiles[6], noise, tiles[0][::-1]]
    rule = RULE.model_copy(update={"folds": 3, "gap": 1})
    tables, pairs, unit = split_and_audit(dataset(images, ("",) * 9), rule, AUDIT, 0)
    summary = summarize(tables, pairs, unit, AUDIT.correlation)
    assert pairs[["name_a", "side_a", "name_b", "side_b"]].values.tolist() == [["i0", "fold 0", "i8", "fold 2"]]
    assert summary["test_images_with_a_near_duplicate_in_train"] == 1  # i0: in the fold that tests i8, it validates
    # All across folds but the two at a border, and i3 with i6: whenever one of them has a role, the gap leaves out the other.
    assert summary["pairs"] == 3 * 9 - 3 and summary["folds"] == 3
    assert "1 train, 3 val, 3 test images in fold 2; split.gap leaves out 2 of 9" in list(messages(tables, summary))
