"""What the masks of a user's folder hold: figures that show whether they were read by the right rule."""

import sys

import numpy as np

from pipeline.errors import counted
from pipeline.images.io import IGNORED

SHOWN = 5  # names in one line


class MaskFigures:
    """Collect figures of masks, one at a time, and print them."""

    def __init__(self, classes):
        self._classes, self._names, self._pixels, self._objects = classes, [], [], 0

    def add(self, mask, name):
        """Count the pixels and the objects of one `Mask`; `tell` gives its `name` if it is all foreground."""
        self._names.append(name)
        self._pixels.append(np.bincount(mask.classes.ravel(), minlength=IGNORED + 1))
        if mask.instances is not None:
            self._objects += np.count_nonzero(np.unique(mask.instances))

    def _shares(self):
        """Share of foreground in each mask; NaN if all pixels are ignored, since such a mask is neither empty nor full."""
        pixels = np.array(self._pixels)[:, :IGNORED]
        known = pixels.sum(axis=1)
        return 1 - pixels[:, 0] / np.where(known, known, np.nan)

    def missing(self, folder, key):
        """Yield what is wrong if no mask has any foreground, or none any background."""
        shares = self._shares()
        missing = "foreground" if not np.any(shares > 0) else "" if np.any(shares < 1) else self._classes[0]
        if missing:
            yield f"{folder}: no mask has any {missing}; correct the masks, or what {key} says of their values"

    def tell(self, folder, key):
        """Print the figures, and warn of masks that look misread."""
        shares, count, background = self._shares(), len(self._names), self._classes[0]
        empty, full = np.count_nonzero(shares == 0), np.array(self._names)[shares == 1].tolist()
        lowest, highest, middle = (f"{100 * of_all(shares):.3g} %" for of_all in (np.nanmin, np.nanmax, np.nanmedian))
        objects = f", {self._objects} objects" if self._objects else ""
        ignored = f", ignored: {np.count_nonzero(np.isnan(shares))}" if np.isnan(shares).any() else ""
        print(
            f"{folder}: {counted(count, 'image')}{objects}; empty masks: {empty}, full: {len(full)}{ignored}; "
            f"foreground per image: {lowest} to {highest}, median {middle}"
        )
        pixels = np.sum(self._pixels, axis=0)
        percent = [f"{100 * number / pixels.sum():.3g} %" for number in pixels]
        if len(self._classes) > 2 or pixels[IGNORED]:
            parts = [f"{name} {percent[number]}" for number, name in enumerate(self._classes)]
            print(f"{folder}: of all pixels: {', '.join(parts)}, ignored {percent[IGNORED]}")
        meaning = f"check the masks, and {key}.classes and {key}.folder, which say what their values mean"
        if full:
            names = ", ".join(full[:SHOWN]) + (", ..." if len(full) > SHOWN else "")
            _warn(f"{folder}: {len(full)} of {count} masks have no {background}: {names}; {meaning}")
        if empty > count / 2:
            _warn(f"{folder}: {empty} of {count} masks have nothing but {background}; {meaning}")
        for number, name in enumerate(self._classes):
            if not pixels[number] and number:
                _warn(f"{folder}: no mask has any {name}; {meaning}")


def _warn(text):
    print(f"warning: {text}", file=sys.stderr)
