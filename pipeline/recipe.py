"""Run a recipe: ``python -m pipeline.recipe vnc``.

A recipe is a file ``recipes/<name>.yaml``: what it changes in ``params.yaml``, for the data sets that it names and no others. It
runs as one DVC experiment. Options after the name are those of ``dvc exp run``::

    python -m pipeline.recipe vnc -S datasets.vnc.path=/data/vnc-sstem --queue
"""

import argparse
import json
import os
import re

import yaml

from pipeline import params, paths
from pipeline.errors import UserError, plain_errors

SET, JOINED = ("-S", "--set-param"), ("-S", "--set-param=")  # options of dvc exp run, in front of a changed value
FIRST = re.compile(r"^([^=:]*:)?(?=[^+~])")  # of a changed value: perhaps a file and a colon


def main():
    parser = argparse.ArgumentParser(
        prog="python -m pipeline.recipe",
        description="Run a recipe as a DVC experiment. Without a name, list the recipes.",
        epilog="Options after the name go to `dvc exp run`, for example -S datasets.vnc.path=/data/vnc-sstem, or --queue.",
        allow_abbrev=False,
    )
    parser.add_argument("name", nargs="?", help="a file of recipes/, without .yaml")
    parser.add_argument("options", nargs=argparse.REMAINDER, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.name is None:
        for name, title in recipes().items():
            print(f"{name:28} {title}")
        return
    changes = [part for change in overrides(read(arguments.name), params.load()) for part in ("-S", change)]
    try:
        os.execvp("dvc", ["dvc", "exp", "run", *changes, *tolerant(arguments.options)])
    except FileNotFoundError as error:
        raise UserError("dvc: no such command; `source .venv/bin/activate` first") from error


def recipes():
    """Titles of all recipes, the first line of each file, by name."""
    files = sorted(paths.RECIPES.glob("*.yaml"))
    return {file.stem: file.read_text(encoding="utf-8").splitlines()[0].lstrip("# ") for file in files}


def read(name):
    """Read a recipe: a dict that is nested as ``params.yaml``. Raises a UserError that lists all recipes if there is none."""
    file = paths.RECIPES / f"{name}.yaml"
    if not file.exists():
        raise UserError(f"{name} is not a recipe; the recipes are: {', '.join(recipes())}")
    return yaml.safe_load(file.read_text(encoding="utf-8"))


def overrides(recipe, current):
    """List the arguments of ``dvc exp run -S`` that turn the `current` params into those of a recipe.

    Other data sets leave with the pairs and transfers that name them.
    """
    named = [(f"datasets.{name}", {name}) for name in current.datasets]
    named += [(f"pairs.{key}", {pair.dataset}) for key, pair in current.pairs.items()]
    named += [(f"transfers.{key}", {transfer.model, transfer.images}) for key, transfer in current.transfers.items()]
    dropped = [f"~{key}" for key, names in named if not names <= recipe["datasets"].keys()]
    return [*(f"++{key}={_grammar(value)}" for key, value in _leaves(recipe)), *dropped]


def tolerant(options):
    """Let ``-S key=value`` name a key that the recipe's file leaves to its default: DVC wants ``++key=value`` for that."""
    found, is_value = [], False
    for option in options:
        joined = next((flag for flag in JOINED if option.startswith(flag) and len(option) > len(flag)), "")
        value = option[len(joined) :]
        found.append(joined + FIRST.sub(r"\1++", value, count=1) if is_value or joined else option)
        is_value = option in SET
    return found


def _leaves(values, above=""):
    """Yield (key, value), with a dotted key, for each value that is no section."""
    for key, value in values.items():
        if isinstance(value, dict) and value:
            yield from _leaves(value, f"{above}{key}.")
        elif not (above == "datasets." and value is None):  # a data set that is named stays as it is
            yield f"{above}{key}", value


def _grammar(value):
    """Write a value in the grammar of Hydra, which reads the argument of -S: JSON, but a backslash stands for itself."""
    return json.dumps(value, ensure_ascii=False).replace("\\\\", "\\")


if __name__ == "__main__":
    with plain_errors():
        main()
