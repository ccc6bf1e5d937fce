"""The independent units of a data set, over which intervals are computed.

Neighbouring sections show the same objects, and neighbouring frames the same place: a network errs on both alike. So a unit is
a stated group, or a run of images that is long enough for the next run to show something else.
"""

import numpy as np

from pipeline.patches.split import ROLES

CELLS = 8  # rows and columns to which a mask is reduced: objects still differ, and misaligned sections still agree
ALIKE = 0.2  # correlation of neighbouring units from which intervals hold the truth too rarely (docs/metrics.md)
NOISE = 0.1  # correlation of images below which they have no more in common than any two: objects prefer some places


def assign_units(table, rule, info, grouped, content):
    """Give every image of a data set that was split, or dealt into folds, its independent unit.

    A unit is the group if groups are stated. Images in a meaningful order (a volume, whose sections have a known distance, or any
    images with `rule.method` "blocks") have runs of equal length as units, within a role and a sequence: `rule.unit` nanometres,
    or the shortest run whose neighbour is no longer alike where that or the distance is unknown. All other images have their
    group, which is the image itself unless near-duplicates were grouped.

    `table` comes from `assign_splits` or `assign_folds`; `grouped` says whether the groups were stated; ``content(positions)``
    gives what the images at some positions (N,) of the table show, float (N, K), NaN if nothing is known.

    Returns a copy of the table with the column `unit`, and a dict: ``name`` (such as "group", "image" or "block of 20 images (100
    nm)"), ``images`` of a block, ``correlation`` of neighbouring blocks as the training images show it (of folds, all images),
    and ``measured``, the images of the shortest block whose neighbour is no longer alike. Where a unit is no block, all but the
    name are None.
    """
    unit = {"images": None, "correlation": None, "measured": None}
    if grouped or not (rule.method == "blocks" or info.depth_nm):
        alone = not grouped and (table["group"] == table["name"]).all()
        return table.assign(unit=table["group"]), {"name": "image" if alone else "group"} | unit
    sequence = table["group"].where(table.duplicated("group", keep=False), "").to_numpy()
    role, place = table["split"].to_numpy(), np.arange(len(table))
    sides = ROLES if "train" in role else sorted(set(role))
    runs = {(one, name): place[(role == one) & (sequence == name)] for one in sides for name in dict.fromkeys(sequence)}
    runs = {key: run for key, run in runs.items() if len(run)}
    at_lag = correlations(content, [run for (one, _), run in runs.items() if one == "train" or sides is not ROLES])
    longest = len(table)  # a role is then one unit, and has no interval
    measured = next((n for n in range(1, longest) if between_runs(at_lag, n) < ALIKE), longest)
    length = max(1, round(rule.unit / info.depth_nm)) if rule.unit and info.depth_nm else measured
    names, count = np.full(len(table), "", dtype=object), dict.fromkeys(sides, 0)
    for (one, _), run in runs.items():
        span = run[-1] - run[0] + 1  # a run too short for two units stays whole
        number = np.unique((run - run[0]) * max(1, span // length) // span, return_inverse=True)[1].tolist()
        names[run] = [f"{one} block {count[one] + n + 1}" for n in number]
        count[one] += len(set(number))
    correlation = round(between_runs(at_lag, length), 4)
    unit = {"name": block(length, info.depth_nm), "images": length, "correlation": correlation, "measured": measured}
    return table.assign(unit=names), unit


def block(images, depth_nm=None):
    """Name a unit of so many images, whose distance is `depth_nm` if known."""
    length = f" ({images * depth_nm:g} nm)" if depth_nm else ""
    return "image" if images == 1 else f"block of {images} images{length}"


def correlations(content, sequences):
    """Correlate what images show with what the image 0, 1, 2, … places on shows: ndarray that begins with 1.

    `sequences` has the positions (N,) of the images of each sequence, rising; pairs across sequences do not count, nor do images
    of which nothing is known (NaN). The last value holds for all places further on: 0 where the correlation sank into noise.
    """
    shown = [(places - places[0], content(places)) for places in sequences]
    known = [~np.isnan(values).any(axis=1) for _, values in shown]
    shown = [(places[some], values[some]) for (places, values), some in zip(shown, known, strict=True) if some.any()]
    everything = np.concatenate([values for _, values in shown])
    mean, variance = everything.mean(), everything.var()
    tracks = []
    for places, values in shown:
        track = np.zeros((places[-1] + 1, values.shape[1] + 1))
        track[places, 0], track[places, 1:] = 1, values - mean
        tracks.append(track)
    found = [1.0]
    for lag in range(1, max(map(len, tracks))):
        pairs = [(track[:-lag], track[lag:]) for track in tracks if len(track) > lag]
        count = sum(np.vdot(a[:, 0], b[:, 0]) for a, b in pairs) * everything.shape[1]
        product = sum(np.vdot(a[:, 1:], b[:, 1:]) for a, b in pairs)
        found.append(product / count / variance if count and variance > 0 else found[-1])  # unknown: as one place nearer
        if found[-1] <= NOISE:
            found[-1] = 0.0
            break
    return np.array(found)


def between_runs(at_lag, length):
    """Correlation of the means of two neighbouring runs of `length` images, from the `correlations` of images.

    >>> between_runs([1, 0.5, 0], 1), between_runs([1, 0.5, 0], 2)  # of two and two images, one pair is alike: 0.5 / 3
    (0.5, 0.16666666666666666)
    """
    lag = np.arange(1, 2 * length)
    known = np.pad(at_lag[: 2 * length], (0, max(0, 2 * length - len(at_lag))), mode="edge")
    within = length * known[0] + 2 * ((length - lag[: length - 1]) * known[1:length]).sum()
    return float(((length - np.abs(lag - length)) * known[1:]).sum() / within)


def shares(mask):
    """Share of foreground in 8 × 8 parts of a mask (H, W): ndarray (64,)."""
    starts = [np.arange(CELLS) * side // CELLS for side in mask.shape]
    sums = np.add.reduceat(np.add.reduceat(mask, starts[0], axis=0, dtype=float), starts[1], axis=1)
    rows, columns = (np.diff([*start, side]) for start, side in zip(starts, mask.shape, strict=True))
    return (sums / np.maximum(np.outer(rows, columns), 1)).ravel()
