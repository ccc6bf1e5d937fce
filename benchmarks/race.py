"""Contenders in processes of their own, each given a turn in every round: a drift of the machine meets all alike."""

import importlib
import json
import resource
import subprocess
import sys
import time
from dataclasses import asdict

from benchmarks.task import Task


def race(contenders, rounds, batches):
    """Let contenders take turns.

    Parameters
    ----------
    contenders : dict of str to tuple
        By name: module of `benchmarks`, "training" or "prediction", Task, further arguments (dict).
    rounds : int
    batches : int
        In each turn.

    Returns
    -------
    dict of str to dict
        By name: ``rates`` (images a second, one a round), ``weights``, ``memory`` (bytes at the peak).
    """
    processes = {name: _start(*contender) for name, contender in contenders.items()}
    results = {name: json.loads(process.stdout.readline()) | {"rates": []} for name, process in processes.items()}
    for _ in range(rounds):
        for name, process in processes.items():
            process.stdin.write(f"{batches}\n")
            process.stdin.flush()
            told = json.loads(process.stdout.readline())
            results[name]["rates"].append(batches * contenders[name][2].batch / told["seconds"])
            results[name]["memory"] = told["memory"]
    for process in processes.values():
        process.stdin.close()
        process.wait()
    return results


def _start(module, phase, task, more):
    command = [sys.executable, "-m", __spec__.name, module, phase, json.dumps(asdict(task)), json.dumps(more)]
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)


def _main(module, phase, task, more):
    """One contender: prepare, warm up, then run as many batches as each line of the input says."""
    from pipeline.startup import load_keras

    said, sys.stdout = sys.stdout, sys.stderr  # nothing that a library prints comes between
    load_keras()
    run, weights = getattr(importlib.import_module(f"benchmarks.{module}"), phase)(Task(**json.loads(task)), **json.loads(more))
    run(2)
    print(json.dumps({"weights": weights}), file=said, flush=True)
    for line in sys.stdin:
        start = time.perf_counter()
        run(int(line))
        seconds = time.perf_counter() - start
        memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
        print(json.dumps({"seconds": seconds, "memory": memory}), file=said, flush=True)


if __name__ == "__main__":
    _main(*sys.argv[1:])
