"""Assign images to train, val and test: always between groups, never between patches of one image."""

import numpy as np
import pandas as pd

from pipeline.errors import UserError, counted

ROLES = ("train", "val", "test")


def assign_splits(table, rule, seed=0, grouped=False):
    """Give every image of a data set one role.

    `table` is ``images.csv`` in the source's own order; `grouped` says that its groups were stated, by the user or the source.
    Stated groups always hold. A split that the source states is kept; only the roles that it lacks are cut, from its training
    images. `rule.method` is

    - "blocks": contiguous runs, train first, test last: sections of a volume, frames of a video. Stated groups stand in the
      order of their first image, and a border falls between two of them; it cuts through a group only if there is no other.
      `rule.gap` images are left out at each border, from the earlier block. Classes that follow each other, as folders do, are
      cut one by one;
    - "groups": whole groups, drawn by the seed, class by class if each group has one class; one with more than half of the
      images is always for training;
    - "random": stated groups, or else single images, whatever their class or file: neighbours and copies end up on both sides.

    In the copy that is returned, `split` is "train", "val", "test" or "" (left out). If blocks cut through a group, `group`
    tells its parts apart. A split stated for only some images, or a role without any image, is a `UserError`.
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
    groups, by_group = undivided(pool, rule, grouped)
    table.loc[pool.index, "split"] = _cut(pool, groups, rule, sizes, np.random.default_rng(seed))
    for role in ROLES:
        if not (table["split"] == role).any():
            what = "groups" if by_group and len(set(groups)) < len(pool) else "images"
            cut = [one for one in sizes if sizes[one] > 0]
            raise UserError(
                f"no image is left for {role} of {len(table)} images in {counted(table['group'].nunique(), 'group')} "
                f"with split.method {rule.method}; {_remedy(role, rule, cut, what, groups, pool['label'].to_numpy())}"
            )
    if rule.method == "blocks":
        name_parts(table)
    return table


def name_parts(table):
    """Name the parts of a group that blocks cut through, in place: the part's `split` is appended to its `group`."""
    parts = table[table["split"] != ""].groupby("group")["split"].transform("nunique")
    cut_through = parts[parts > 1].index
    table.loc[cut_through, "group"] += " " + table.loc[cut_through, "split"]


def _remedy(role, rule, cut, what, groups, labels):
    """What to do if a role has no image; training and the roles that were `cut` share the `groups` (N,), called `what`."""
    of_class = [len(set(groups[labels == label])) for label in set(labels)]
    what = f"{what} of each class" if len(of_class) > 1 else what
    count = min(of_class, default=0)
    if count <= len(cut):
        roles = ", ".join(one for one in ROLES if one in ("train", *cut))
        return f"each of {roles} needs one of the {what}, and there {'is' if count == 1 else 'are'} {count}: add {what}"
    if role != "train":
        return f"increase split.{role} or add {what}"
    return f"decrease split.val, split.test{' or split.gap' if rule.method == 'blocks' else ''}, or add {what}"


def undivided(table, rule, grouped):
    """For each image (N,), the unit that stays on one side, its group or itself; and whether it is the group."""
    by_group = rule.method == "groups" or (grouped and (rule.method == "random" or table["group"].nunique() > 1))
    return (table["group"].to_numpy() if by_group else np.arange(len(table))), by_group


def in_order(groups):
    """Image positions sorted by group, groups by their first image; and where each group begins in this order."""
    number, _ = pd.factorize(groups)
    order = np.argsort(number, kind="stable")
    return order, np.flatnonzero(np.diff(number[order], prepend=-1))


def _cut(pool, groups, rule, sizes, rng):
    def cut(groups):
        return _blocks(groups, sizes, rule.gap) if rule.method == "blocks" else _whole_groups(groups, sizes, rng)

    labels = pool["label"].to_numpy()
    follow = rule.method != "blocks" or follow_each_other(labels)
    if rule.method == "random" or not (follow and of_one_class(groups, labels)):
        return cut(groups)
    roles = np.empty(len(pool), dtype=object)  # class by class, so that no role lacks a class
    for label in sorted(set(labels)):
        roles[labels == label] = cut(groups[labels == label])
    return roles


def of_one_class(groups, labels):
    """Whether each of the groups (N,) has images of one class only; `labels` (N,) are empty for segmentation."""
    return pd.Series(labels).groupby(groups).nunique().max() <= 1


def follow_each_other(labels):
    """Whether the images of each class stand in one run; else they are of one series, in which classes take turns."""
    return np.count_nonzero(labels[1:] != labels[:-1]) + 1 == len(set(labels))


def _blocks(groups, sizes, gap):
    """Cut test off the end, then val, at the border between groups that comes closest to the wanted share."""
    order, borders = in_order(groups)
    roles, end = np.full(len(groups), "train", dtype=object), len(groups)
    for role in ("test", "val"):
        possible = borders[borders < end]
        if sizes[role] > 0 and len(possible):
            start = possible[np.abs(end - possible - round(sizes[role] * len(groups))).argmin()]
            roles[start:end] = role
            end = max(0, start - gap)
            roles[end:start] = ""
    placed = np.empty_like(roles)
    placed[order] = roles
    return placed


def _whole_groups(groups, sizes, rng):
    """Deal shuffled groups to test, then to val, until each has its share; the others, and more than half, are for training."""
    number, names = pd.factorize(groups)
    sizes_of = np.bincount(number)
    role_of = np.full(len(names), "train", dtype=object)
    waiting = [group for group in rng.permutation(len(names)).tolist() if 2 * sizes_of[group] <= len(groups)]
    kept = int(len(waiting) == len(names))  # at least one for training
    for role in ("test", "val"):
        wanted, taken = sizes[role] * len(groups), 0
        others = role == "test" and sizes["val"] > 0  # leave a group for val, too
        while wanted > 0 and len(waiting) > kept + (others and taken > 0):
            size = int(sizes_of[waiting[-1]])
            if taken and abs(taken - wanted) <= abs(taken + size - wanted):
                break  # one more group would be further from the share
            role_of[waiting.pop()] = role
            taken += size
    return role_of[number]
