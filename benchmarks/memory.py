"""The peak of a process's own memory."""

import resource
from pathlib import Path


def peak_memory():
    """Bytes of resident memory at the peak.

    ``ru_maxrss`` alone would not do on Linux: a process starts with that of the one that started it.
    """
    status = Path("/proc/self/status")
    if status.exists():
        (line,) = (line for line in status.read_text().splitlines() if line.startswith("VmHWM"))
        return int(line.split()[1]) * 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss  # macOS, in bytes
