"""What made the results: the audit of the split in words, and the versions of the software."""

import platform
from importlib import metadata

from pipeline.reporting.numbers import COUNT, fixed

PACKAGES = ("tensorflow", "keras", "numpy", "scipy", "scikit-image", "scikit-learn", "pandas", "dvc")


def audit_in_words(audit):
    """Tell what the search for near-duplicates across the split found.

    Parameters
    ----------
    audit : dict
        ``audit.json``, as `pipeline.patches.audit.AuditedSplit` describes its summary.

    Returns
    -------
    str
    """
    images = audit["images"]
    roles = {"train": "training", "val": "validation", "test": "test"}
    listed = ", ".join(f"{fixed(images[split], COUNT)} {title}" for split, title in roles.items())
    text = f"{fixed(audit['pairs'], COUNT)} pairs of images on different sides of the split ({listed}) were compared: "
    text += f"{_number(audit['identical'], 'identical pair')}, {_number(audit['near'], 'pair')} of near-duplicates "
    text += f"(correlation of {audit['correlation']:g} or more)."
    touched = audit["test_images_with_a_near_duplicate_in_train"]
    if touched:
        text += f" {_number(touched, 'test image').capitalize()} of {fixed(images['test'], COUNT)} "
        text += (
            f"{'has' if touched == 1 else 'have'} a near-duplicate in training: their scores tell more of memory than of skill."
        )
    return text


def _number(count, noun):
    return f"{fixed(count, COUNT) if count else 'no'} {noun}{'' if count == 1 else 's'}"


def versions():
    """Versions of Python and of the packages that are installed, in a fixed order: dict of str to str."""
    found = {"Python": platform.python_version()}
    for name in PACKAGES:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:  # another backend may stand in TensorFlow's place
            continue
    return found
