"""Do many independent things on all cores."""

import multiprocessing
import signal
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from multiprocessing import resource_tracker


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

        def several(function, *items):
            with deaf_to_ctrl_c():  # the first call starts the processes
                return pool.map(function, *items)

        yield several


@contextmanager
def deaf_to_ctrl_c():
    """Start threads and processes that a Ctrl-C in the terminal does not reach: who started them ends them, without tracebacks.

    A Ctrl-C meanwhile is heard at the end.
    """
    resource_tracker.ensure_running()  # its start would unblock the signal again
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})  # is inherited
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
