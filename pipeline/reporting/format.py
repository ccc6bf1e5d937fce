"""Numbers as text: shares in percent, an interval in brackets after its score, a dash for what is undefined."""

import math
from typing import NamedTuple

MISSING = "–"


class Style(NamedTuple):
    """The factor by which a number is multiplied, and its decimals."""

    factor: int
    decimals: int


SHARE = Style(100, 1)  # percent: test sets of some dozen images cannot resolve a tenth of a point
INDEX = Style(1, 3)  # kappa and Brier score
LOSS = Style(1, 4)
LENGTH = Style(1, 2)  # pixels
COUNT = Style(1, 0)  # and nanometres


class Metric(NamedTuple):
    """What a metric is called, how it is written, and what it means."""

    title: str
    style: Style
    meaning: str = ""


def number(value, style):
    """Write a number with its fixed decimals, a real minus sign and separated thousands."""
    if value is None or not math.isfinite(value):
        return MISSING
    rounded = round(style.factor * value, style.decimals) + 0.0  # adding zero turns -0.0 into 0.0
    return f"{rounded:,.{style.decimals}f}".replace("-", "\N{MINUS SIGN}")


def score(value, style, interval=None):
    """Write a score with its interval, such as "87.3 (84.1–90.0)"."""
    text = number(value, style)
    return text if text == MISSING or not interval else f"{text} ({'–'.join(number(limit, style) for limit in interval)})"


def difference(value, style, interval=None):
    """Write a difference with its sign, in percentage points for shares, such as "+1.7 (−0.3 to +3.8)"."""
    text = _signed(value, style)
    return text if text == MISSING or not interval else f"{text} ({' to '.join(_signed(limit, style) for limit in interval)})"


def spread(summary, style):
    """Write the mean ± standard deviation of several trainings; of one, the mean alone."""
    if not summary or summary["sd"] is None:
        return number(summary and summary["mean"], style)
    return f"{number(summary['mean'], style)} ± {number(summary['sd'], style)}"


def quartiles(summary, style):
    """Write the median and the quartiles of a distribution, such as "87.6 [85.2–91.1]"."""
    median, *limits = (number(summary[key], style) for key in ("median", "q1", "q3"))
    return median if median == MISSING else f"{median} [{'–'.join(limits)}]"


def markdown(frame, first):
    """Write a table of texts in Markdown, with its index as the first column: a list of lines."""
    rows = [[first, *frame.columns], ["---", *["--:"] * len(frame.columns)], *frame.itertuples()]
    return [f"| {' | '.join(_cell(text) for text in row)} |" for row in rows]


def _cell(text):
    """Keep names from ending a cell or starting a tag."""
    return str(text).replace("|", r"\|").replace("<", "&lt;").replace("\n", " ")


def _signed(value, style):
    text = number(value, style)
    return f"+{text}" if text[0].isdigit() and text.strip("0.") else text
