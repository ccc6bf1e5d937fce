"""Contenders in processes of their own, each given a turn in every round: a drift of the machine meets all alike."""

import importlib
import json
import os
import subprocess
import sys
import tempfile
import time
from dataclasses import asdict

from benchmarks.memory import peak_memory
from benchmarks.task import Task
from pipeline.startup import load_keras

# Started as the stages are; the others as they come, and PyTorch without TensorFlow.
OURS = ("ours", "machine")


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
    processes = {name: _start(*contender) for name, contender in contenders.items()}
    results = {name: _told(name, process) | {"rates": []} for name, process in processes.items()}
    for _ in range(rounds):
        for name, process in processes.items():
            process.stdin.write(f"{batches}\n")
            process.stdin.flush()
            told = _told(name, process)
            results[name]["rates"].append(batches * contenders[name][2].batch / told["seconds"])
            results[name]["memory"] = told["memory"]
    for process in processes.values():
        process.stdin.close()
        process.wait()
    return results


def _told(name, process):
    """The next line of a contender; one that ended is an error with its last words."""
    line = process.stdout.readline()
    if not line:
        process.errors.seek(0)
        raise RuntimeError(f"{name} ended: {process.errors.read()[-2000:]}")
    return json.loads(line)


def _start(module, function, task, more):
    command = [sys.executable, "-m", __spec__.name, module, function, json.dumps(asdict(task)), json.dumps(more)]
    known = {name: value for name, value in os.environ.items() if not name.startswith("TF_")}  # what `load_keras` set here
    errors = tempfile.TemporaryFile("w+")  # noqa: SIM115  closed with the process
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": errors, "text": True}
    process = subprocess.Popen(command, env=known, **pipes)
    process.errors = errors
    return process


def _main(module, function, task, more):
    """One contender: prepare, warm up, then run as many batches as each line of the input says."""
    said, sys.stdout = sys.stdout, sys.stderr  # nothing that a library prints comes between
    if module in OURS:
        load_keras()
    prepare = getattr(importlib.import_module(f"benchmarks.{module}"), function)
    run, weights = prepare(Task(**json.loads(task)), **json.loads(more))
    run(2)
    print(json.dumps({"weights": weights}), file=said, flush=True)
    for line in sys.stdin:
        start = time.perf_counter()
        run(int(line))
        seconds = time.perf_counter() - start
        print(json.dumps({"seconds": seconds, "memory": peak_memory()}), file=said, flush=True)


if __name__ == "__main__":
    _main(*sys.argv[1:])
