"""What affects the last bits of a training besides code, params and patches: processor, threads, versions."""

import os
import platform
import sys

import keras

from pipeline.parallel import cores
from pipeline.processor import CPUINFO, flags, model_name

# Instructions for which TensorFlow, oneDNN and XLA have kernels of their own; each adds numbers in another order.
INSTRUCTIONS = ("sse4_1", "avx", "fma", "avx2", "avx_vnni", "avx512", "amx", "asimd", "sve", "i8mm", "bf16")
# Variables that change what these libraries compute. Others, such as OMP_NUM_THREADS, left every byte as it was.
VARIABLES = ("ONEDNN_MAX_CPU_ISA", "DNNL_MAX_CPU_ISA", "ONEDNN_DEFAULT_FPMATH_MODE", "DNNL_DEFAULT_FPMATH_MODE")
VARIABLES += ("TF_SET_ONEDNN_FPMATH_MODE", "TF_XLA_FLAGS", "XLA_FLAGS", "NVIDIA_TF32_OVERRIDE", "JAX_DEFAULT_MATMUL_PRECISION")


def environment(cpuinfo=CPUINFO):
    """Describe what this process computes with: dict, the same in every process that computes the same bits.

    It goes into the model's card and into the key of its checkpoint.
    """
    versions = {name: sys.modules[name].__version__ for name in ("keras", "numpy", "tensorflow", "jax") if name in sys.modules}
    found = {"backend": keras.backend.backend(), "versions": versions, "processor": platform.machine()}
    found |= {"instructions": sorted(flag for flag in flags(cpuinfo) if flag.startswith(INSTRUCTIONS)), "threads": threads()}
    if name := model_name(cpuinfo):
        found["processor"] += f", {name}"
    if keras.backend.backend() == "jax":
        import jax

        found["device"] = jax.local_devices()[0].device_kind
    return found | {"variables": {name: os.environ[name] for name in VARIABLES if name in os.environ}}


def threads():
    """How many threads share one operation: as the backend decides, by its environment variable or the cores it may use."""
    variable = "NPROC" if keras.backend.backend() == "jax" else "TF_NUM_INTRAOP_THREADS"
    given = os.environ.get(variable, "")
    return int(given) if given.isdigit() and int(given) > 0 else cores()
