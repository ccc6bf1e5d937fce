"""Mistakes in the user's data or params, told in plain lines instead of a traceback."""

import sys
from contextlib import contextmanager


class UserError(Exception):
    """A mistake that the user can mend: what was expected, what was received, and where.

    Raise it with one line per finding, so that all findings of one look at the data reach the user together.
    """


@contextmanager
def plain_errors():
    """Print a `UserError` as it stands and exit with status 1; let real bugs keep their traceback."""
    try:
        yield
    except UserError as error:
        for line in str(error).splitlines():
            print(f"error: {line}", file=sys.stderr)
        sys.exit(1)
    except KeyboardInterrupt:
        sys.exit("interrupted")
