import pytest

from pipeline.reporting.numbers import COUNT, LOSS, MISSING, SHARE, Cell, cell, change, difference, spread


@pytest.mark.parametrize(
    ("written", "text"),
    [
        (cell(None, SHARE), MISSING),
        (cell(float("nan"), SHARE), MISSING),
        (cell(None, SHARE, [0.1, 0.2]), MISSING),
        (cell(0.873, SHARE), "87.3"),
        (cell(0.873, SHARE, [0.841, 0.9]), "87.3 (84.1–90.0)"),
        (cell(0.12345, LOSS), "0.1235"),
        (cell(1234567, COUNT), "1,234,567"),
        (cell(-51, COUNT), "−51"),
        (change(0.017, SHARE, (-0.003, 0.038)), "+1.7 (−0.3 to +3.8)"),
        (change(-0.00001, SHARE), "0.0"),  # not −0.0
        (change(None, SHARE), MISSING),
        (difference(0.5, None, SHARE), MISSING),
        (difference(0.25, 0.5, SHARE), "−25.0"),
        (spread(0.9, 0.01, SHARE), "90.0 ± 1.0"),
        (spread(0.9, None, SHARE), "90.0"),
        (spread(None, None, SHARE), MISSING),
        (Cell("x"), "x"),
    ],
)
def test_numbers_as_text(written, text):
    assert str(written) == text
