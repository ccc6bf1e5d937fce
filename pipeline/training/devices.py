"""Choose the precision for the hardware, and set up Keras for a training."""

import keras

from pipeline.processor import CPUINFO, computes_bfloat16
from pipeline.startup import keep_memory


def resolve_precision(precision, cpuinfo=CPUINFO):
    """Resolve "auto": "bfloat16" on JAX's accelerators and on processors that compute in it natively, else "float32".

    NVIDIA cards before Ampere have no native bfloat16 and are not recognised; set "float32" there. `cpuinfo` is Linux's
    description of the processor; other systems have none, which gives float32.
    """
    if precision != "auto":
        return precision
    if keras.backend.backend() == "jax":
        import jax

        if jax.default_backend() != "cpu":
            return "bfloat16"
    return "bfloat16" if computes_bfloat16(cpuinfo) else "float32"


def prepare(seed, precision):
    """Put Keras in the state of a fresh process: seed all generators, and set and return the precision, with "auto" resolved.

    Weights are float32 in either precision.
    """
    keep_memory()
    keras.backend.clear_session()  # layers are numbered from 0 again, so that each repeat has the same names
    keras.utils.set_random_seed(seed)
    precision = resolve_precision(precision)
    keras.config.set_dtype_policy({"float32": "float32", "bfloat16": "mixed_bfloat16"}[precision])
    return precision
