"""Train one network on several devices and in several processes, each with a part of every batch.

JAX's runtime does it, through `keras.distribution`.
"""

import os
import sys
from contextlib import contextmanager
from dataclasses import dataclass

import keras

from pipeline.errors import UserError

HEARTBEAT_S = 30  # a process that is silent for this long counts as dead; JAX's default of 100 s keeps the others waiting
CLOSING_S = 30  # a process waits for the others for at most this long before it ends


@dataclass(frozen=True)
class Team:
    """The processes that train one network together: the number of this one, from 0, their number, and the devices of each."""

    process: int = 0
    processes: int = 1
    devices: int = 1

    @property
    def leads(self):
        """Whether this process writes the results; it is the one that DVC started."""
        return self.process == 0

    @property
    def size(self):
        """Devices of all processes."""
        return self.processes * self.devices

    def share(self, batch):
        """The part of a batch (N,) that this process computes, shape (ceil(N / size) * devices,).

        If the batch does not divide evenly, as the last one of an epoch, its first elements are repeated.
        """
        each = -(-len(batch) // self.size) * self.devices
        filled = batch.take(range(each * self.processes), mode="wrap")
        return filled[self.process * each : (self.process + 1) * each]

    @contextmanager
    def together(self):
        """A context in which a network is built and trained on all devices."""
        if self.size == 1:
            yield
            return
        import jax

        own = [[d for d in jax.devices() if d.process_index == p][: self.devices] for p in range(self.processes)]
        names = [f"{device.platform}:{device.id}" for devices in own for device in devices]
        # No auto_shard_dataset: each process already reads its own part of a batch only.
        with keras.distribution.DataParallel(devices=names, auto_shard_dataset=False).scope():
            try:
                yield
            except Exception as error:
                if self.processes == 1 or not _is_connection_error(error):
                    raise
                lost = f"error: process {self.process} lost another process ({str(error).splitlines()[0]})"
                remedy = "start all of them again, and training resumes after the last complete epoch"
                print(f"{lost}; {remedy}", file=sys.stderr, flush=True)
                os._exit(1)  # JAX would first wait for the lost process, and then abort with a stack trace

    def agree(self, what, value):
        """Raise a UserError if the processes have different values, with which they would wait for each other forever."""
        if self.processes == 1:
            return
        from jax.experimental import multihost_utils

        values = multihost_utils.process_allgather(value).tolist()
        if len(set(values)) > 1:
            raise UserError(f"the processes have different {what}: {values}; run all of them in the same folder")


ALONE = Team()


def join(devices):
    """Join the other processes, if the environment names any: `Team`.

    JAX's variables name them: ``JAX_COORDINATOR_ADDRESS`` (host:port of the first process), ``JAX_NUM_PROCESSES`` and
    ``JAX_PROCESS_ID``. Under Slurm, ``srun`` with several tasks is enough. `devices` is the number for each process; "auto"
    takes all that Keras's backend can share a batch between; with TensorFlow, one.
    """
    named = "JAX_COORDINATOR_ADDRESS" in os.environ
    several = named or int(os.environ.get("SLURM_STEP_NUM_TASKS", 1)) > 1
    if keras.backend.backend() != "jax":
        if several or devices not in ("auto", 1):
            asked = "several processes" if several else f"train.devices: {devices}"
            raise UserError(f"{asked}: only Keras on JAX can do this; set KERAS_BACKEND=jax")
        return ALONE
    import jax

    if several:
        who = _processes() if named else {}
        try:
            jax.distributed.initialize(**who, heartbeat_timeout_seconds=HEARTBEAT_S, shutdown_timeout_seconds=CLOSING_S)
        except (ValueError, RuntimeError) as error:
            raise UserError(f"cannot join the other processes ({who or 'as Slurm lists them'}): {error}") from error
    found = jax.local_device_count()
    if devices != "auto" and devices > found:
        raise UserError(f"train.devices: JAX finds only {found} here, not {devices}")
    return Team(jax.process_index(), jax.process_count(), found if devices == "auto" else devices)


def _processes():
    """What the environment says, for ``jax.distributed.initialize``, which reads the address alone."""
    numbers = {}
    for name, variable in (("num_processes", "JAX_NUM_PROCESSES"), ("process_id", "JAX_PROCESS_ID")):
        value = os.environ.get(variable, "")
        if not value.isdigit():
            raise UserError(f"{variable}: must be a number if JAX_COORDINATOR_ADDRESS is set, received {value!r}")
        numbers[name] = int(value)
    return numbers


def _is_connection_error(error):
    """Whether the connection between processes broke; JAX wraps the errors of Gloo in several types."""
    import jax

    return isinstance(error, jax.errors.JaxRuntimeError) or any(name in str(error) for name in ("Gloo", "NCCL"))
