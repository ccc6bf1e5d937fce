"""Report mistakes in the user's data or params in plain lines without a traceback, and put numbers and lists into words."""

import errno
import sys
from contextlib import contextmanager

MEMORY = "use smaller batches (train.batch_size, inference.batch_size), patches, tiles or networks (filters, dense)"
REMEDIES = {
    errno.ENOENT: "`dvc repro` or `dvc pull` makes the files that a stage reads",
    errno.ENOMEM: MEMORY,
    **dict.fromkeys((errno.ENOSPC, errno.EDQUOT), "free some space and run the command again"),
    **dict.fromkeys((errno.EACCES, errno.EPERM, errno.EROFS), "make the folder readable and writable"),
}


class UserError(Exception):
    """A mistake that the user can correct. The message says what is wrong, where, and what to do; a line for each mistake."""


def in_one_line(error):
    """The first line of an error's message, or its type if it has none."""
    return (str(error) or type(error).__name__).splitlines()[0]


def counted(number, noun):
    """Count things: "no masks", "1 mask", "1,200 masks"."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}" if number else f"no {noun}s"


def listed(names, most):
    """List names, at most so many: "a, b and 3 more"."""
    return ", ".join(names[:most]) + (f" and {len(names) - most} more" if len(names) > most else "")


@contextmanager
def plain_errors():
    """Turn a `UserError`, a full disk, missing access or memory into a message and exit status 1; bugs keep their traceback."""
    try:
        yield
    except KeyboardInterrupt:
        sys.exit("interrupted")
    except Exception as error:
        message = _message(error)
        if message is None:
            raise
        print(*(f"error: {line}" for line in message.splitlines()), sep="\n", file=sys.stderr)
        sys.exit(1)


def _message(error):
    """What to tell the user; None for a bug."""
    if isinstance(error, UserError):
        return str(error)
    if isinstance(error, OSError) and error.errno in REMEDIES:
        place = f"{error.filename}: " if error.filename else ""
        return f"{place}{error.strerror}; {REMEDIES[error.errno]}"
    # TensorFlow and JAX have errors of their own for a lack of memory.
    if isinstance(error, MemoryError) or "RESOURCE_EXHAUSTED" in str(error) or type(error).__name__ == "ResourceExhaustedError":
        return f"not enough memory; {MEMORY}"
    return None
