"""Deal images into folds for cross-validation: each image is tested once, by a network that never saw its group."""

import numpy as np
import pandas as pd

from pipeline.errors import UserError
from pipeline.patches.split import ROLES, follow_each_other, in_order, name_parts, of_one_class, undivided


def assign_folds(table, rule, weights, seed=0, grouped=False):
    """Give every image of a data set the fold that tests it, as `split`: "fold 0", "fold 1", ...

    What `assign_splits` would keep together stays together: stated groups always. With `rule.method` "blocks", the folds are
    contiguous runs with equally many images, as far as the borders between groups allow; of each class, if classes follow each
    other and have enough groups. Otherwise whole groups are dealt by `weights` (see `deal`). In the copy that is returned,
    `group` tells the parts of a group apart that blocks cut through.

    Raises a `UserError` if the source states a split, or if there are fewer groups than folds.
    """
    stated = ", ".join(sorted(set(table["split"]) - {""}))
    if stated:
        raise UserError(f"the source states a split ({stated}), which is kept; set split.folds to 1, or remove this split")
    groups, by_group = undivided(table, rule, grouped)
    count = len(set(groups))
    if count < rule.folds:
        what = "groups" if by_group else "images"
        raise UserError(f"expected at least as many {what} as split.folds {rule.folds}, received {count}; decrease it")
    if rule.method == "blocks":
        fold, labels = np.empty(len(table), dtype=int), table["label"].to_numpy()
        one_by_one = follow_each_other(labels) and of_one_class(groups, labels)
        enough = pd.Series(groups).groupby(labels).nunique().min() >= rule.folds
        parts = labels if one_by_one and enough else np.zeros(len(table))
        for part in set(parts):
            fold[parts == part] = contiguous(groups[parts == part], rule.folds)
    else:
        fold = deal(groups, weights, rule.folds, np.random.default_rng(seed))
    table = table.assign(split=[f"fold {number}" for number in fold])
    if rule.method == "blocks":
        name_parts(table)
    return table


def roles(table, rule, fold, grouped):
    """Give every image that `assign_folds` dealt its role in one fold: "test" in its own, "val" in the next one, else "train".

    With `rule.method` "blocks", `rule.gap` images are left out ("") at each border of the test images and of the validation
    images, never from the test images: so each image is still tested once.
    """
    dealt = table["split"].str.removeprefix("fold ").astype(int).to_numpy()
    role = np.full(len(table), "train", dtype=object)
    role[dealt == fold], role[dealt == (fold + 1) % rule.folds] = "test", "val"
    if rule.method == "blocks":
        order, _ = in_order(undivided(table, rule, grouped)[0])
        placed = role[order]
        placed[_near(placed == "test", rule.gap) & (placed == "val")] = ""
        placed[_near((placed == "test") | (placed == "val"), rule.gap) & (placed == "train")] = ""
        role[order] = placed
    for one in ROLES:
        if not (role == one).any():
            raise UserError(f"no image is left for {one} in fold {fold} of {rule.folds}; decrease split.gap or split.folds")
    return table.assign(split=role)


def deal(groups, weights, folds, rng):
    """Deal whole groups: the largest first, each into the fold that has least of what the group holds.

    `groups` (N,) has the group of each image, and `weights` (N, K) what it holds: the first column is 1, the others count such as
    its pixels of foreground, or its class. All columns count the same. `folds` are at most as many as the groups, and `rng`
    decides between groups of the same size. Returns the fold of each image (N,), int; each fold has a group.
    """
    number, names = pd.factorize(groups)
    mean = weights.mean(axis=0)
    held = np.zeros((len(names), weights.shape[1]))
    np.add.at(held, number, weights / np.where(mean > 0, mean, 1))
    order = rng.permutation(len(names))
    order = order[np.argsort(-held.sum(axis=1).round(6)[order], kind="stable")]
    loads, fold_of = np.zeros((folds, weights.shape[1])), np.empty(len(names), dtype=int)
    for group in order:
        # Rounded, so that equal loads are equal on every machine. Only an empty fold has 0: all groups hold images.
        lightest = (loads * held[group]).sum(axis=1).round(6).argmin()
        loads[lightest] += held[group]
        fold_of[group] = lightest
    return fold_of[number]


def contiguous(groups, folds):
    """Cut images in the order of their groups into runs of nearly equal length; a border falls between two groups.

    >>> contiguous(np.array(list("aaabcdee")), 3)
    array([0, 0, 0, 1, 1, 1, 2, 2])
    """
    order, starts = in_order(groups)
    place, borders = 0, [0]
    for fold in range(1, folds):
        possible = starts[place + 1 : len(starts) - folds + fold + 1]  # later folds need a group each
        place += 1 + int(np.abs(possible - fold * len(groups) / folds).argmin())
        borders.append(starts[place])
    fold_of = np.empty(len(groups), dtype=int)
    fold_of[order] = np.searchsorted(borders, np.arange(len(groups)), side="right") - 1
    return fold_of


def _near(chosen, gap):
    """Whether an image that is `chosen` (N,) stands at most `gap` places away."""
    near = np.zeros(len(chosen), dtype=bool)
    for shift in range(1, min(gap, len(chosen) - 1) + 1):
        near[:-shift] |= chosen[shift:]
        near[shift:] |= chosen[:-shift]
    return near
