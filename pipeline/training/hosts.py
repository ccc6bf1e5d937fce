"""Several devices and several processes, each with a part of every batch: JAX's runtime through `keras.distribution`."""

import os
import sys
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass

import keras

from pipeline.errors import UserError

HEARTBEAT_S = 30  # after which a process that is no longer heard counts as dead; JAX's own 100 s keep the others waiting
CLOSING_S = 30  # at most, that a process waits at its end for the others


@dataclass(frozen=True)
class Team:
    """The processes that train one network together.

    Attributes
    ----------
    process, processes : int
        This one, counted from 0, and how many there are.
    devices : int
        Of each process.
    """

    process: int = 0
    processes: int = 1
    devices: int = 1

    @property
    def leads(self):
        """Whether this is the process that writes the results; it is the one that DVC started."""
        return self.process == 0

    @property
    def size(self):
        """Devices of all processes: what a batch is divided by."""
        return self.processes * self.devices

    def share(self, rows):
        """The part of a batch that this process computes.

        Parameters
        ----------
        rows : ndarray, shape (N,)
            The whole batch. What it lacks for equal parts, which is only ever the last of an epoch, is filled up from
            its beginning.

        Returns
        -------
        ndarray, shape (ceil(N / size) * devices,)
        """
        each = -(-len(rows) // self.size) * self.devices
        filled = rows.take(range(each * self.processes), mode="wrap")
        return filled[self.process * each : (self.process + 1) * each]

    def together(self):
        """A context in which networks are built, and trained, on all devices."""
        if self.size == 1:
            return nullcontext()
        return self._together()

    @contextmanager
    def _together(self):
        import jax

        own = [[d for d in jax.devices() if d.process_index == p][: self.devices] for p in range(self.processes)]
        names = [f"{device.platform}:{device.id}" for devices in own for device in devices]
        # Not auto_shard_dataset: each process reads its own part, and no other.
        with keras.distribution.DataParallel(devices=names, auto_shard_dataset=False).scope():
            try:
                yield
            except Exception as error:
                if self.processes == 1 or not _lost(error):
                    raise
                reason = str(error).splitlines()[0]
                remedy = "start all of them again, and training goes on after the last whole epoch"
                print(f"error: process {self.process} lost another one; {remedy} ({reason})", file=sys.stderr, flush=True)
                os._exit(1)  # JAX would first wait for the one that is gone, and then abort with a stack trace

    def agree(self, what, value):
        """Stop where the processes differ in a number: they would wait for each other for ever."""
        if self.processes == 1:
            return
        from jax.experimental import multihost_utils

        values = multihost_utils.process_allgather(value).tolist()
        if len(set(values)) > 1:
            raise UserError(f"expected the same {what} in all processes, received {values}; all need the same folder")


ALONE = Team()


def join(devices):
    """Join the other processes, if the environment names any.

    JAX's variables name them, ``JAX_COORDINATOR_ADDRESS`` (host:port of the first), ``JAX_NUM_PROCESSES`` and
    ``JAX_PROCESS_ID``; under Slurm, ``srun`` with several tasks is enough.

    Parameters
    ----------
    devices : int or "auto"
        Of each process; "auto": all that Keras's backend can share a batch between, which with TensorFlow is one.

    Returns
    -------
    Team
    """
    named = "JAX_COORDINATOR_ADDRESS" in os.environ
    several = named or int(os.environ.get("SLURM_STEP_NUM_TASKS", 1)) > 1
    if keras.backend.backend() != "jax":
        if several or devices not in ("auto", 1):
            asked = "several processes" if several else f"train.devices: {devices}"
            raise UserError(f"{asked}: expected Keras on JAX (KERAS_BACKEND=jax), received {keras.backend.backend()}")
        return ALONE
    import jax

    if several:
        who = _named() if named else {}
        try:
            jax.distributed.initialize(**who, heartbeat_timeout_seconds=HEARTBEAT_S, shutdown_timeout_seconds=CLOSING_S)
        except (ValueError, RuntimeError) as error:
            raise UserError(f"expected to join the other processes as {who or 'Slurm says'}, received: {error}") from error
    found = jax.local_device_count()
    if devices != "auto" and devices > found:
        raise UserError(f"train.devices: expected at most the {found} that JAX finds here, received {devices}")
    return Team(jax.process_index(), jax.process_count(), found if devices == "auto" else devices)


def _lost(error):
    """Whether an error comes from the connection between processes; JAX wraps those of Gloo in several types."""
    import jax

    return isinstance(error, jax.errors.JaxRuntimeError) or any(name in str(error) for name in ("Gloo", "NCCL"))


def _named():
    numbers = {}
    for name, variable in (("num_processes", "JAX_NUM_PROCESSES"), ("process_id", "JAX_PROCESS_ID")):
        value = os.environ.get(variable, "")
        if not value.isdigit():
            raise UserError(f"{variable}: expected a number, as JAX_COORDINATOR_ADDRESS is set, received {value!r}")
        numbers[name] = int(value)
    return numbers | {"coordinator_address": os.environ["JAX_COORDINATOR_ADDRESS"]}
