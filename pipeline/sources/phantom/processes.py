"""Draw independent parts of a phantom on all cores."""

import multiprocessing
from concurrent.futures import ProcessPoolExecutor


def processes():
    """A process for each core. Started anew, not forked: whoever asks may have threads, which do not survive that."""
    return ProcessPoolExecutor(mp_context=multiprocessing.get_context("spawn"))
