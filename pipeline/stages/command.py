"""The command line of a stage."""

import argparse
import gc

from pipeline.errors import plain_errors

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
    with plain_errors():
        main(*vars(parser.parse_args()).values())
    gc.freeze()  # the process ends: searching what it holds for garbage would take a second after TensorFlow
