"""Mistakes in the user's data or params, told in plain lines instead of a traceback."""

import errno
import sys
from contextlib import contextmanager

LESS_MEMORY = "smaller batches (train.batch_size, inference.batch_size), patches, tiles or networks (filters, dense) need less"
REMEDIES = {
    errno.ENOENT: "run `dvc repro`, or `dvc pull`, which make what a stage reads",
    errno.ENOSPC: "make space and run `dvc repro` again",
    errno.EDQUOT: "make space and run `dvc repro` again",
    errno.EACCES: "the project's folder must be readable and writable",
    errno.EPERM: "the project's folder must be readable and writable",
    errno.EROFS: "the project's folder must be writable",
    errno.ENOMEM: LESS_MEMORY,
}


class UserError(Exception):
    """A mistake that the user can mend: what was expected, what was received, and where.

    Raise it with one line per finding, so that all findings of one look at the data reach the user together.
    """


@contextmanager
def plain_errors():
    """Print a `UserError`, or what the system says of disk and files, and exit with status 1; bugs keep their traceback."""
    try:
        yield
    except UserError as error:
        for line in str(error).splitlines():
            print(f"error: {line}", file=sys.stderr)
        sys.exit(1)
    except OSError as error:
        if error.errno not in REMEDIES:
            raise
        place = f"{error.filename}: " if error.filename else ""
        print(f"error: {place}{error.strerror}; {REMEDIES[error.errno]}", file=sys.stderr)
        sys.exit(1)
    except KeyboardInterrupt:
        sys.exit("interrupted")
    except Exception as error:
        if not _out_of_memory(error):
            raise
        print(f"error: not enough memory; {LESS_MEMORY}", file=sys.stderr)
        sys.exit(1)


def _out_of_memory(error):
    """Whether Python or NumPy, TensorFlow, or JAX had no memory left."""
    told = type(error).__name__ == "ResourceExhaustedError" or "RESOURCE_EXHAUSTED" in str(error)
    return isinstance(error, MemoryError) or told
