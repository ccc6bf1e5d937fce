"""The command line of a stage."""

import argparse
import gc
import os
from contextlib import ExitStack, contextmanager
from pathlib import Path

from pipeline.errors import UserError, plain_errors

HELP = {
    "dataset": "a data set: its name under `datasets` in params.yaml",
    "model": "a data set: its name under `datasets` in params.yaml; its networks are scored",
    "images": "another data set of the same task, whose images they are scored on",
    "network": "a network: the name of its module in pipeline/networks",
}


def run(main, description, arguments=()):
    """Call `main` with the arguments of the command line (keys of `HELP`), and report a user's mistake without a traceback."""
    program = f"python -m {main.__globals__['__spec__'].name}"
    parser = argparse.ArgumentParser(prog=program, description=description.replace("``", "`"), allow_abbrev=False)
    for name in arguments:
        parser.add_argument(name, help=HELP[name])
    with plain_errors(), only_experiment(program):
        main(*vars(parser.parse_args()).values())
    gc.freeze()  # the process ends: searching what it holds for garbage would take a second after TensorFlow


@contextmanager
def only_experiment(program):
    """Let DVC refuse a second ``dvc exp run`` in this folder while the stage runs.

    DVC itself would start it, and discard what it needs to record the first one, which is then lost after all its training. An
    experiment begins by locking the stash below, so each stage holds a read lock on it, as any number may. Queued experiments
    have a stash of their own. Does nothing for a stage that DVC did not start.
    """
    if "DVC_ROOT" not in os.environ:
        yield
        return
    from dvc.fs import localfs
    from dvc.lock import LockError
    from dvc.repo.experiments.refs import WORKSPACE_STASH
    from dvc.rwlock import rwlock

    folder = Path(os.environ["DVC_ROOT"], ".dvc", "tmp", "exps")
    folder.mkdir(parents=True, exist_ok=True)
    with ExitStack() as held:
        try:
            held.enter_context(rwlock(str(folder), localfs, program, read=[WORKSPACE_STASH], write=[], hardlink=False))
        except LockError as error:
            raise UserError(
                f"another experiment has just been started in this folder; start the second with --queue\n{error}"
            ) from error
        yield
