"""Do many independent things on all cores."""

import multiprocessing
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager


@contextmanager
def on_all_cores(worthwhile=True):
    """Give a `map` that uses a process for each core, or the built-in one where starting them, for a second, is not worthwhile.

    Its results come in order, and what is mapped must be a function of a module. Processes are started anew, not forked:
    whoever asks may have threads, which do not survive that.
    """
    if not worthwhile:
        yield map
        return
    with ProcessPoolExecutor(mp_context=multiprocessing.get_context("spawn")) as pool:
        yield pool.map
