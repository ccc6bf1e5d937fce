"""What made the results: the audit of the split in words, and the versions of the software."""

import contextlib
import platform
from importlib import metadata

from pipeline.errors import counted

PACKAGES = ("tensorflow", "jax", "keras", "numpy", "scipy", "scikit-image", "scikit-learn", "pandas", "dvc")


def audit_in_words(audit):
    """Say what the audit of the split found; `audit` is what `pipeline.patches.audit.summarize` gives."""
    images, touched = audit["images"], audit["test_images_with_a_near_duplicate_in_train"]
    text = f"The audit compared {counted(audit['pairs'], 'pair')} of images on different sides of the split "
    if "folds" in audit:
        text += f"in any of {audit['folds']} folds ({images['test']:,} images, each tested once): "
    else:
        text += f"({images['train']:,} training, {images['val']:,} validation, {images['test']:,} test): "
    text += f"{counted(audit['identical'], 'identical pair')}, {counted(audit['near'], 'pair')} of near-duplicates "
    text += f"(correlation of {audit['correlation']:g} or more)."
    if touched:
        text += f" {counted(touched, 'test image')} of {images['test']:,} {'has' if touched == 1 else 'have'} a near-duplicate"
        text += " in training, so the scores partly measure memory."
    return text


def versions():
    """Versions of Python and of the packages that are installed: dict of str to str."""
    found = {"Python": platform.python_version()}
    for name in PACKAGES:
        with contextlib.suppress(metadata.PackageNotFoundError):
            found[name] = metadata.version(name)
    return found
