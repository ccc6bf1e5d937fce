"""What the processor can do, as Linux describes it."""

from pathlib import Path

CPUINFO = Path("/proc/cpuinfo")  # other systems have none
BFLOAT16 = {"avx512_bf16", "amx_bf16", "bf16"}  # x86 with AVX512-BF16 or AMX; Arm's name for it


def flags(cpuinfo=CPUINFO):
    """Names of the instructions that the processor has: set of str."""
    return {flag for line in (*_entries(cpuinfo, "flags"), *_entries(cpuinfo, "Features")) for flag in line.split()}


def model_name(cpuinfo=CPUINFO):
    """What the processor is called, or None."""
    return next(iter(_entries(cpuinfo, "model name")), None)


def computes_bfloat16(cpuinfo=CPUINFO):
    """Whether the processor computes in bfloat16 natively."""
    return bool(flags(cpuinfo) & BFLOAT16)


def _entries(cpuinfo, key):
    lines = Path(cpuinfo).read_text().splitlines() if Path(cpuinfo).exists() else []
    return [value.strip() for name, _, value in (line.partition(":") for line in lines) if name.strip() == key]
