"""What belongs together in a user's folder: stated by a regular expression on the file stems, or by a table ``groups.csv``."""

import csv
import re
import sys
from collections import defaultdict

from pipeline.datasets.sources.folder_files import TABLE, composed
from pipeline.datasets.sources.listing import entries
from pipeline.errors import listed

SHOWN = 10  # names in one line
COLUMNS = ("image", "group")


def find_groups(files, root, parts, pattern, key, problems):
    """Return the group of each image by its path, none if none are stated, and whether their names hold everywhere.

    Names in a table in the root do. Others hold within their split and class: folders number their groups independently.
    """
    found = [path for folder in (root, *parts.values()) for path in entries(folder) if path.name.casefold() == TABLE]
    tables = {path.parent: path for path in found if path.is_file()}
    if pattern is not None:
        problems += [f"{path}: {key}.folder.group states groups too; remove one of the two" for path in tables.values()]
        return _by_pattern(files, pattern, key, problems), False
    everywhere = root in tables
    if everywhere and len(tables) > 1:
        told = f"{tables[root]} states groups too; remove one of them"
        problems += [f"{path}: {told}" for folder, path in tables.items() if folder != root]
        return {}, everywhere
    groups = {}
    for folder, path in tables.items():
        groups |= _by_table(path, [file for file in files if folder in file.path.parents], folder == root, problems)
    if tables and not everywhere:
        rest = [part for part in parts.values() if part not in tables]
        problems += [f"{part}: no {TABLE}, but {next(iter(tables.values()))} exists; every image needs a row" for part in rest]
    return groups, everywhere


def warn_of_shared(files, groups, everywhere):
    """Print a note if train/, val/ and test/ share groups. `everywhere`: a name means the same group in all of them."""
    splits = defaultdict(set)
    for file in files:
        group = groups[file.path] if everywhere else groups[file.path].removeprefix(f"{file.split}/")
        splits[group].add(file.split)
    shared = [group for group, found in splits.items() if len(found) > 1]
    if shared:
        note = "the split of your folders leaks"
        note = note if everywhere else f"if they mean the same there (such as the same patient), {note}"
        many = f"{len(shared)} groups occur" if len(shared) > 1 else "1 group occurs"
        print(f"note: {many} in more than one of train/, val/ and test/; {note}", file=sys.stderr)


def _by_pattern(files, pattern, key, problems):
    groups = {}
    for file in files:
        match = re.search(pattern, file.stem)
        if match and match[1]:
            groups[file.path] = "/".join(filter(None, (file.split, file.label, match[1])))
        else:
            problems.append(f"{file.path}: {key}.folder.group {pattern!r} does not match {file.stem!r}; correct one of them")
    return groups


def _by_table(path, files, everywhere, problems):
    """Read the groups of `files` from a table, which may name an image by its path from the table, its file name or its stem."""
    named = defaultdict(set)
    for file in files:
        for name in _names(file, path.parent):
            named[name].add(file)
    stated, unknown = defaultdict(set), []
    for line, image, group in _rows(path, problems):
        found = named.get(image, set())
        if not found:
            unknown.append(image)
        elif len(found) > 1:
            paths = sorted(file.path.relative_to(path.parent).as_posix() for file in found)
            problems.append(f"{path}: line {line}: {image} may be {listed(paths, SHOWN)}; write the path")
        elif not group:
            problems.append(f"{path}: line {line}: {image} has no group")
        for file in found:
            stated[file].add(group)
    if unknown:
        problems.append(f"{path}: no image is called {listed(unknown, SHOWN)}; correct or remove the rows")
    rest = [file.path.relative_to(path.parent).as_posix() for file in files if file not in stated]
    if rest:
        problems.append(f"{path}: no row for {listed(rest, SHOWN)}; every image needs one")
    groups = {}
    for file, found in stated.items():
        if len(found) > 1:
            problems.append(f"{path}: {file.path.name} is in the groups {listed(sorted(found), SHOWN)}; keep one row")
        groups[file.path] = "/".join(filter(None, ("" if everywhere else file.split, next(iter(found)))))
    return groups


def _names(file, folder):
    relative = composed(file.path.relative_to(folder).as_posix())
    logical = "/".join(filter(None, (file.split, file.label, file.stem)))
    suffix = composed(file.path.name).removeprefix(file.stem)
    return {relative, relative.removesuffix(suffix), logical, logical + suffix, file.stem, composed(file.path.name)}


def _rows(path, problems):
    """Read line number, image and group of each row of a table, separated by commas, semicolons or tabs."""
    try:
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError:
        problems.append(f"{path}: not a text file in UTF-8; save it as CSV UTF-8")
        return []
    header = text.partition("\n")[0]
    delimiter = max(",;\t", key=header.count)
    try:
        rows = list(csv.reader(text.splitlines(), delimiter=delimiter))
    except csv.Error as error:
        problems.append(f"{path}: not a table: {error}")
        return []
    names = [name.strip().casefold() for name in rows[0]] if rows else []
    if not set(COLUMNS) <= set(names):
        problems.append(f"{path}: expected the columns image,group, received {','.join(names) or 'nothing'}")
        return []
    columns = [names.index(name) for name in COLUMNS]
    table = []
    for line, row in enumerate(rows[1:], start=2):
        if any(cell.strip() for cell in row):
            image, group = (composed(row[n]).strip() if n < len(row) else "" for n in columns)
            table.append((line, image.replace("\\", "/").removeprefix("./"), group))
    return table
