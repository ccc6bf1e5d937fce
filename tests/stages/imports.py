"""Which modules of the pipeline a stage can import, read from the source: lazy imports inside functions count too."""

import ast
from pathlib import Path


def modules_of(*modules, root=Path()):
    """Return the files of all modules that `modules` (dotted names) import, directly or not, themselves included.

    Empty ``__init__.py`` files are left out: there is nothing in them to change.
    """
    files, waiting = set(), list(modules)
    while waiting:
        name = waiting.pop()
        for file in _files(name, root):
            if file not in files:
                files.add(file)
                waiting += _imported(file)
    return {file.as_posix() for file in files if (root / file).read_text().strip()}


def _files(name, root):
    """Files that importing a dotted name runs: its packages' ``__init__.py``, and itself if it is a module."""
    parts = name.split(".")
    for end in range(1, len(parts) + 1):
        stem = Path(*parts[:end])
        for file in (stem / "__init__.py", stem.with_suffix(".py")):
            if (root / file).exists():
                yield file


def _imported(file):
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            names = [node.module] + [f"{node.module}.{alias.name}" for alias in node.names]
        else:
            continue
        yield from (name for name in names if name.split(".")[0] == "pipeline")
