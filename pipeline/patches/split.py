"""Divide images into train, val and test: between groups, never between patches of one image."""

import numpy as np
import pandas as pd

from pipeline.errors import UserError

ROLES = ("train", "val", "test")


def assign_splits(table, method, val, test, gap=0, seed=0, block=1):
    """Give every image of a dataset one role.

    A split that the source states holds. Only the parts that it lacks are cut, from what would be training images.

    Parameters
    ----------
    table : pandas.DataFrame
        ``images.csv``: columns name, label, group, split; the order is the source's own.
    method : {"blocks", "groups", "random"}
        blocks: contiguous runs in order, train first, test last (sections of a volume, frames of a video).
        groups: whole groups, drawn by the seed, class by class where a group has one class.
        random: single images. Neighbouring sections, frames or copies then stand on both sides: for comparison only.
    val, test : float
        Fractions of the images that are cut.
    gap : int
        With blocks: images left out between two blocks, taken from the training block.
    seed : int
    block : int
        With blocks: images in a row that make one independent unit.

    Returns
    -------
    pandas.DataFrame
        A copy with `split` in {"train", "val", "test", ""} ("" is left out), with `group` told apart where blocks cut
        through a group, so that no group has two roles, and with `unit`: the independent unit that intervals are
        drawn over. It is the group or, with blocks, a run of `block` images of one role.

    Raises
    ------
    UserError
        If the source states a split for some images only, or a role ends up without an image.
    """
    table = table.copy()
    stated = set(table["split"]) - {""}
    if stated and "" in set(table["split"]):
        rest = table.loc[table["split"] == "", "name"]
        raise UserError(f"expected a split for every image or for none, received none for {', '.join(rest[:5])}")
    if not stated:
        table["split"] = "train"
    sizes = {"test": 0 if "test" in stated else test, "val": 0 if "val" in stated else val}
    pool = table.index[table["split"] == "train"]
    table.loc[pool, "split"] = _cut(table.loc[pool], method, sizes, gap, np.random.default_rng(seed))
    for role in ROLES:
        if not (table["split"] == role).any():
            raise UserError(
                f"expected at least one image for {role}, received none of {len(table)} images in {table['group'].nunique()} "
                f"groups with split.method {method}; {_remedy(role, method)}"
            )
    if method == "blocks":
        roles = table[table["split"] != ""].groupby("group")["split"].transform("nunique")
        cut_through = roles[roles > 1].index
        table.loc[cut_through, "group"] += " " + table.loc[cut_through, "split"]
        run = table.groupby("split").cumcount() // block
        table["unit"] = table["split"] + " block " + (run + 1).astype(str)
    else:
        table["unit"] = table["group"]
    return table


def _remedy(role, method):
    """What gives a role its images."""
    if role != "train":
        return f"enlarge split.{role} or add {'groups' if method == 'groups' else 'images'}"
    return f"lower split.val, split.test{' or split.gap' if method == 'blocks' else ''}, or add images"


def _cut(pool, method, sizes, gap, rng):
    if method == "blocks":
        return _blocks(len(pool), sizes, gap)
    if method == "random":
        return _whole_groups(np.arange(len(pool)), sizes, rng)
    groups = pool["group"].to_numpy()
    labels = pool["label"].to_numpy()
    if pool.groupby("group")["label"].nunique().max() > 1:
        return _whole_groups(groups, sizes, rng)
    roles = np.empty(len(pool), dtype=object)  # each group has one class: cut class by class, so that none is missing
    for label in sorted(set(labels)):
        roles[labels == label] = _whole_groups(groups[labels == label], sizes, rng)
    return roles


def _blocks(count, sizes, gap):
    roles = np.full(count, "train", dtype=object)
    end = count
    for role in ("test", "val"):
        if sizes[role] > 0:
            start = max(0, end - max(1, round(sizes[role] * count)))
            roles[start:end] = role
            roles[max(0, start - gap) : start] = ""
            end = max(0, start - gap)
    return roles


def _whole_groups(groups, sizes, rng):
    """Deal shuffled groups to test, then val, until each has its share; the rest trains."""
    number, names = pd.factorize(groups)
    sizes_of = np.bincount(number)
    role_of = np.full(len(names), "train", dtype=object)
    waiting = rng.permutation(len(names)).tolist()
    for role in ("test", "val"):
        wanted = sizes[role] * len(groups)
        taken = 0
        while wanted > 0 and len(waiting) > 1:
            size = int(sizes_of[waiting[-1]])
            if taken and abs(taken - wanted) <= abs(taken + size - wanted):
                break  # one more group would lead further away from the share
            role_of[waiting.pop()] = role
            taken += size
    return role_of[number]
