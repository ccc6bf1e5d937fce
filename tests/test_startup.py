"""What a process tells the C library before it computes."""

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
