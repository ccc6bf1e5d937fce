"""Predict a volume block by block, in this process or on the workers of a Dask cluster."""

import logging
import os
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
import zarr
from tqdm import tqdm

from pipeline.errors import UserError, in_one_line
from pipeline.images.stack import opened
from pipeline.inference.decision import outputs
from pipeline.parallel import deaf_to_ctrl_c
from pipeline.prediction import ome
from pipeline.prediction.expectations import model_reader, section_reader
from pipeline.prediction.writers import fill

ROWS = 4 * ome.CHUNK  # of a block: whole chunks, so that no two workers write one, and few windows are predicted twice
RETRIES = 3  # of a block whose worker died or could not read


@dataclass(frozen=True)
class Cluster:
    """Who computes."""

    models: list  # paths, from which each worker loads the model, or all of them as one
    workers: int = 1  # processes on this machine; 1: this process
    memory: str = "auto"  # of each worker, as Dask reads it ("2GiB"); a worker that needs more is restarted
    scheduler: str | None = None  # address of a running Dask scheduler (tcp://...), whose workers see the same files

    @contextmanager
    def client(self):
        """Yield a Dask client, or None for this process."""
        if self.workers <= 1 and self.scheduler is None:
            yield None
            return
        from dask.distributed import Client, LocalCluster
        from dask.utils import parse_bytes

        if self.scheduler is not None:
            try:
                client = Client(self.scheduler, timeout="10s")
            except (OSError, ValueError) as error:
                raise UserError(f"--scheduler: no Dask scheduler answers at {self.scheduler} ({error})") from error
            with client:
                yield client
            return
        try:
            parse_bytes("1B" if self.memory == "auto" else self.memory)
        except ValueError as error:
            raise UserError(f"--memory: expected a size such as 2GiB, received {self.memory}") from error
        options = {"processes": True, "threads_per_worker": 1, "dashboard_address": None, "host": "127.0.0.1"}
        with deaf_to_ctrl_c():
            local = LocalCluster(n_workers=self.workers, memory_limit=self.memory, **options)
        with local, Client(local) as client:
            try:
                yield client
            except KeyboardInterrupt:
                logging.getLogger("distributed").setLevel(logging.CRITICAL)  # the user asked to cut the workers off
                raise


def predict_volume(model, stack, target, job):
    """Predict all blocks of a volume that an earlier run has not finished; return the Zarr array (..., H, W), float32.

    Several classes have an axis of their own (see `ome.class_axis`).

    A block is a page, or `ROWS` rows of a large one if the model does not resize images. Its values do not depend on the others,
    to the bit, so any number of workers gives the same volume. `target` is the OME-Zarr volume of the result; the folder
    ``finished`` beside it marks the finished blocks. A pixel size that the user chose replaces the one that `target` takes from
    the volume. `job` is a `pipeline.prediction.run.Job`. Raises `UserError` if a block failed again and again.
    """
    marks = target.with_name("finished")
    if not marks.exists():
        ome.create(target, np.float32, job.choices.pixel_size_nm, stack.path, outputs(model.card))
        marks.mkdir()
    height = stack.shape[0]
    starts = range(0, height, ROWS if model.card["resize"] is None else height)
    blocks = [(page, start, min(start + starts.step, height)) for page in range(stack.pages) for start in starts]
    waiting = [block for block in blocks if not _mark(marks, block).exists()]
    bar = tqdm(total=len(blocks), initial=len(blocks) - len(waiting), desc=stack.path.name, unit="block", disable=None)
    # The workers read and write the volumes themselves: no pixels travel.
    paths = [os.path.abspath(path) for path in (stack.path, target / "0", marks)]
    how = (*paths, job.settings, job.choices.intensity_range)
    with bar, job.cluster.client() as client:
        if client is None:
            for block in waiting:
                _predict_block(model, block, *how)
                bar.update()
        else:
            _predict_on_workers(client, tuple(str(Path(path).resolve()) for path in job.cluster.models), waiting, how, bar)
    return zarr.open_array(target / "0", mode="r")


def _predict_on_workers(client, models, blocks, how, bar):
    from dask.distributed import as_completed

    failed = []
    for future in as_completed(client.map(_predict_on_worker, blocks, models=models, how=how, retries=RETRIES, pure=False)):
        if future.status == "error":
            failed.append(_first_cause(future.exception()))
        bar.update()
    if failed:
        raise UserError(
            f"{how[0]}: {len(failed)} of {len(blocks)} blocks failed and the others are kept; the first failure: {failed[0]}"
        )


def _first_cause(error):
    """The error at the root of those that Dask wraps around it."""
    while error.__cause__ is not None:
        error = error.__cause__
    remedy = "; the scheduler and its workers need this project and its packages (docs/predict.md)"
    return in_one_line(error) + (remedy if isinstance(error, ImportError) else "")


def _predict_on_worker(block, models, how):
    _predict_block(_loaded(models), block, *how)


@lru_cache(maxsize=1)
def _loaded(models):
    logging.getLogger("distributed.worker.state_machine").setLevel(logging.ERROR)  # it warns of each block that Ctrl-C cuts off
    from pipeline.startup import load_keras

    load_keras()
    from pipeline.inference.ensemble import load_all

    return load_all(models)


def _predict_block(model, block, source, target, marks, settings, intensity_range):
    """Predict rows of one page into the volume of probabilities, and mark them as finished."""
    page, *rows = block
    model = model if intensity_range is None else model.taking_any_range()
    with opened(source) as stack:
        read = section_reader(model_reader(stack, model.card, intensity_range), stack, model.card)
        bands = model.segment_rows(lambda start, stop: read(page, start, stop), stack.shape, settings, rows)
        axis = ome.class_axis(source, outputs(model.card))
        fill(zarr.open_array(target, mode="r+"), page, (band for _, band in bands), rows[0], axis)
    _mark(Path(marks), block).touch()


def _mark(folder, block):
    page, start, _ = block
    return folder / f"{page}-{start}"
