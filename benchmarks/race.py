"""Contenders in processes of their own that take turns, so that a slower machine slows all of them alike."""

import importlib
import multiprocessing
import os
import time
from contextlib import suppress

from benchmarks.memory import peak_memory
from pipeline.startup import load_keras

OURS = ("ours", "machine")  # started as the stages are; the others as they come, and PyTorch without TensorFlow


def race(contenders, rounds, batches):
    """Let contenders take turns.

    Parameters
    ----------
    contenders : dict of str to tuple
        By name: module of `benchmarks`, one of its functions, Task, further arguments (dict).
    rounds : int
    batches : int
        In each turn.

    Returns
    -------
    dict of str to dict
        By name: ``rates`` (images a second, one a round), ``weights``, ``memory`` (bytes at the peak).
    """
    ends, results, spawn = {}, {}, multiprocessing.get_context("spawn")
    try:
        for name, contender in contenders.items():
            ends[name], theirs = spawn.Pipe()
            spawn.Process(target=_take_turns, args=(theirs, *contender)).start()
            theirs.close()  # so that a contender that fails is noticed
        for name, end in ends.items():
            results[name] = {"weights": end.recv(), "rates": []}
        for _ in range(rounds):
            for name, end in ends.items():
                end.send(batches)
                seconds, results[name]["memory"] = end.recv()
                results[name]["rates"].append(batches * contenders[name][2].batch / seconds)
    except (EOFError, ConnectionError) as error:
        raise RuntimeError(f"{name} ended; its last words are above") from error
    finally:
        for end in ends.values():
            end.close()
    return results


def _take_turns(end, module, function, task, more):
    """One contender: prepare, warm up, then run as many batches as it is told to, until nobody tells it any more."""
    for name in [name for name in os.environ if name.startswith("TF_")]:  # what `load_keras` set in the first process
        del os.environ[name]
    if module in OURS:
        load_keras()
    run, weights = getattr(importlib.import_module(f"benchmarks.{module}"), function)(task, **more)
    run(2)
    end.send(weights)
    with suppress(EOFError):
        while True:
            batches, start = end.recv(), time.perf_counter()
            run(batches)
            end.send((time.perf_counter() - start, peak_memory()))
