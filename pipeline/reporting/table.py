"""A table of scores, the same for the page and for Markdown."""

from dataclasses import dataclass, field

from pipeline.reporting.numbers import Cell


@dataclass(frozen=True)
class Row:
    """What a row is about, what that means in a few words, and one cell per column."""

    title: str
    meaning: str
    cells: list


@dataclass(frozen=True)
class Table:
    """Rows under headers.

    Attributes
    ----------
    title : str
    headers : list of str
        Of the columns after the first, in which the rows' titles stand.
    rows : list of Row
    ours : int
        How many of the first columns are results of this run; the others give something to compare with.
    first : str
        Header of the first column.
    note : str
    """

    title: str
    headers: list
    rows: list
    ours: int
    first: str = "metric"
    note: str = field(default="")


def markdown(headers, rows, texts=1):
    """Write a table in Markdown.

    Parameters
    ----------
    headers : sequence of str
    rows : iterable of sequence of str or Cell
    texts : int
        How many of the first columns are text, and stand on the left.

    Returns
    -------
    list of str
        Lines.
    """
    ruler = ["---"] * texts + ["--:"] * (len(headers) - texts)
    lines = [headers, ruler, *([str(entry) if isinstance(entry, Cell) else entry for entry in row] for row in rows)]
    return [f"| {' | '.join(_plain(entry) for entry in line)} |" for line in lines]


def _plain(text):
    """Keep names from ending a cell or starting a tag."""
    return text.replace("|", r"\|").replace("<", "&lt;").replace("\n", " ")
