"""The summary of a CI job: the change since the last commit, and whether it is more than chance."""

import json
import subprocess

import pytest

from pipeline import paths
from pipeline.stages import report

FILE = paths.metrics("nuclei", "toy")


@pytest.fixture
def commit(workspace):
    for command in (["init", "-q"], ["add", "reports"], ["-c", "user.name=a", "-c", "user.email=b", "commit", "-qm", "a"]):
        subprocess.run(["git", *command], check=True)


def change_of(title):
    """The cell below "change" of the first network of that title."""
    report.main()
    rows = [[cell.strip() for cell in line.split("|")] for line in paths.SUMMARY.read_text().splitlines() if line[:1] == "|"]
    (header,) = [row for row in rows if "change" in row][:1]
    (row,) = [row for row in rows if row[1] == title][:1]
    return row[header.index("change")]


def test_without_a_change_there_is_no_column(commit):
    report.main()
    assert "change" not in paths.SUMMARY.read_text().split("### ")[1]


@pytest.mark.parametrize(
    ("detail", "score", "expected"),
    [
        ({}, 0.8875, "\N{MINUS SIGN}0.9"),  # the committed 0.8965 lies inside the interval
        ({"intervals.dice": [0.8, 0.89]}, 0.8875, "**\N{MINUS SIGN}0.9**"),
        ({"repeats": {"dice": {"n": 3, "mean": 0.88, "sd": 0.01}}}, 0.8875, "\N{MINUS SIGN}0.9"),
        ({"repeats": {"dice": {"n": 3, "mean": 0.88, "sd": 0.008}}}, 0.8875, "**\N{MINUS SIGN}0.9**"),
    ],
)
def test_a_change_is_bold_if_it_is_larger_than_chance(commit, change, detail, score, expected):
    change(FILE, {"dice": score})
    change(paths.details("nuclei", "toy") / "detail.json", detail)
    assert change_of("Toy-Net") == expected


def test_scores_of_other_images_are_not_subtracted(workspace, change, request):
    change(FILE, {"data": "aaaaaa"})
    request.getfixturevalue("commit")
    change(FILE, {"dice": 0.5, "data": "bbbbbb"})
    assert change_of("Toy-Net") == "other images"
    assert json.loads(FILE.read_text())["dice"] == 0.5
