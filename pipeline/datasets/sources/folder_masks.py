"""What the masks of a user's folder hold: figures that show whether they were read by the right rule."""

import sys

import numpy as np

from pipeline.errors import counted
from pipeline.images.io import IGNORED

SHOWN = 5  # names in one line


class MaskFigures:
    """Collect figures of masks, one at a time, and print them."""

    def __init__(self, classes):
        self._classes = classes
        self._pixels = np.zeros(IGNORED + 1, np.int64)  # of each class, and those that are ignored
        self._shares, self._full, self._objects, self._ignored = [], [], 0, 0

    def add(self, mask, name):
        """Count the pixels of one `Mask`; `name` is told if it is all foreground."""
        pixels = np.bincount(mask.classes.ravel(), minlength=IGNORED + 1)
        self._pixels += pixels
        counted = pixels[:IGNORED].sum()
        if not counted:
            self._ignored += 1  # neither empty nor full: nobody knows what it shows
            return
        self._shares.append(1 - pixels[0] / counted)
        if self._shares[-1] == 1:
            self._full.append(name)
        if mask.instances is not None:
            self._objects += np.count_nonzero(np.unique(mask.instances))

    @property
    def any_foreground(self):
        return any(self._shares)

    @property
    def any_background(self):
        return any(share < 1 for share in self._shares)

    def tell(self, folder, key):
        """Print the figures, and warn of what looks like masks that were misread."""
        shares, count, background = np.array(self._shares), len(self._shares) + self._ignored, self._classes[0]
        empty = np.count_nonzero(shares == 0)
        lowest, middle, highest = (f"{100 * share:.3g} %" for share in (shares.min(), np.median(shares), shares.max()))
        objects = f", {self._objects} objects" if self._objects else ""
        ignored = f", ignored: {self._ignored}" if self._ignored else ""
        print(
            f"{folder}: {counted(count, 'image')}{objects}; empty masks: {empty}, full: {len(self._full)}{ignored}; "
            f"foreground per image: {lowest} to {highest}, median {middle}"
        )
        total, classes = self._pixels.sum(), enumerate(self._classes)
        if len(self._classes) > 2 or self._pixels[IGNORED]:
            parts = [f"{name} {100 * self._pixels[number] / total:.3g} %" for number, name in classes]
            print(f"{folder}: of all pixels: {', '.join(parts)}, ignored {100 * self._pixels[IGNORED] / total:.3g} %")
        meaning = f"check the masks, and {key}.classes and {key}.folder, which say what their values mean"
        if self._full:
            names = ", ".join(self._full[:SHOWN]) + (", ..." if len(self._full) > SHOWN else "")
            _warn(f"{folder}: {len(self._full)} of {count} masks have no {background}: {names}; {meaning}")
        if empty > count / 2:
            _warn(f"{folder}: {empty} of {count} masks have nothing but {background}; {meaning}")
        for number, name in enumerate(self._classes):
            if not self._pixels[number] and number:
                _warn(f"{folder}: no mask has any {name}; {meaning}")


def _warn(text):
    print(f"warning: {text}", file=sys.stderr)
