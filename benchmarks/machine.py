"""What the machine is, and what it could do at most."""

import os
import platform

import keras
import numpy as np

from pipeline.processor import flags, model_name

INSTRUCTIONS = ("avx2", "avx512f", "avx512_bf16", "amx_bf16")
SIDE, PRODUCTS = 2048, 4  # of the matrix product that takes turns with the contenders, and how many of them stand for a batch


def describe():
    """One line: processor, cores, instructions, operating system."""
    instructions = " ".join(sorted(flags().intersection(INSTRUCTIONS), key=INSTRUCTIONS.index))
    processor = model_name() or platform.processor()
    return f"{processor}, {os.cpu_count()} cores, {instructions or platform.machine()}, {platform.system()}"


def product(task, side=SIDE):
    """A contender that multiplies large matrices in the precision of the task: what the machine gives at that moment."""
    one = keras.ops.cast(np.random.default_rng(0).standard_normal((side, side), np.float32), task.precision)

    def multiply(batches):
        for _ in range(batches * PRODUCTS):
            corner = keras.ops.matmul(one, one)[0, 0]
            float(keras.ops.cast(corner, "float32"))  # waits for the product; NumPy does not read TensorFlow's bfloat16

    return multiply, side * side


def operations_of(rate, task, side=SIDE):
    """Operations a second of `product`, from its "images" a second."""
    return rate / task.batch * PRODUCTS * 2 * side**3
