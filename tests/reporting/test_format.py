import pandas as pd
import pytest

from pipeline.reporting.format import COUNT, LOSS, MISSING, SHARE, difference, markdown, number, quartiles, score, spread


@pytest.mark.parametrize(
    ("written", "text"),
    [
        (number(None, SHARE), MISSING),
        (number(float("nan"), SHARE), MISSING),
        (number(1234567, COUNT), "1,234,567"),
        (number(-51, COUNT), "−51"),
        (number(0.12345, LOSS), "0.1235"),
        (score(None, SHARE, [0.1, 0.2]), MISSING),
        (score(0.873, SHARE), "87.3"),
        (score(0.873, SHARE, [0.841, 0.9]), "87.3 (84.1–90.0)"),
        (difference(0.017, SHARE, (-0.003, 0.038)), "+1.7 (−0.3 to +3.8)"),
        (difference(-0.00001, SHARE), "0.0"),  # not −0.0
        (difference(None, SHARE), MISSING),
        (spread({"mean": 0.9, "sd": 0.01}, SHARE), "90.0 ± 1.0"),
        (spread({"mean": 0.9, "sd": None}, SHARE), "90.0"),
        (spread(None, SHARE), MISSING),
        (quartiles({"median": 0.8757, "q1": 0.8521, "q3": 0.9111}, SHARE), "87.6 [85.2–91.1]"),
        (quartiles({"median": None, "q1": None, "q3": None}, SHARE), MISSING),
    ],
)
def test_numbers_as_text(written, text):
    assert written == text


def test_names_cannot_leave_their_cell_in_markdown():
    lines = markdown(pd.DataFrame({"b": ["<script>"]}, index=["x|y"]), "a")
    assert lines == ["| a | b |", "| --- | --: |", r"| x\|y | &lt;script> |"]
