"""The audit before training: identical images on two sides stop it, near-duplicates are counted."""

import numpy as np
import pandas as pd
import pytest

from pipeline import params
from pipeline.datasets.layout import DatasetInfo, DatasetWriter
from pipeline.datasets.sources.phantom import tissue
from pipeline.errors import UserError
from pipeline.patches import audit
from pipeline.patches.audit import split_and_audit

RULE = params.load().datasets.tissue.split.model_copy(update={"method": "blocks", "val": 0.25, "test": 0.25})
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
    return [image for _, image, _, _ in tissue.tiles(5)][:240:30]


def test_a_clean_split_has_nothing_to_tell(dataset, tiles):
    audited = split_and_audit(dataset(tiles), RULE, AUDIT, seed=0)
    assert audited.pairs.empty
    assert audited.summary == {
        "images": {"train": 4, "val": 2, "test": 2},
        "pairs": 4 * 2 + 4 * 2 + 2 * 2,
        "correlation": AUDIT.correlation,
        "identical": 0,
        "near": 0,
        "test_images_with_a_near_duplicate_in_train": 0,
    }
    assert list(audited.lines()) == ["4 train, 2 val, 2 test images", "0 near-duplicates on different sides among 20 pairs"]


def test_what_is_doubtful_about_a_split_is_told(dataset, tiles):
    raw = dataset([*tiles[:7], tiles[0]])
    table = pd.read_csv(raw / "images.csv", keep_default_na=False)
    table.loc[[0, 3], "label"] = "b"
    table.to_csv(raw / "images.csv", index=False)
    allowed = AUDIT.model_copy(update={"allow_identical": True})
    told = list(split_and_audit(raw, RULE.model_copy(update={"gap": 1}), allowed, seed=0).lines())
    assert told[:2] == [
        "2 train, 2 val, 2 test images; 2 of 8 are left out, for split.gap",
        "warning: class b: no image for test",
    ]
    assert told[2] == "1 near-duplicates on different sides among 12 pairs" and told[3].startswith(
        "warning: scores may be too good"
    )


def test_any_number_of_processes_finds_the_same(dataset, tiles, monkeypatch):
    raw = dataset([*tiles[:4], tiles[3][::-1], *tiles[5:]])
    alone = split_and_audit(raw, RULE, AUDIT, seed=0)
    monkeypatch.setattr(audit, "FEW", 0)
    several = split_and_audit(raw, RULE, AUDIT, seed=0)
    assert several.pairs.equals(alone.pairs) and several.summary == alone.summary
    assert len(alone.pairs) == 1


def test_identical_images_on_two_sides_stop_the_pipeline(dataset, tiles):
    raw = dataset([*tiles[:7], tiles[0]])
    with pytest.raises(UserError, match=r"i0 \(train\) and i7 \(test\), which are identical\n.*audit\.allow_identical"):
        split_and_audit(raw, RULE, AUDIT, seed=0)
    allowed = split_and_audit(raw, RULE, AUDIT.model_copy(update={"allow_identical": True}), seed=0)
    assert (allowed.summary["identical"], allowed.summary["near"]) == (1, 0)
    assert allowed.summary["test_images_with_a_near_duplicate_in_train"] == 1


def test_copies_on_one_side_are_no_leak(dataset, tiles):
    assert split_and_audit(dataset([tiles[1], *tiles[1:]]), RULE, AUDIT, seed=0).pairs.empty


def test_near_duplicates_are_listed_and_do_not_stop_it(dataset, tiles):
    brighter = np.clip(tiles[2].astype(int) + 9, 0, 255).astype(np.uint8)
    audited = split_and_audit(dataset([*tiles[:4], tiles[3][::-1], tiles[5], brighter, tiles[7]]), RULE, AUDIT, seed=0)
    assert audited.pairs[["name_a", "name_b"]].sort_values("name_a").values.tolist() == [["i2", "i6"], ["i3", "i4"]]
    assert audited.summary["near"] == 2
    assert audited.summary["test_images_with_a_near_duplicate_in_train"] == 1


def test_grouping_before_the_split_keeps_copies_together(dataset, tiles):
    raw = dataset([tiles[n % 4] for n in range(8)])
    groups = RULE.model_copy(update={"method": "groups"})
    audited = split_and_audit(raw, groups, AUDIT.model_copy(update={"group": True}), seed=0)
    assert audited.pairs.empty
    assert audited.table["group"].nunique() == 4


def test_grouping_across_a_stated_split_says_that_it_holds(dataset, tiles, capsys):
    raw = dataset([*tiles[:7], tiles[0]], ["train"] * 4 + ["val"] * 2 + ["test"] * 2)
    rule = RULE.model_copy(update={"method": "groups"})
    audited = split_and_audit(raw, rule, AUDIT.model_copy(update={"group": True, "allow_identical": True}), seed=0)
    assert audited.summary["identical"] == 1
    assert "the source states the split; audit.group leaves 1 groups on two sides of it" in capsys.readouterr().out


def test_grouping_without_groups_says_that_it_has_no_effect(dataset, tiles, capsys):
    raw = dataset(tiles)
    audited = split_and_audit(raw, RULE, AUDIT.model_copy(update={"group": True}), seed=0)
    assert "audit.group has no effect: split.method is blocks" in capsys.readouterr().out
    assert audited.table.equals(split_and_audit(raw, RULE, AUDIT, seed=0).table)
