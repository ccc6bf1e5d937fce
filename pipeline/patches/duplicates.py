"""Find images that are copies of each other, and group them so that a split keeps them together."""

from collections import Counter
from itertools import combinations

import numpy as np
import pandas as pd
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from pipeline.images.symmetry import SYMMETRIES

# Names in the table: the symmetries, then what is said where only the landmarks correlate.
CHANGES = np.array([*map(str, SYMMETRIES), "moved"], dtype=object)
AGREE = 3  # landmarks that must be found again: one or two resemble each other by chance, three rarely do
TILE = 1024  # images compared with as many others at a time: the products of their landmarks take 50 MB


def find_duplicates(names, sides, fingerprints, threshold):
    """Find all pairs of near-duplicates on different sides: the table that becomes ``leakage.csv``.

    Two images are near-duplicates if they are identical, if their wholes correlate under one of the eight symmetries, or if
    three landmarks of each correlate with landmarks of the other, all upright or all mirrored. `threshold` is the lowest
    correlation. Images whose side is "" are left out; to compare all pairs, give each image a side of its own.

    In the table, a is on the larger side. Identical pairs come first, then the others by falling correlation, which is that
    of the wholes or of the third best landmarks, whichever is higher. `symmetry` turns a into b; it is "moved" if only the
    landmarks correlate.
    """
    names, sides = (np.asarray(column, dtype=object) for column in (names, sides))
    rank = {name: number for number, (name, _) in enumerate(Counter(sides[sides != ""]).most_common())}
    side = np.array([rank.get(name, -1) for name in sides], dtype=int)
    order = np.argsort(side, kind="stable")[np.count_nonzero(side < 0) :]  # the largest side first
    side, digest, whole = side[order], fingerprints["digest"][order], fingerprints["whole"][order]
    landmarks = np.ascontiguousarray(fingerprints["landmarks"][order].swapaxes(0, 1))

    found = [np.empty((0, 5))]  # number of a, of b, correlation, change, identical
    for start in range(0, len(order), TILE):
        rows = slice(start, start + TILE)
        first = np.searchsorted(side, side[start], side="right")  # pairs with earlier images were compared already
        for column in range(first, len(order), TILE):
            columns = slice(column, column + TILE)
            flat = whole[columns].reshape(len(whole[columns]), -1)
            wholes = np.stack([symmetry.apply(whole[rows]).reshape(-1, flat.shape[1]) @ flat.T for symmetry in SYMMETRIES])
            correlation = wholes.max(axis=0).clip(-1, 1)
            moved = _third_landmark(landmarks[:, rows], landmarks[:, columns], threshold)
            identical = digest[rows, None] == digest[columns]
            hit = ((correlation >= threshold) | (moved >= threshold) | identical) & (side[rows, None] < side[columns])
            a, b = np.nonzero(hit)
            change = np.where(correlation[a, b] < threshold, len(SYMMETRIES), wholes[:, a, b].argmax(axis=0))
            best = np.maximum(correlation, moved)[a, b]
            change[identical[a, b]], best[identical[a, b]] = 0, 1
            found.append(np.column_stack([order[a + start], order[b + column], best, change, identical[a, b]]))
    a, b, correlation, change, identical = np.concatenate(found).T
    a, b = a.astype(int), b.astype(int)
    pairs = pd.DataFrame({"name_a": names[a], "side_a": sides[a], "name_b": names[b], "side_b": sides[b]})
    pairs["correlation"], pairs["symmetry"] = correlation.round(4), CHANGES[change.astype(int)]
    pairs["identical"] = identical.astype(bool)
    return pairs.sort_values(["identical", "correlation"], ascending=False, kind="stable", ignore_index=True)


def apart(a, b):
    """Whether two images with the sides `a` and `b` are on different sides of any split."""
    return any(one != other and "" not in (one, other) for one, other in zip(a, b, strict=True))


def count_pairs(*splits):
    """Number of pairs on different sides of any split; each split has the sides of all images, "" where one is left out."""
    pairs = combinations(Counter(zip(*splits, strict=True)).items(), 2)
    return sum(count * other for (a, count), (b, other) in pairs if apart(a, b))


def group_duplicates(table, pairs):
    """Merge groups that share a pair of near-duplicates, directly or through a chain of pairs.

    Returns a copy of `table` (columns name, group, ...), in which merged groups have the name of the first of them.
    """
    codes, groups = pd.factorize(table["group"])
    code = dict(zip(table["name"], codes, strict=True))
    component = connected(*([code[name] for name in pairs[column]] for column in ("name_a", "name_b")), len(groups))
    first = np.unique(component, return_index=True)[1]
    return table.assign(group=np.asarray(groups, dtype=object)[first[component[codes]]])


def connected(a, b, count):
    """Component number of each of `count` nodes, where the nodes `a` are connected with the nodes `b`, pairwise."""
    graph = coo_array((np.ones(len(a), bool), (a, b)), shape=(count, count))
    return connected_components(graph, directed=False)[1]


def _third_landmark(a, b, threshold):
    """Correlation (A, B) of the third best landmarks of two sets (K, A, S, S), (K, B, S, S); -1 if it is below `threshold`."""
    third = np.full((a.shape[1], b.shape[1]), -1, np.float32)
    b = b.reshape(*b.shape[:2], -1)
    for way in (a, a[:, :, ::-1]):  # landmarks are upright, so those of a mirrored image are the same, mirrored
        way = way.reshape(*a.shape[:2], -1)
        found_again = np.zeros(third.shape, np.uint8)
        for one in way:
            products = (one @ b.reshape(-1, one.shape[1]).T).reshape(len(one), *b.shape[:2])
            found_again += products.max(axis=1) >= threshold
        for i, j in np.argwhere(found_again >= AGREE):  # rarely: most pairs need no check from the side of b
            products = way[:, i] @ b[:, j].T
            reached = min(np.sort(products.max(axis=axis))[-AGREE] for axis in (0, 1))
            third[i, j] = max(third[i, j], reached)
    return np.where(third >= threshold, third.clip(-1, 1), -1)
