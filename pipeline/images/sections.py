"""Sections of a volume with their neighbours, which a two-dimensional network sees as further channels.

With a context of k, the channels of the k sections before a section, its own, and those of the k sections after it follow one
another. Where the volume ends, its last section takes the place of those that are missing.
"""

import numpy as np
import pandas as pd

from pipeline.errors import UserError


def around(place, first, last, context):
    """Places of a section and its neighbours in a volume that has sections from `first` to `last`.

    >>> around(1, 0, 9, 2), around(9, 0, 9, 1)
    ([0, 0, 1, 2, 3], [8, 9, 9])
    """
    return [min(max(place + step, first), last) for step in range(-context, context + 1)]


def with_runs(table):
    """Add to all images of ``split.csv`` the files among which their neighbours are: their `run`, and their `place` in it.

    The images of a volume follow each other in the order of the table. Where the source names no volume, those of a group do,
    and so do all those without a group, each of which is alone in a group of its own name. A run ends where the role does, so
    that no network sees an image of another side of the split, not even as a neighbour.
    """
    alone = (table["group"] == table["name"]) & ~table["group"].duplicated(keep=False)
    group = table["group"].mask(alone, "")
    volume = table["volume"] if "volume" in table else pd.Series("", table.index)
    sequence, _ = pd.factorize(volume.where(volume != "", "/" + group))  # no name of a file begins with a stroke
    order = np.argsort(sequence, kind="stable")
    role, sequence = table["split"].to_numpy()[order], sequence[order]
    begins = np.ones(len(table), bool)
    begins[1:] = (sequence[1:] != sequence[:-1]) | (role[1:] != role[:-1])
    number, first = np.cumsum(begins) - 1, np.flatnonzero(begins)
    runs = [files.tolist() for files in np.split(table["image"].to_numpy()[order], first[1:])]
    back = np.argsort(order)
    return table.assign(run=[runs[one] for one in number[back]], place=(np.arange(len(table)) - first[number])[back])


def neighbours(record, context):
    """The files of an image and its neighbours, of a row that `with_runs` returned."""
    return [record.run[place] for place in around(record.place, 0, len(record.run) - 1, context)]


def read_with_neighbours(record, context, read):
    """Read an image and its neighbours by ``read(file)``, and join their channels: (H, W, sections · C)."""
    return join([read(file) for file in neighbours(record, context)], record.image)


def join(sections, where):
    """Join the channels of sections (H, W, C): (H, W, sections · C).

    Raises a `UserError` that begins with `where` if they differ in size.
    """
    sizes = sorted({section.shape[:2] for section in sections})
    if len(sizes) > 1:
        received = " and ".join(f"{rows} × {columns}" for rows, columns in sizes)
        raise UserError(f"{where}: expected neighbouring sections of one size, received {received} (patches.context is above 0)")
    return np.concatenate(sections, axis=-1) if len(sections) > 1 else sections[0]


def nearest(images, context, kept):
    """Of images (..., sections · C) with a `context`, the channels of the nearest sections: a view with the context `kept`."""
    sections, channels = 2 * context + 1, images.shape[-1]
    outer = channels // sections * (context - kept)
    return images[..., outer : channels - outer]


def upside_down(images, sections):
    """Images (..., sections · C) of any array library with their sections in reverse order; the middle one stays."""
    apart = images.reshape(*images.shape[:-1], sections, -1)
    return apart[..., ::-1, :].reshape(images.shape)


def context_of(card):
    """How many neighbours on each side a network was trained with, by its card."""
    return card.get("context", 0)


def sections_seen(card):
    """The number of sections that a network takes, by its card."""
    return 2 * context_of(card) + 1


def channels_seen(card):
    """The number of channels that a network takes, by its card."""
    return card["channels"] * sections_seen(card)


def ranges_seen(card):
    """The intensity range of each channel that a network takes, or "image" (see `pipeline.images.intensity.scaled`)."""
    each = card["intensity_range"]
    return each if isinstance(each, str) else each * sections_seen(card)
