"""Collect everything that is wrong with the user's images, to report it at once."""

from contextlib import contextmanager

from pipeline.errors import UserError

SHOWN = 30  # lines; about what a terminal shows at once


class Findings:
    """A list of one-line findings.

    >>> findings = Findings()
    >>> findings.add("a.png: expected a mask of the same stem, received none")
    >>> findings.report()                         # doctest: +SKIP
    UserError: a.png: expected a mask of the same stem, received none
    """

    def __init__(self):
        self._lines = []

    def __bool__(self):
        return bool(self._lines)

    def add(self, line):
        self._lines.append(line)

    @contextmanager
    def collecting(self):
        """Keep a `UserError` of the block as findings and go on after the block."""
        try:
            yield
        except UserError as error:
            self._lines.extend(str(error).splitlines())

    def report(self):
        """Raise all findings, if there are any, as one `UserError`."""
        if len(self._lines) > SHOWN:
            raise UserError("\n".join([*self._lines[:SHOWN], f"... and {len(self._lines) - SHOWN} more of {len(self._lines)}"]))
        if self._lines:
            raise UserError("\n".join(self._lines))
