"""What the machine is, and what it could do at most."""

import os
import platform
import time
from pathlib import Path

import keras
import numpy as np


def describe():
    """One line: processor, cores, what it computes in, operating system."""
    cpuinfo = Path("/proc/cpuinfo").read_text() if Path("/proc/cpuinfo").exists() else ""
    model = next((line.split(":")[1].strip() for line in cpuinfo.splitlines() if line.startswith("model name")), "")
    flags = [flag for flag in ("avx2", "avx512f", "avx512_bf16", "amx_bf16") if f" {flag}" in cpuinfo]
    return (
        f"{model or platform.processor()}, {os.cpu_count()} cores, {' '.join(flags) or platform.machine()}, {platform.system()}"
    )


SIDE, PRODUCTS = 2048, 4  # of the matrix product that takes turns with the contenders, and how many of them stand for a batch


def product(task):
    """A contender that multiplies large matrices, in the precision of the task: what the machine gives at that moment."""
    one = keras.ops.cast(np.random.default_rng(0).standard_normal((SIDE, SIDE), np.float32), task.precision)

    def multiply(batches):
        for _ in range(batches * PRODUCTS):
            _corner(keras.ops.matmul(one, one))

    return multiply, one.shape[0] * one.shape[1]


def _corner(product):
    """Wait for a product: its first number. In float32, as NumPy does not read TensorFlow's bfloat16."""
    return float(keras.ops.cast(product[0, 0], "float32"))


def operations_of(rate, task):
    """Operations a second of `product`, from its "images" a second."""
    return rate / task.batch * PRODUCTS * 2 * SIDE**3


def matrix_rate(precision, side=4096, repeats=3):
    """Operations a second of a large matrix product: the best of a few.

    Parameters
    ----------
    precision : {"float32", "bfloat16"}
    side : int
        Rows and columns.
    """
    rng = np.random.default_rng(0)
    one = keras.ops.cast(keras.ops.convert_to_tensor(rng.standard_normal((side, side), np.float32)), precision)
    best = np.inf
    for _ in range(repeats + 1):  # the first one warms up
        start = time.perf_counter()
        _corner(keras.ops.matmul(one, one))
        best = min(best, time.perf_counter() - start)
    return 2 * side**3 / best
