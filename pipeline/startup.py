"""Start Keras quickly and quietly. Measured on two cores of a Xeon, TensorFlow 2.21, for each stage that computes:

- Hiding scikit-learn, Matplotlib and JAX while Keras is imported saves 1.3, 0.6 and 0.3 s of 6 s.
- Turning the garbage collector off during the import saves 0.5 s.
- oneDNN, where TensorFlow does not turn it on itself: a U-Net trains at full speed instead of 60 % of it.
- Keeping freed memory (`keep_memory`): 22 % of a training step of VGG16 with 4096 units.
"""

import ctypes
import gc
import logging
import os
import sys
from contextlib import contextmanager
from importlib.util import find_spec

from pipeline.errors import UserError

BACKENDS = ("tensorflow", "jax")  # that the tests train and predict with
# Environment variables that would change what is computed, and what they are set to; None: not set.
FIXED = {
    "TF_ENABLE_ONEDNN_OPTS": "1",  # TensorFlow does so by itself on processors with AVX-512 only
    "KERAS_MAX_EPOCHS": None,  # train.epochs decides
    "KERAS_MAX_STEPS_PER_EPOCH": None,  # an epoch is all patches
}
UNUSED = ("matplotlib", "sklearn")  # Keras and TensorFlow import them, if installed, for plots and wrappers that we do not use


def load_keras():
    """Import Keras and its backend, without TensorFlow's messages about build options and missing GPUs.

    A stage reads the params first: the import takes seconds, and a mistake in them should be reported at once. Raises a
    UserError if KERAS_BACKEND names a backend that is unknown or not installed, or ``keras.json`` is one that Keras refuses.
    """
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")  # 2 would still report a missing GPU as an error
    for name, value in FIXED.items():
        if os.environ.pop(name, value) != value:
            print(f"warning: {name} is ignored because it would change the results; unset it", file=sys.stderr)
        if value is not None:
            os.environ[name] = value
    backend = os.environ.setdefault("KERAS_BACKEND", "tensorflow")  # else ~/.keras/keras.json decides, which DVC does not see
    if backend not in BACKENDS:
        raise UserError(f"KERAS_BACKEND: expected {' or '.join(BACKENDS)}, received {backend!r}")
    if find_spec(backend) is None:
        raise UserError(f"KERAS_BACKEND: {backend} is not installed; `pip install {backend}`, or choose another backend")
    # The same lines compile each fold, seed or member of an ensemble. From the fifth on, TensorFlow takes them for one network
    # that is compiled anew each time, and warns.
    logging.getLogger("tensorflow").addFilter(lambda record: "tf.function retracing" not in str(record.msg))
    unused = UNUSED if backend == "jax" else (*UNUSED, "jax")
    hidden = [name for name in unused if name not in sys.modules]
    collecting = gc.isenabled()
    gc.disable()
    sys.modules.update(dict.fromkeys(hidden))  # None: Python raises ModuleNotFoundError
    try:
        with silent_stderr():
            import keras

            # Keras's own defaults, where ~/.keras/keras.json says otherwise: DVC does not see that file.
            keras.config.set_floatx("float32")
            keras.config.set_epsilon(1e-7)
            keras.config.set_image_data_format("channels_last")
            keras.utils.set_random_seed(0)  # imports TensorFlow, if it is installed, whatever the backend
    except ValueError as error:
        if "configuration" not in str(error):
            raise
        folder = os.environ.get("KERAS_HOME", "~/.keras")
        raise UserError(f"{folder}/keras.json: {error} Correct the file, or delete it") from error
    finally:
        for name in hidden:
            del sys.modules[name]
        gc.freeze()  # the collector never looks through TensorFlow's million objects again
        if collecting:
            gc.enable()


@contextmanager
def silent_stderr():
    """Discard what is written to file descriptor 2, which C++ uses instead of `sys.stderr`."""
    sys.stderr.flush()
    kept = os.dup(2)
    with open(os.devnull, "w") as nowhere:
        os.dup2(nowhere.fileno(), 2)
    try:
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)


# Parameters of glibc's mallopt, as in its malloc.h: never trim the heap, put large arrays there, use one for all threads.
M_TRIM_THRESHOLD, M_MMAP_MAX, M_ARENA_MAX = -1, -4, -8


def keep_memory():
    """Keep the memory that a step frees, for the next step to use.

    By default glibc returns large arrays to the kernel, which clears their pages each time. This is for commands, which
    end; a notebook may want its memory back. Does nothing but on Linux with glibc.
    """
    libc = ctypes.CDLL(None) if sys.platform == "linux" else None
    if hasattr(libc, "gnu_get_libc_version"):
        for parameter, value in ((M_TRIM_THRESHOLD, -1), (M_MMAP_MAX, 0), (M_ARENA_MAX, 1)):
            libc.mallopt(parameter, value)
