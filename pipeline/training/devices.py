"""What the hardware can do, and how Keras is told to use it."""

from pathlib import Path

import keras

from pipeline.startup import keep_memory

BFLOAT16_FLAGS = {"avx512_bf16", "amx_bf16", "bf16"}  # x86 with AVX512-BF16 or AMX; Arm's own name


def resolve_precision(precision, cpuinfo=Path("/proc/cpuinfo")):
    """Resolve "auto" to "bfloat16" where the processor computes in it natively and on JAX's accelerators, else to "float32".

    Cards before NVIDIA's Ampere, which have no bfloat16 of their own, are not told apart: pin "float32" there.

    Parameters
    ----------
    precision : {"auto", "float32", "bfloat16"}
    cpuinfo : path-like
        Linux's description of the processor; elsewhere there is none, and the answer is float32.
    """
    if precision != "auto":
        return precision
    if keras.backend.backend() == "jax":
        import jax

        if jax.default_backend() != "cpu":
            return "bfloat16"
    flags = set()
    if Path(cpuinfo).exists():
        lines = Path(cpuinfo).read_text().splitlines()
        flags = {flag for line in lines if line.startswith(("flags", "Features")) for flag in line.split()}
    return "bfloat16" if flags & BFLOAT16_FLAGS else "float32"


def prepare(seed, precision):
    """Begin a training as a fresh process would: seed every generator and set the precision of the arithmetic.

    Weights are float32 in either precision.

    Returns
    -------
    str
        The precision that "auto" came to.
    """
    keep_memory()
    keras.backend.clear_session()  # layers are numbered from 0 again, so that a network has the same names in each repeat
    keras.utils.set_random_seed(seed)
    precision = resolve_precision(precision)
    keras.config.set_dtype_policy({"float32": "float32", "bfloat16": "mixed_bfloat16"}[precision])
    return precision


def compile_with_xla():
    """Whether compiled steps are faster: on JAX always, with TensorFlow on a CPU never (half the speed, measured)."""
    return keras.backend.backend() == "jax"
