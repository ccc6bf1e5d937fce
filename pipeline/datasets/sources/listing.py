"""List folders in the order in which people count."""

import re

IGNORED = ("thumbs.db", "desktop.ini", "__macosx")  # desktops leave them behind, and names with a leading dot


def natural(name):
    """Sort key that puts ``slice2`` before ``slice10``."""
    return [int(part) if part.isdecimal() else part.lower() for part in re.split(r"(\d+)", name)], name


def entries(folder):
    """Return the paths in a folder in natural order, without hidden files and what desktops leave behind."""
    visible = [path for path in folder.iterdir() if not path.name.startswith(".") and path.name.lower() not in IGNORED]
    return sorted(visible, key=lambda path: natural(path.name))
