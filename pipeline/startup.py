"""Start Keras quietly, and let the process keep its memory."""

import ctypes
import gc
import os
import sys
from contextlib import contextmanager
from importlib.util import find_spec

from pipeline.errors import UserError

BACKENDS = ("tensorflow", "jax")  # that the tests train and predict with


def load_keras():
    """Import Keras and its backend, without what TensorFlow's C++ writes about build options and missing GPUs.

    A stage calls this after it has read the params: the import takes seconds, and a mistake in them is told at once.
    An error in the import itself is raised as ever.

    Raises
    ------
    UserError
        If the environment names a backend that is unknown or not installed.
    """
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")  # 2 would still report a missing GPU as an error
    # TensorFlow turns oneDNN on by itself only where it finds AVX-512: with AVX2 alone a U-Net then trains at 60 % of the speed.
    os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "1")
    # Else ~/.keras/keras.json would decide, a file that DVC does not see.
    backend = os.environ.setdefault("KERAS_BACKEND", "tensorflow")
    if backend not in BACKENDS:
        raise UserError(f"KERAS_BACKEND: expected {' or '.join(BACKENDS)}, received {backend!r}")
    if find_spec(backend) is None:
        raise UserError(f"KERAS_BACKEND: expected an installed backend, received {backend!r}, which is not")
    with silent_stderr(), hidden(UNUSED if backend == "jax" else (*UNUSED, "jax")), uncollected():
        import keras

        keras.utils.set_random_seed(0)  # TensorFlow is imported here, if it is installed, whatever the backend


# What Keras and TensorFlow Lite import, if it is installed, for wrappers and drawings that this project does not use: with
# JAX, which counts only as the backend, 1.9 of 4.7 s of processor time in each of ten stages.
UNUSED = ("IPython", "matplotlib", "sklearn")


@contextmanager
def hidden(packages):
    """Let packages seem not to be installed; those that are imported already stay what they are."""
    packages = [name for name in packages if name not in sys.modules]
    sys.modules.update(dict.fromkeys(packages))  # None: Python raises ModuleNotFoundError
    try:
        yield
    finally:
        for name in packages:
            del sys.modules[name]


@contextmanager
def uncollected():
    """Spare the garbage collector what is made inside: modules stay until the end.

    It would look through TensorFlow's million objects several times while they are imported, once more at each full
    collection, and when the process ends: about a second in each of ten stages.
    """
    collecting = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        if collecting:
            gc.enable()


@contextmanager
def silent_stderr():
    """Point file descriptor 2 elsewhere: C++ does not go through `sys.stderr`."""
    sys.stderr.flush()
    kept = os.dup(2)
    with open(os.devnull, "w") as nowhere:
        os.dup2(nowhere.fileno(), 2)
    try:
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)


# Of glibc's mallopt, numbered as in its malloc.h: never trim the heap, large arrays on the heap too, one heap for all threads.
M_TRIM_THRESHOLD, M_MMAP_MAX, M_ARENA_MAX = -1, -4, -8
KEEPING = {M_TRIM_THRESHOLD: -1, M_MMAP_MAX: 0, M_ARENA_MAX: 1}


def keep_memory():
    """Let the process keep the memory that a step frees: the next step asks for the same again.

    By default glibc gives large arrays back to the kernel, which has to clear their pages each time: 22 % of a training
    step of VGG16 with 4096 units on two cores. For commands, which end; a notebook may want its memory back. Elsewhere
    than on Linux with glibc nothing is changed.
    """
    libc = ctypes.CDLL(None) if sys.platform == "linux" else None
    if hasattr(libc, "gnu_get_libc_version"):
        for parameter, value in KEEPING.items():
            libc.mallopt(parameter, value)
