"""How numbers are written: shares in percent, an interval in brackets behind its score, a dash for what is undefined."""

import math
from typing import NamedTuple

MISSING = "–"  # of what is undefined or was not reported


class Style(NamedTuple):
    """What a number is multiplied by, and its decimals."""

    factor: int
    decimals: int


SHARE = Style(100, 1)  # percent: test sets of some dozen images cannot tell a tenth of a point apart
INDEX = Style(1, 3)  # kappa and Brier score
LOSS = Style(1, 4)
LENGTH = Style(1, 2)  # pixels
NANOMETRES = Style(1, 0)
COUNT = Style(1, 0)


class Cell(NamedTuple):
    """A number as text, and what stands behind it in brackets: an interval in round ones, quartiles in square ones."""

    text: str
    aside: str = ""

    def __str__(self):
        return f"{self.text} {self.aside}" if self.aside else self.text


NOTHING = Cell(MISSING)


def cell(value, style, interval=None):
    """Write a score, as "87.3 (84.1–90.0)".

    Parameters
    ----------
    value : float or None
    style : Style
    interval : (float, float), optional

    Returns
    -------
    Cell
    """
    if not defined(value):
        return NOTHING
    return Cell(fixed(value, style), f"({'–'.join(fixed(limit, style) for limit in interval)})" if interval else "")


def change(value, style, interval=None):
    """Write a difference with its sign, in percentage points for shares, as "+1.7 (−0.3 to +3.8)": a `Cell`."""
    if not defined(value):
        return NOTHING
    return Cell(_signed(value, style), f"({' to '.join(_signed(limit, style) for limit in interval)})" if interval else "")


def difference(new, old, style):
    """Write ``new - old`` as `change` does; a dash where one of them is undefined."""
    return change(new - old, style) if defined(new) and defined(old) else NOTHING


def spread(mean, sd, style):
    """Write mean ± standard deviation; without one, the mean alone: a `Cell`."""
    return Cell(f"{fixed(mean, style)} ± {fixed(sd, style)}") if defined(mean) and defined(sd) else cell(mean, style)


def fixed(value, style):
    """Write a number with its fixed decimals and a real minus sign; thousands are parted."""
    rounded = round(style.factor * value, style.decimals) + 0.0  # adding zero makes -0.0 a plain 0.0
    return f"{rounded:,.{style.decimals}f}".replace("-", "\N{MINUS SIGN}")


def defined(value):
    """Whether there is a number: not None, not NaN."""
    return value is not None and math.isfinite(value)


def _signed(value, style):
    text = fixed(value, style)
    return text if text[0] == "\N{MINUS SIGN}" or not float(text.replace(",", "")) else f"+{text}"
