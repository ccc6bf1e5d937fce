"""Predict a volume block by block, in this process or by the workers of a Dask cluster."""

import json
import logging
import os
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
import zarr
from tqdm import tqdm

from pipeline.errors import UserError
from pipeline.parallel import deaf_to_ctrl_c
from pipeline.params import Inference
from pipeline.prediction import ome
from pipeline.prediction.checks import prepared
from pipeline.prediction.stack import opened

ROWS = 4 * ome.CHUNK  # of a block, at most: whole chunks, so that no two workers write one; few rows of windows are done twice
RETRIES = 3  # of a block whose worker died or could not read


@dataclass(frozen=True)
class Cluster:
    """Who computes.

    Parameters
    ----------
    model : str
        Path of the model, which each worker opens for itself.
    workers : int
        Processes on this machine; 1: this process.
    memory : str
        Of each worker, as Dask reads it ("2GiB"); a worker that needs more is restarted.
    scheduler : str, optional
        Address of a running Dask scheduler (tcp://...), whose workers see the same files.
    """

    model: str
    workers: int = 1
    memory: str = "auto"
    scheduler: str | None = None

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
                raise UserError(f"--scheduler: expected a running Dask scheduler at {self.scheduler}: {error}") from error
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
                logging.getLogger("distributed").setLevel(logging.CRITICAL)  # that workers are cut off is what was asked for
                raise


def probabilities(model, stack, target, pixel_size_nm, settings, grey_range, cluster):
    """Predict all blocks of a volume that an earlier run has not finished.

    A block is a page, or some thousand rows of a large one. Its values do not depend on the others, to the bit, so that
    any number of workers gives the same volume.

    Parameters
    ----------
    model : pipeline.inference.model.TrainedModel
    stack : pipeline.prediction.stack.Stack
    target : pathlib.Path
        OME-Zarr volume of the result; beside it stand the marks of the finished blocks.
    pixel_size_nm : tuple of float, or None
    settings : pipeline.params.Inference
    grey_range : tuple of float, or None
    cluster : Cluster

    Returns
    -------
    object
        ``read(page, start, stop)`` → ndarray (stop - start, W), float32.

    Raises
    ------
    UserError
        If the model brings whole images to one size, or a block failed again and again.
    """
    if model.card["resize"] is not None:
        raise UserError(f"{stack.path}: expected an image, received a volume: this model brings whole images to one size")
    marks = target.with_name("finished")
    if not marks.exists():
        ome.create(target, stack.pages, stack.shape, np.float32, pixel_size_nm, stack.path)
        marks.mkdir()
    blocks = [(page, start) for page in range(stack.pages) for start in range(0, stack.shape[0], ROWS)]
    waiting = [block for block in blocks if not _mark(marks, block).exists()]
    bar = tqdm(total=len(blocks), initial=len(blocks) - len(waiting), desc=stack.path.name, unit="block", disable=None)
    job = (str(stack.path), str(target / "0"), str(marks), json.dumps(settings.model_dump()), grey_range)
    with bar, cluster.client() as client:
        if client is None:
            for block in waiting:
                _predict_block(model, block, *job)
                bar.update()
        else:
            _spread(client, os.fspath(Path(cluster.model).resolve()), waiting, job, bar)
    return _Stored(zarr.open_array(target / "0", mode="r"))


@dataclass(frozen=True)
class _Stored:
    array: zarr.Array

    def read(self, page, start, stop):
        return np.asarray(self.array[page, start:stop])


def _spread(client, model, blocks, job, bar):
    """Give the blocks to the workers of a cluster, and wait for all."""
    from dask.distributed import as_completed

    # Paths are all that travels: the workers read and write the volumes themselves.
    absolute = tuple(os.path.abspath(path) for path in job[:3]) + job[3:]
    futures = client.map(_work, blocks, model=model, job=absolute, retries=RETRIES, pure=False)
    failed = []
    for future in as_completed(futures):
        if future.status == "error":
            failed.append(_first_cause(future.exception()))
        bar.update()
    if failed:
        raise UserError(f"{job[0]}: {len(failed)} of {len(blocks)} blocks failed, the others are kept; first: {failed[0]}")


def _first_cause(error):
    """What went wrong at first: Dask wraps it in an error of its own."""
    while error.__cause__ is not None:
        error = error.__cause__
    line = (str(error) or type(error).__name__).splitlines()[0]
    remedy = "; the scheduler and its workers need this project and its packages (docs/predict.md)"
    return line + (remedy if isinstance(error, ImportError) else "")


def _work(block, model, job):
    """Predict one block in a worker of a cluster."""
    _predict_block(_opened(model), block, *job)


@lru_cache(maxsize=1)
def _opened(model):
    logging.getLogger("distributed.worker.state_machine").setLevel(logging.ERROR)  # warns of each block that Ctrl-C cuts off
    from pipeline.startup import load_keras

    load_keras()
    from pipeline.inference.model import load_trained

    return load_trained(model)


def _predict_block(model, block, source, target, marks, settings, grey_range):
    """Predict rows of one page into the volume of probabilities, and mark them as finished."""
    page, first = block
    settings = Inference.model_validate_json(settings)
    array = zarr.open_array(target, mode="r+")
    with opened(source) as stack:
        read = prepared(stack, model.card, grey_range)
        end = min(first + ROWS, stack.shape[0])
        waiting, row = [], first
        for _, band in model.segment_rows(lambda start, stop: read(page, start, stop), stack.shape, settings, (first, end)):
            waiting.append(band)
            rows = sum(map(len, waiting))
            whole = rows if row + rows == end else rows // ome.CHUNK * ome.CHUNK
            if whole:
                bands = np.concatenate(waiting)
                array[page, row : row + whole] = bands[:whole]
                waiting, row = [bands[whole:]], row + whole
    _mark(Path(marks), block).touch()


def _mark(folder, block):
    page, first = block
    return folder / f"{page}-{first}"
