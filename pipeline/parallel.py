"""Do many independent things on all cores."""

import multiprocessing
import os
import signal
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from contextlib import contextmanager
from multiprocessing import resource_tracker

from threadpoolctl import threadpool_limits


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
def on_all_threads(count=None):
    """Give a `map` that uses a thread for each core, or `count` of them; for what spends its time in compiled code.

    A product of matrices stays in the thread that asks for it: by default NumPy's library would give a part of it to threads
    of its own, one for each core, which wait for the next product without sleeping and take the cores from ours.
    """
    with threadpool_limits(limits=1, user_api="blas"), ThreadPoolExecutor(count or os.cpu_count()) as pool:
        yield pool.map


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
