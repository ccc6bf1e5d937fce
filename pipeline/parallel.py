"""Do many independent things on all cores."""

import multiprocessing
import os
import signal
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from contextlib import contextmanager
from multiprocessing import resource_tracker

from threadpoolctl import threadpool_limits


def cores():
    """Number of cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()


@contextmanager
def on_all_cores(worthwhile=True):
    """Yield a `map` that uses one process per core, or the built-in `map` if it is not `worthwhile`.

    Starting the processes takes about a second. The mapped function must be defined in a module. Results come in order.
    """
    if not worthwhile:
        yield map
        return
    # Not forked: threads of this process would not survive in a copy.
    with ProcessPoolExecutor(cores(), mp_context=multiprocessing.get_context("spawn")) as pool:

        def map_in_order(function, *items):
            with deaf_to_ctrl_c():  # the first call starts the processes
                return pool.map(function, *items)

        yield map_in_order


@contextmanager
def on_all_threads(count=None):
    """Yield a `map` that uses `count` threads, by default one per core; for functions that run compiled code.

    NumPy's own threads are switched off meanwhile: they wait without sleeping, and would take the cores from ours.
    """
    with threadpool_limits(limits=1, user_api="blas"), ThreadPoolExecutor(count or cores()) as pool:
        yield pool.map


@contextmanager
def deaf_to_ctrl_c():
    """Start threads and processes that Ctrl-C does not reach: whoever started them ends them, without their tracebacks.

    A Ctrl-C during the block takes effect at its end.
    """
    resource_tracker.ensure_running()  # starting it later would unblock the signal again
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})  # threads and processes inherit this
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
