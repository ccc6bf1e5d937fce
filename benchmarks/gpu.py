"""The pipeline's networks on a GPU: images a second, and how much of the card that is.

``KERAS_BACKEND=jax python -m benchmarks.gpu [--filters 64] [--side 256] [--batch 16] [--precision bfloat16]``
"""

import argparse
import time

import keras
import numpy as np

from benchmarks import ours
from benchmarks.machine import matrix_rate
from benchmarks.task import Task
from pipeline.networks.common.cost import gigaflops


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    for name, default in (("filters", 64), ("side", 256), ("batch", 16), ("rounds", 3), ("batches", 20), ("matrix", 8192)):
        parser.add_argument(f"--{name}", type=int, default=default)
    parser.add_argument("--precision", choices=("float32", "bfloat16"), default="bfloat16")
    parser.add_argument("--networks", default="unet,attn_resunet,vgg16")
    given = parser.parse_args()
    peak = matrix_rate(given.precision, given.matrix)
    print(f"Keras on {keras.backend.backend()}; a matrix product of {given.matrix}: {peak / 1e12:.2f} TFLOP/s, {given.precision}")
    print("| network | training, images a second | of the matrix rate | prediction | of the matrix rate |")
    print("|---|---|---|---|---|")
    for network in given.networks.split(","):
        task = Task(network, given.precision, given.batch, given.side, given.filters)
        work = 1e9 * gigaflops(ours.network(task), (given.side, given.side))
        cells = []
        for phase, passes in ((ours.training, 3), (ours.prediction, 1)):
            rate = _rate(phase(task)[0], given)
            cells += [f"{rate:.1f}", f"{rate * work * passes / peak:.0%}"]
        print(f"| {network} | {' | '.join(cells)} |", flush=True)


def _rate(run, given):
    """Images a second: the best of a few rounds, after one that compiles."""
    seconds = []
    for _ in range(given.rounds + 1):
        start = time.perf_counter()
        run(given.batches)
        seconds.append(time.perf_counter() - start)
    return given.batches * given.batch / np.min(seconds[1:])


if __name__ == "__main__":
    main()
