"""List folders in the order in which people count."""

import re

IGNORED = ("thumbs.db", "desktop.ini", "__macosx")  # what desktops leave behind; names with a leading dot likewise


def natural(name):
    """Sort key by which ``slice2`` comes before ``slice10``.

    >>> sorted(["s10", "s2", "s1"], key=natural)
    ['s1', 's2', 's10']
    """
    parts = re.split(r"(\d+)", name)
    return [int(part) if part.isdecimal() else part.lower() for part in parts], name


def entries(folder):
    """Return the paths in a folder in natural order, without hidden files and what desktops leave behind."""
    visible = [path for path in folder.iterdir() if not path.name.startswith(".") and path.name.lower() not in IGNORED]
    return sorted(visible, key=lambda path: natural(path.name))
