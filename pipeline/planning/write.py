"""The text of a plan, and its place in ``params.yaml``, of which every other byte stays."""

import shlex

import yaml

from pipeline.errors import UserError

NOT_A_BLOCK = "is not written as an indented block; add the data set by hand"


def block_text(name, block, indent=2):
    """Write a block of ``datasets`` as YAML, with a reason behind each value."""
    return "\n".join([f"{' ' * indent}{name}:", *_lines(block, indent + 2)]) + "\n"


def add_dataset(text, name, block):
    """Add a data set to the text of ``params.yaml``, after the last one."""
    root = yaml.compose(text)
    datasets = _child(root, "datasets")
    if not isinstance(datasets, yaml.MappingNode) or datasets.flow_style or not datasets.value:
        raise UserError(f"datasets {NOT_A_BLOCK}")
    indent = datasets.value[0][0].start_mark.column
    return _after(text, _last_line(datasets), block_text(name, block, indent))


def add_to_list(text, network, name):
    """Add a data set to the list of a network in the text of ``params.yaml``."""
    listed = _child(_child(yaml.compose(text), network), "datasets")
    if not isinstance(listed, yaml.SequenceNode):
        raise UserError(f"{network}.datasets {NOT_A_BLOCK}")
    if not listed.flow_style:
        last = listed.value[-1]
        line = text.splitlines()[last.start_mark.line]
        return _after(text, _last_line(last), f"{line[: last.start_mark.column]}{name}\n")
    end = listed.value[-1].end_mark.index if listed.value else listed.start_mark.index + 1
    return f"{text[:end]}{', ' if listed.value else ''}{name}{text[end:]}"


def option(key, value):
    """Write a key and its value as an argument of ``dvc exp run -S``, quoted for the shell."""
    return shlex.quote(f"{key}={shown(value)}")


def shown(value):
    """A value as YAML writes it on one line."""
    if value is None:
        return ""
    text = yaml.safe_dump(value, default_flow_style=True, width=1000, allow_unicode=True)
    return text.removesuffix("...\n").strip()


def _lines(block, indent):
    for key, value in block.items():
        start = f"{' ' * indent}{shown(key)}:"
        if isinstance(value, dict):
            yield start
            yield from _lines(value, indent + 2)
            continue
        value, reason = value
        listed = value if isinstance(value, list) else []
        yield (start if listed else f"{start} {shown(value)}".rstrip()) + f"  # {reason}"
        yield from (f"{' ' * indent}- {shown(one)}" for one in listed)  # one value a line, as DVC writes lists


def _child(node, key):
    pairs = node.value if isinstance(node, yaml.MappingNode) else []
    return next((value for name, value in pairs if name.value == key), None)


def _last_line(node):
    """The last line on which anything of a node stands."""
    if isinstance(node, yaml.ScalarNode) or node.flow_style or not node.value:
        end = node.end_mark
        return end.line - 1 if end.column == 0 and end.line > node.start_mark.line else end.line
    parts = [part for pair in node.value for part in pair] if isinstance(node, yaml.MappingNode) else node.value
    return max(map(_last_line, parts))


def _after(text, line, added):
    lines = text.splitlines(keepends=True)
    ending = "\r\n" if lines[line].endswith("\r\n") else "\n"
    if not lines[line].endswith("\n"):
        lines[line] += ending
    lines.insert(line + 1, added.replace("\n", ending))
    return "".join(lines)
