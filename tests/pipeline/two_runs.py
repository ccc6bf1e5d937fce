"""Run the whole pipeline twice from nothing, and compare every output: `make verify-reproducible`.

Further arguments are settings, as for ``dvc exp run -S``; ``small`` stands for those of the tests.
"""

import sys
import tempfile
from pathlib import Path

from tests.pipeline.project import SMALL, Project


def run(root, settings):
    """Make a copy of the checkout and run everything in it, with an empty cache."""
    project = Project.copy(root)
    (project.root / "dvc.lock").unlink()
    project.commit("nothing has run")
    changes = [argument for setting in settings for argument in ("-S", setting)]
    project.dvc("exp", "run", *changes, timeout=6 * 3600) if changes else project.dvc("repro", timeout=6 * 3600)
    return project


def first_difference(one, other, path):
    """Say where an output of two projects differs: the first file of a folder, and its first line or byte."""
    for a in sorted(file for file in [one.root / path, *(one.root / path).rglob("*")] if file.is_file()):
        b = other.root / a.relative_to(one.root)
        name = a.relative_to(one.root)
        if not b.exists():
            return f"{name}: only in the first run"
        first, second = a.read_bytes(), b.read_bytes()
        if first == second:
            continue
        position = next((i for i, (x, y) in enumerate(zip(first, second, strict=False)) if x != y), min(len(first), len(second)))
        near = slice(max(0, position - 30), position + 30)
        return f"{name}: byte {position} of {len(first)} and {len(second)}: {first[near]!r} and {second[near]!r}"
    return f"{path}: only in the second run"


def main(settings):
    with tempfile.TemporaryDirectory() as folder:
        one, other = (run(Path(folder, name), settings) for name in ("first", "second"))
        first, second = one.outputs(), other.outputs()
        different = sorted(path for path in first.keys() | second.keys() if first.get(path) != second.get(path))
        for path in sorted(first.keys() & second.keys() - set(different)):
            print(f"same       {first[path]}  {path}")
        for path in different:
            print(f"DIFFERENT  {first_difference(one, other, path)}")
    print(f"{len(first.keys() | second.keys()) - len(different)} of {len(first.keys() | second.keys())} outputs identical")
    return not different


if __name__ == "__main__":
    arguments = [item for argument in sys.argv[1:] for item in (SMALL if argument == "small" else [argument])]
    sys.exit(0 if main(arguments) else 1)
