"""Find images that are copies of each other, and bring them into one group, so that a split keeps them on one side."""

from collections import Counter

import numpy as np
import pandas as pd
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from pipeline.images.symmetry import SYMMETRIES

COLUMNS = ["name_a", "side_a", "name_b", "side_b", "correlation", "symmetry", "identical"]
MOVED = "moved"  # the symmetry of pairs that only their landmarks tell
AGREE = 3  # landmarks that must be found again: single ones resemble each other by chance, three rarely do
TILE = 1024  # images that are compared with as many others at a time: 50 MB for the products of their landmarks


def find_duplicates(fingerprints, sides, threshold):
    """Find all pairs of near-duplicates that stand on different sides.

    Two images are near-duplicates where they are identical, where their wholes correlate under one of the eight flips
    and turns, or where three landmarks of each correlate with landmarks of the other, all upright or all mirrored.

    Parameters
    ----------
    fingerprints : pipeline.patches.fingerprints.Fingerprints
    sides : sequence of str
        The side of each image; "" is left out. With a side of its own for each image, all pairs are compared.
    threshold : float
        Correlation from which on two images are near-duplicates.

    Returns
    -------
    pandas.DataFrame
        Identical pairs first, then by falling correlation; a is on the larger side. `correlation` is that of the wholes
        or of the third best landmarks, whichever is higher; `symmetry` is what turns a into b, or "moved" where the
        wholes stay below the threshold; `identical` says that all pixels are the same.
    """
    sides = np.asarray(sides, dtype=object)
    rank = {name: number for number, (name, _) in enumerate(Counter(sides[sides != ""]).most_common())}
    side = np.array([rank.get(name, -1) for name in sides], dtype=int)
    order = np.argsort(side, kind="stable")[np.count_nonzero(side < 0) :]  # the largest side first
    side = side[order]
    digests = np.unique(np.array(fingerprints.digests, dtype=str), return_inverse=True)[1][order]
    whole = fingerprints.whole[order]
    landmarks = np.ascontiguousarray(fingerprints.landmarks[order].swapaxes(0, 1))

    found = [np.empty((0, 5))]
    for start in range(0, len(order), TILE):
        rows = slice(start, min(start + TILE, len(order)))
        first = np.searchsorted(side, side[start], side="right")  # all that stands before was compared already
        for column in range(first, len(order), TILE):
            columns = slice(column, min(column + TILE, len(order)))
            correlation, symmetry = _whole_correlation(whole[rows], whole[columns])
            moved = _third_landmark(landmarks[:, rows], landmarks[:, columns], threshold)
            identical = digests[rows, None] == digests[columns]
            hit = ((correlation >= threshold) | (moved >= threshold) | identical) & (side[rows, None] < side[columns])
            a, b = np.nonzero(hit)
            turn = np.where(correlation[a, b] < threshold, len(SYMMETRIES), symmetry[a, b])
            best = np.maximum(correlation, moved)[a, b]
            turn[identical[a, b]], best[identical[a, b]] = 0, 1
            found.append(np.column_stack([order[a + start], order[b + column], best, turn, identical[a, b]]))
    return _table(np.concatenate(found), fingerprints.names, sides)


def count_pairs(sides):
    """Number of pairs on different sides, which `find_duplicates` compares."""
    counts = Counter(side for side in sides if side != "").values()
    return (sum(counts) ** 2 - sum(count**2 for count in counts)) // 2


def group_duplicates(table, pairs):
    """Merge the groups that share a near-duplicate pair.

    Parameters
    ----------
    table : pandas.DataFrame
        ``images.csv``: columns name, group, ...
    pairs : pandas.DataFrame
        Of `find_duplicates`: columns name_a, name_b.

    Returns
    -------
    pandas.DataFrame
        A copy; merged groups, also those that a chain of pairs joins, bear the name of the first of them.
    """
    codes, groups = pd.factorize(table["group"])
    code = dict(zip(table["name"], codes, strict=True))
    edges = [[code[name] for name in pairs[column]] for column in ("name_a", "name_b")]
    graph = coo_array((np.ones(len(pairs)), edges), shape=(len(groups), len(groups)))
    component = connected_components(graph, directed=False)[1]
    first = np.unique(component, return_index=True)[1]
    return table.assign(group=np.asarray(groups, dtype=object)[first[component[codes]]])


def _whole_correlation(a, b):
    """Best correlation (A, B) of the wholes (A, S, S) and (B, S, S), and the number of the symmetry that reaches it."""
    best = np.full((len(a), len(b)), -1, np.float32)
    which = np.zeros(best.shape, np.uint8)
    b = b.reshape(len(b), a.shape[1] * a.shape[2])
    for number, symmetry in enumerate(SYMMETRIES):
        product = symmetry.apply(a).reshape(len(a), b.shape[1]) @ b.T
        better = product > best
        best[better], which[better] = product[better], number
    return best.clip(-1, 1), which


def _third_landmark(a, b, threshold):
    """Correlation (A, B) that three landmarks of each image reach in the other; -1 where it is below `threshold`.

    Parameters
    ----------
    a, b : ndarray, shape (K, A, S, S) and (K, B, S, S)
    """
    third = np.full((a.shape[1], b.shape[1]), -1, np.float32)
    b = b.reshape(len(b), b.shape[1], -1)
    for way in (a, a[:, :, ::-1]):  # landmarks are upright: a mirrored image has the same ones, mirrored
        way = way.reshape(b.shape[0], a.shape[1], b.shape[2])
        found_again = np.zeros(third.shape, np.uint8)
        for one in way:
            products = (one @ b.reshape(-1, one.shape[1]).T).reshape(len(one), *b.shape[:2])
            found_again += products.max(axis=1) >= threshold
        for i, j in np.argwhere(found_again >= AGREE):  # few: the rest is not worth a look from the other side
            products = way[:, i] @ b[:, j].T
            reached = min(np.sort(products.max(axis=axis))[-AGREE] for axis in (0, 1))
            third[i, j] = max(third[i, j], reached)
    return np.where(third >= threshold, third.clip(-1, 1), -1)


def _table(found, names, sides):
    """Sort and name what was found: columns row a, row b, correlation, number of the symmetry, identical."""
    a, b, turn = (found[:, column].astype(int) for column in (0, 1, 3))
    names = np.array(names, dtype=object)
    words = np.array([*map(_words, SYMMETRIES), MOVED], dtype=object)
    columns = [names[a], sides[a], names[b], sides[b], found[:, 2].round(4), words[turn], found[:, 4].astype(bool)]
    table = pd.DataFrame(dict(zip(COLUMNS, columns, strict=True)))
    return table.sort_values(["identical", "correlation"], ascending=False, kind="stable", ignore_index=True)


def _words(symmetry):
    parts = ["flip"] * symmetry.flip + [f"turn {90 * symmetry.turns}"] * (symmetry.turns > 0)
    return ", ".join(parts) or "none"
