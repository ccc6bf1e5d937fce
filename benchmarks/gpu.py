"""The pipeline's networks on a GPU: images a second, and how much of the card that is.

``KERAS_BACKEND=jax python -m benchmarks.gpu [--filters 64] [--side 256] [--batch 16] [--precision bfloat16]``
"""

import argparse
import time

import keras
import numpy as np

from benchmarks import ours
from benchmarks.machine import operations_of, product
from benchmarks.task import Task
from pipeline.networks.common.cost import gigaflops


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    for name, default in (("filters", 64), ("side", 256), ("batch", 16), ("rounds", 3), ("batches", 20), ("matrix", 8192)):
        parser.add_argument(f"--{name}", type=int, default=default)
    parser.add_argument("--precision", choices=("float32", "bfloat16"), default="bfloat16")
    parser.add_argument("--networks", default="unet,attn_resunet,vgg16")
    given = parser.parse_args()
    tasks = [Task(name, given.precision, given.batch, given.side, given.filters) for name in given.networks.split(",")]
    peak = operations_of(rate(product(tasks[0], given.matrix), given), tasks[0], given.matrix)
    print(f"Keras on {keras.backend.backend()}; a matrix product of {given.matrix}: {peak / 1e12:.2f} TFLOP/s, {given.precision}")
    print("| network | training, images a second | of the matrix rate | prediction | of the matrix rate |")
    print("|---|---|---|---|---|")
    for task in tasks:
        work = 1e9 * gigaflops(ours.network(task), (given.side, given.side))
        cells = []
        for phase, passes in ((ours.training, 3), (ours.prediction, 1)):
            images = rate(phase(task), given)
            cells += [f"{images:.1f}", f"{images * work * passes / peak:.0%}"]
        print(f"| {task.network} | {' | '.join(cells)} |", flush=True)


def rate(contender, given):
    """Images a second of what a contender returned: the best of a few rounds, after one that compiles."""
    run, _ = contender
    seconds = []
    for _ in range(given.rounds + 1):
        start = time.perf_counter()
        run(given.batches)
        seconds.append(time.perf_counter() - start)
    return given.batches * given.batch / np.min(seconds[1:])


if __name__ == "__main__":
    main()
