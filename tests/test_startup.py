"""What a process imports, and how it keeps its memory, before it computes."""

import os
import subprocess
import sys

import pytest

FAULTS = """
import resource
import numpy as np
from pipeline.startup import keep_memory
if {keep}:
    keep_memory()
np.ones(2**23)
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for _ in range(8):
    np.ones(2**23)  # 64 MiB, freed at once
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


def faults(keep):
    done = subprocess.run([sys.executable, "-c", FAULTS.format(keep=keep)], capture_output=True, text=True, check=True)
    return int(done.stdout)


@pytest.mark.skipif(sys.platform != "linux", reason="mallopt is glibc's")
def test_freed_memory_is_used_again():
    """Pages that the kernel had to hand out anew, with and without."""
    assert faults(keep=True) < 8 < faults(keep=False)


def modules(then="", **environment):
    """Which of four packages are imported once Keras was loaded, and again after `then` was run."""
    code = f"import sys\nfrom pipeline.startup import load_keras\nload_keras()\nprint(*sys.modules)\n{then}\nprint(*sys.modules)"
    known = {key: value for key, value in os.environ.items() if key != "KERAS_BACKEND"} | environment
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=known)
    return [{"jax", "tensorflow", "sklearn", "matplotlib"} & set(line.split()) for line in done.stdout.splitlines()]


def test_only_what_is_needed_is_loaded_for_the_backend_that_the_environment_says(tmp_path):
    (tmp_path / "keras.json").write_text('{"backend": "torch"}')  # Keras asks it where the environment says nothing
    then = "import keras, jax, matplotlib, sklearn; assert keras.backend.backend() == 'tensorflow'"
    first, later = modules(then, KERAS_HOME=str(tmp_path))
    assert first == {"tensorflow"}
    assert later == {"tensorflow", "jax", "matplotlib", "sklearn"}
    first, _ = modules("import keras; assert keras.backend.backend() == 'jax'", KERAS_BACKEND="jax")
    assert "jax" in first


def refusal(before="", **environment):
    code = f"{before}\nfrom pipeline.errors import plain_errors\nfrom pipeline.startup import load_keras\n"
    code += "with plain_errors():\n    load_keras()"
    known = os.environ | environment
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=known)
    assert done.returncode == 1
    assert done.stderr.startswith("error: ") and done.stderr.count("\n") == 1
    return done.stderr


def test_an_unusable_backend_is_a_one_line_error():
    assert "KERAS_BACKEND: expected tensorflow or jax, received 'tensorflw'" in refusal(KERAS_BACKEND="tensorflw")
    # As where JAX is not installed.
    hide = "import importlib.util as u\nfind = u.find_spec\nu.find_spec = lambda name: None if name == 'jax' else find(name)"
    assert "KERAS_BACKEND: jax is not installed" in refusal(hide, KERAS_BACKEND="jax")


def test_settings_that_keras_refuses_are_a_one_line_error(tmp_path):
    (tmp_path / "keras.json").write_text('{"floatx": "float8"}')
    assert f"{tmp_path}/keras.json: Invalid `floatx`" in refusal(KERAS_HOME=str(tmp_path))
