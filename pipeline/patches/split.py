"""Assign images to train, val and test: always between groups, never between patches of one image."""

import numpy as np
import pandas as pd

from pipeline.errors import UserError

ROLES = ("train", "val", "test")


def assign_splits(table, rule, seed=0):
    """Give every image of a data set one role.

    `table` is ``images.csv`` in the source's own order. A split that the source states is kept; only the roles that it lacks
    are cut, from its training images. `rule.method` is

    - "blocks": contiguous runs in order, train first, test last: sections of a volume, frames of a video. `rule.gap` images
      are left out between two blocks, from the earlier one;
    - "groups": whole groups, drawn by the seed, class by class if each group has one class;
    - "random": single images, so that neighbours and copies end up on both sides: for comparison only.

    In the copy that is returned, `split` is "train", "val", "test" or "" (left out), and `unit` is the independent unit for
    intervals: the group or, with blocks, a run of `rule.block` images. If blocks cut through a group, `group` tells its parts
    apart. A split stated for only some images, or a role without any image, is a `UserError`.
    """
    table = table.copy()
    stated = set(table["split"]) - {""}
    if stated and "" in set(table["split"]):
        rest = ", ".join(table.loc[table["split"] == "", "name"][:5])
        raise UserError(f"the source states a split for some images only; state one for {rest} too, or for none")
    if not stated:
        table["split"] = "train"
    sizes = {"test": 0 if "test" in stated else rule.test, "val": 0 if "val" in stated else rule.val}
    pool = table[table["split"] == "train"]
    table.loc[pool.index, "split"] = _cut(pool, rule, sizes, np.random.default_rng(seed))
    for role in ROLES:
        if not (table["split"] == role).any():
            raise UserError(
                f"no image is left for {role} of {len(table)} images in {table['group'].nunique()} groups "
                f"with split.method {rule.method}; {_remedy(role, rule.method)}"
            )
    table["unit"] = table["group"]
    if rule.method == "blocks":
        roles = table[table["split"] != ""].groupby("group")["split"].transform("nunique")
        cut_through = roles[roles > 1].index
        table.loc[cut_through, "group"] += " " + table.loc[cut_through, "split"]
        run = table.groupby("split").cumcount() // rule.block
        table["unit"] = table["split"] + " block " + (run + 1).astype(str)
    return table


def _remedy(role, method):
    if role != "train":
        return f"increase split.{role} or add {'groups' if method == 'groups' else 'images'}"
    return f"decrease split.val, split.test{' or split.gap' if method == 'blocks' else ''}, or add images"


def _cut(pool, rule, sizes, rng):
    if rule.method == "blocks":
        return _blocks(len(pool), sizes, rule.gap)
    if rule.method == "random":
        return _whole_groups(np.arange(len(pool)), sizes, rng)
    groups, labels = pool["group"].to_numpy(), pool["label"].to_numpy()
    if pool.groupby("group")["label"].nunique().max() > 1:
        return _whole_groups(groups, sizes, rng)
    roles = np.empty(len(pool), dtype=object)  # class by class, so that no role lacks a class
    for label in sorted(set(labels)):
        roles[labels == label] = _whole_groups(groups[labels == label], sizes, rng)
    return roles


def _blocks(count, sizes, gap):
    roles, end = np.full(count, "train", dtype=object), count
    for role in ("test", "val"):
        if sizes[role] > 0:
            start = max(0, end - max(1, round(sizes[role] * count)))
            roles[start:end] = role
            end = max(0, start - gap)
            roles[end:start] = ""
    return roles


def _whole_groups(groups, sizes, rng):
    """Deal shuffled groups to test, then to val, until each has its share; the others are for training."""
    number, names = pd.factorize(groups)
    sizes_of = np.bincount(number)
    role_of = np.full(len(names), "train", dtype=object)
    waiting = rng.permutation(len(names)).tolist()
    for role in ("test", "val"):
        wanted, taken = sizes[role] * len(groups), 0
        while wanted > 0 and len(waiting) > 1:
            size = int(sizes_of[waiting[-1]])
            if taken and abs(taken - wanted) <= abs(taken + size - wanted):
                break  # one more group would be further from the share
            role_of[waiting.pop()] = role
            taken += size
    return role_of[number]
