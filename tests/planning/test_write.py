"""The place of a plan in params.yaml: every other byte stays."""

from pathlib import Path

import pytest
import yaml

from pipeline import params
from pipeline.errors import UserError
from pipeline.planning.write import add_dataset, add_to_list, option

BLOCK = {
    "task": ("segmentation", "images and masks"),
    "classes": {"background": (0, "most"), "on": (1, "rest")},
    "url": (None, "none"),
    "patches": {"size": ([128, 96], "rows, columns")},
}
ADDED = """\
  cells:
    task: segmentation  # images and masks
    classes:
      background: 0  # most
      'on': 1  # rest
    url:  # none
    patches:
      size:  # rows, columns
      - 128
      - 96
"""


def without(text, added):
    assert text.count(added) == 1
    return text.replace(added, "")


@pytest.mark.parametrize(
    "text",
    [
        Path("params.yaml").read_text(),
        "datasets:\n  a:\n    patches:  # last\n\n# about b\nb: 1\n",
        "datasets:\n  a: {x: [1,\n   2]}  # two lines\nb: 1",
        "b: 1\ndatasets:\n  a: 1",
    ],
)
def test_a_block_is_added_behind_the_last_and_nothing_else_changes(text):
    found = add_dataset(text, "cells", BLOCK)
    assert without(found, ADDED) == text + "\n" * (not text.endswith("\n") and text.endswith("a: 1"))
    expected = yaml.safe_load(text)
    expected["datasets"]["cells"] = {
        "task": "segmentation",
        "classes": {"background": 0, "on": 1},
        "url": None,
        "patches": {"size": [128, 96]},
    }
    assert yaml.safe_load(found) == expected


def test_line_ends_of_windows_stay():
    found = add_dataset("datasets:\r\n  a: 1\r\nb: 2\r\n", "cells", BLOCK)
    assert found.count("\n") == found.count("\r\n") == 3 + ADDED.count("\n")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            "net:\n  datasets:\n  - a  # one\n  - b\n  filters: 1\n",
            "net:\n  datasets:\n  - a  # one\n  - b\n  - cells\n  filters: 1\n",
        ),
        ("net: {datasets: [a], filters: 1}\n", "net: {datasets: [a, cells], filters: 1}\n"),
        ("net: {datasets: [a,], filters: 1}\n", "net: {datasets: [a, cells,], filters: 1}\n"),
        ("net:\n  datasets: [\n    a,  # one\n  ]\n", "net:\n  datasets: [\n    a, cells,  # one\n  ]\n"),
        ("net:\n  datasets: []  # none\n", "net:\n  datasets: [cells]  # none\n"),
    ],
)
def test_a_name_is_added_to_a_list(text, expected):
    assert add_to_list(text, "net", "cells") == expected


@pytest.mark.parametrize("text", ["datasets: {a: 1}\n", "datasets: {}\n", "other: 1\n"])
def test_what_is_not_a_block_is_refused(text):
    with pytest.raises(UserError, match="not written as an indented block"):
        add_dataset(text, "cells", BLOCK)


def test_options_are_quoted_for_the_shell():
    assert option("a.b", [1, 2]) == "'a.b=[1, 2]'"
    assert option("train.lr", 0.001) == "train.lr=0.001"


def test_names_that_params_refuse_are_refused(tmp_path):
    path = tmp_path / "params.yaml"
    path.write_text(add_dataset(Path("params.yaml").read_text(), "a b", BLOCK))
    with pytest.raises(UserError):
        params.load(path)
