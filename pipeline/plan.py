"""Look at your own images and suggest their block of ``params.yaml``: ``python -m pipeline.plan FOLDER``.

It prints what it sees, a block with a reason for each value, what to train it with, and about how long that takes here.
``--write NAME`` adds the block to ``params.yaml``, and its name to the list of a network. ``--pretrained`` plans for an
encoder pretrained on ImageNet.
"""

import argparse
import re
import shlex
from pathlib import Path

import yaml

from pipeline import params, paths
from pipeline.atomic import whole
from pipeline.errors import UserError, counted, plain_errors
from pipeline.parallel import cores
from pipeline.params.fields import RESERVED
from pipeline.planning.cost import matrix_speed, minutes
from pipeline.planning.describe import described_folder
from pipeline.planning.look import look
from pipeline.planning.rules import plan
from pipeline.planning.training import PRETRAINED, RANDOM
from pipeline.planning.write import add_dataset, add_to_list, block_text, option, shown
from pipeline.processor import computes_bfloat16


def main(arguments=None):
    parser = argparse.ArgumentParser(prog="python -m pipeline.plan", description=__doc__.splitlines()[0].replace("``", "`"))
    parser.add_argument("folder", metavar="FOLDER", help="your images: images/ and masks/, or one folder for each class")
    parser.add_argument("--write", metavar="NAME", help="add the block to params.yaml under this name")
    parser.add_argument("--pretrained", action="store_true", help="plan for an encoder pretrained on ImageNet")
    given = parser.parse_args(arguments)
    settings = params.load()
    if given.write and not _is_name(given.write):
        raise UserError(f"--write: expected a name of letters, digits, - and _, received {given.write!r}")
    if given.write in settings.datasets:
        raise UserError(f"datasets.{given.write} exists in {paths.PARAMS}; choose another name, or delete its block first")
    folder = Path(given.folder).expanduser()
    name = given.write or _suggested_name(folder, settings.datasets)
    seen = look(folder)
    network, *others = _networks(seen.task, settings, "encoder" if given.pretrained else "datasets")
    section = settings.networks[network]
    found, has_list = plan(seen, network, section, PRETRAINED if given.pretrained else RANDOM), "datasets" in section
    joined = f", and {name} to {network}.datasets" if has_list else ""
    if not has_list:
        pair = {"dataset": name, "network": network}
        found.training[f"pairs.{name}-{network}"] = pair, "this network has no list of data sets"
    print(*described_folder(seen), "", sep="\n")
    print(block_text(name, found.block))
    if given.write:
        _write(name, found.block, network if has_list else None)
        also = f"; {' and '.join(others)} would fit too" if others else ""
        print(f"{paths.PARAMS}: added datasets.{name}{joined}{also}")
    else:
        command = f"python -m pipeline.plan {shlex.quote(given.folder)} {'--pretrained ' * given.pretrained}--write {name}"
        print(f"`{command}` adds this to {paths.PARAMS}{joined}")
        if not given.pretrained and seen.colour:
            print("`--pretrained` plans for an encoder pretrained on ImageNet, better for few colour images (docs/pretrained.md)")
    for note in found.notes:
        print(f"note: {note}")
    precision = settings.train.precision
    _tell_training(name, found, network, section, computes_bfloat16() if precision == "auto" else precision == "bfloat16")


def _is_name(name):
    """Whether ``params.yaml`` takes a name of a data set as it is: YAML reads 2024 as a number, and "no" as false."""
    return re.fullmatch(r"[A-Za-z0-9][\w-]*", name) and yaml.safe_load(name) == name and name not in RESERVED


def _suggested_name(folder, taken):
    """A name after that of the folder which ``--write`` takes."""
    name = re.sub(r"\W+", "-", folder.resolve().name).strip("-_") or "own"
    while not _is_name(name) or name in taken:
        name = f"own-{name}"
    return name


def _tell_training(name, found, network, section, bfloat16):
    """Print what to train with, about how long that takes, and the command that does it."""
    print("\nTrain it with")
    for key, (value, reason) in found.training.items():
        print(f"  {key}: {shown(value)}  # {reason}")
    own = {key.split(".")[1]: value for key, (value, _) in found.training.items() if key.startswith(f"{network}.")}
    estimate = max(1, round(minutes(found.pixels, found.training["train.epochs"][0], section | own, matrix_speed(), bfloat16)))
    where = f"{cores()} cores of this computer in {'bfloat16' if bfloat16 else 'float32'}"
    print(f"About {counted(estimate, 'minute')} of training on {where}")
    print("(this may be off by a factor of two; a GPU is several times as fast)")
    # A pair is a key that params.yaml need not have.
    keys = {key: f"++{key}" if key.startswith("pairs.") else key for key in found.training}
    options = " ".join(f"-S {option(keys[key], value)}" for key, (value, _) in found.training.items())
    print(f"\nNext: dvc exp run evaluate@{name} {options}")


def _networks(task, settings, key):
    """Networks for a task whose section in ``params.yaml`` has a key, such as a list of data sets, in the order of the file."""
    having = [name for name, section in settings.networks.items() if key in section]
    source = {name: (paths.NETWORKS / f"{name}.py").read_text(encoding="utf-8") for name in having}
    fitting = [name for name in having if re.search(rf'TASK = "{task}"', source[name])]
    if not fitting:
        raise UserError(f"{paths.PARAMS}: no network for {task} has the setting {key}")
    return fitting


def _write(name, block, network):
    with open(paths.PARAMS, encoding="utf-8", newline="") as file:
        text = file.read()
    text = add_dataset(text, name, block)
    text = add_to_list(text, network, name) if network else text
    with whole(paths.PARAMS) as part:
        part.write_bytes(text.encode())
        params.load(part)


if __name__ == "__main__":
    with plain_errors():
        main()
