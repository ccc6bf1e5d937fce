"""Training with several processes beside training with one: images a second, each process on a core of its own.

``KERAS_BACKEND=jax python -m benchmarks.scaling [--processes 2] [--side 128] [--batch 8]``

Each process has the same batch, whatever their number (weak scaling): it has as much to compute, and the exchange of gradients
and of the statistics of normalisation comes in addition. One process, several that know nothing of each other, and several that
train one network take turns; the second tells what the cores take from each other without a word between them.
"""

import argparse
import json
import os
import socket
import subprocess
import sys
import time

import keras
import numpy as np

from benchmarks import ours
from benchmarks.task import Task
from pipeline.patches.packed import Packed
from pipeline.training import distributed
from pipeline.training.batches import Batches
from pipeline.training.devices import prepare


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    for name, default in (("processes", 2), ("side", 128), ("batch", 8), ("steps", 4), ("rounds", 2)):
        parser.add_argument(f"--{name}", type=int, default=default)
    parser.add_argument("--network", choices=("unet", "attn_resunet"), default="unet")
    parser.add_argument("--core", type=int, help=argparse.SUPPRESS)  # of a process that is measured
    given = parser.parse_args()
    if given.core is not None:
        return work(given)
    teams = {
        "one process": [[0]],
        f"{given.processes} processes that know nothing of each other": [[core] for core in range(given.processes)],
        f"{given.processes} processes that train one network": [list(range(given.processes))],
    }
    rates = {name: [] for name in teams}
    for _ in range(given.rounds):
        for name, cores in teams.items():
            rates[name].append(measure(given, cores))
    print("| | images a second: median | best | of one process, times their number |")
    print("|---|---|---|---|")
    for name, cores in teams.items():
        number = sum(len(team) for team in cores)
        share = np.median(np.divide(rates[name], rates["one process"])) / number
        print(f"| {name} | {np.median(rates[name]):.2f} | {np.max(rates[name]):.2f} | {share:.0%} |")


def measure(given, teams):
    """Images a second of all processes of some teams together; each team is a list of cores."""
    running = [process for team in teams for process in start(given, team)]
    said = [json.loads(process.communicate()[0].splitlines()[-1]) for process in running]  # Gloo says its own before it
    return sum(said)


def start(given, team):
    """Start a process on each core of a team."""
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{listening.getsockname()[1]}"
    for number, core in enumerate(team):
        joined = {"JAX_COORDINATOR_ADDRESS": address, "JAX_NUM_PROCESSES": str(len(team)), "JAX_PROCESS_ID": str(number)}
        command = [sys.executable, "-m", __spec__.name, "--core", str(core), "--network", given.network]
        for name in ("side", "batch", "steps"):
            command += [f"--{name}", str(getattr(given, name))]
        yield subprocess.Popen(command, env=os.environ | (joined if len(team) > 1 else {}), stdout=subprocess.PIPE, text=True)


def work(given):
    """One process: train on its core, and say how many images a second went through it, from the second epoch on."""
    os.sched_setaffinity(0, {given.core})
    team = distributed.join("auto")
    task = Task(given.network, "float32", given.batch * team.size, given.side)
    prepare(0, task.precision)
    images, masks = task.data()
    rows = np.arange(given.steps * task.batch) % len(images)
    batches = Batches(Packed(images[rows], masks[rows]), task.batch, flips=True, team=team)
    seconds = []
    clock = keras.callbacks.LambdaCallback(
        on_epoch_begin=lambda epoch, logs: seconds.append(-time.perf_counter()),
        on_epoch_end=lambda epoch, logs: seconds.append(seconds.pop() + time.perf_counter()),
    )
    with team.together():
        ours.compiled(task).fit(batches, epochs=3, shuffle=False, verbose=0, callbacks=[clock])
    print(json.dumps(given.steps * given.batch / min(seconds[1:])))


if __name__ == "__main__":
    main()
