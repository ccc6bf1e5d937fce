"""Split a data set, once or into folds, and check for leakage: is the same picture on two sides of a split?"""

import numpy as np
import pandas as pd
from tqdm import tqdm

from pipeline.datasets.layout import read_info, read_table
from pipeline.errors import UserError, counted
from pipeline.images.io import IGNORED, read_image, read_mask
from pipeline.parallel import on_all_cores, on_all_threads
from pipeline.patches.duplicates import apart, count_pairs, find_duplicates, group_duplicates
from pipeline.patches.fingerprints import FINGERPRINT, describe
from pipeline.patches.folds import assign_folds, roles
from pipeline.patches.split import ROLES, assign_splits
from pipeline.patches.units import assign_units, block, shares

PARALLEL = 500  # images from which on several processes are faster, although they take a second to start
MUCH = 0.2  # share of the images that split.gap may leave out without a warning
SHOWN = 5  # pairs that an error lists; leakage.csv lists all of them


def split_and_audit(raw, rule, audit, seed):
    """Split the images of a data set in the folder `raw`, and compare all images on different sides.

    Returns the images with their roles and independent units (see `assign_splits` and `assign_units`), a list with one table for
    each of `rule.folds`; the near-duplicates on different sides in any of them (see `find_duplicates`); and what the units are.
    Images whose pixels are all ignored belong to no unit. Raises a `UserError` if a role has no others.
    """
    table, info = read_table(raw / "images.csv"), read_info(raw)
    fingerprints = _fingerprints([raw / image for image in table["image"]])
    if audit.group and rule.method != "groups":
        print(f"{raw}: audit.group has no effect, because split.method is {rule.method}; set it to groups", flush=True)
    elif audit.group:
        table = _with_copies_together(table, fingerprints, audit, raw)
    grouped = info.grouped and table["group"].nunique() > 1  # one group for all tells nothing apart
    held = _holdings(raw, table, info)
    if rule.folds > 1:
        weights = held if info.task == "classification" else held[:, 1:]
        table = assign_folds(table, rule, np.column_stack([np.ones(len(table)), weights]), seed, grouped)
        tables = [roles(table, rule, fold, grouped) for fold in range(rule.folds)]
    else:
        table = assign_splits(table, rule, seed, grouped)
        tables = [table]
    ignored = ~held.any(axis=1)
    _check_roles(held, raw, tables, info)
    pairs = find_duplicates(table["name"], table["split"], fingerprints, audit.correlation)
    if rule.folds > 1 and rule.gap:  # neighbours in different folds may be on different sides in none
        sides = _sides(tables)
        distant = [apart(sides[pair.name_a], sides[pair.name_b]) for pair in pairs.itertuples()]
        pairs = pairs[np.array(distant, bool)].reset_index(drop=True)  # an empty list would choose columns

    def content(places):
        if info.task == "segmentation":
            masks = (read_mask(raw / mask) for mask in table["mask"].iloc[places])
            found = np.array([shares((mask > 0) & (mask < IGNORED)) for mask in masks])
            return np.where(ignored[places, None], np.nan, found)
        return fingerprints["whole"][places].reshape(len(places), -1)

    table, unit = assign_units(table, rule, info, grouped, content)
    return [each.assign(unit=table["unit"].mask(ignored, "")) for each in tables], pairs, unit


def _with_copies_together(table, fingerprints, audit, raw):
    """Join near-duplicates into groups; tell what looks wrong."""
    table = group_duplicates(table, find_duplicates(table["name"], table["name"], fingerprints, audit.correlation))
    most = int(table["group"].value_counts().iloc[0])
    if most > max(len(table) / 2, 2):
        print(
            f"{raw}: warning: audit.group has joined {most} of {len(table)} images into one group; if they are no copies, "
            "set it to false, or raise audit.correlation",
            flush=True,
        )
    divided = int((table[table["split"] != ""].groupby("group")["split"].nunique() > 1).sum())
    if divided:
        print(f"{raw}: the source states the split, so audit.group leaves {divided} groups on two sides", flush=True)
    return table


def refuse_identical(raw, pairs, rule, audit, listed):
    """Raise a `UserError` if identical images are on two sides, unless `audit.allow_identical` is true.

    It names some of the `pairs`, the file in which all are `listed`, and what helps.
    """
    identical = pairs[pairs["identical"]]
    if identical.empty or audit.allow_identical:
        return
    lines = [f"{p.name_a} ({p.side_a}) and {p.name_b} ({p.side_b}) are identical" for p in identical[:SHOWN].itertuples()]
    if len(identical) > SHOWN:
        lines.append(f"{len(identical) - SHOWN} more pairs are identical; {listed} has all {len(identical)}")
    stated = read_table(raw / "images.csv").set_index("name")["split"]
    sides = [stated[identical[column]].to_numpy() for column in ("name_a", "name_b")]
    divided = np.count_nonzero(sides[0] != sides[1])
    remedies = []
    if divided:
        remedies.append(
            f"{divided} of these pairs are on two sides of the split that the source states, which audit.group does not change: "
            "remove one image of each pair"
        )
    if divided < len(identical):
        method = "" if rule.method == "groups" else f" and split.method: groups (now {rule.method})"
        remedies.append(f"set audit.group: true{method} to keep {'the other ' if divided else ''}copies on one side")
    lines.append("; ".join([*remedies, "or set audit.allow_identical: true to leave them where they are"]))
    raise UserError("\n".join(f"{raw}: {line}" for line in lines))


def summarize(tables, pairs, unit, threshold):
    """Count images and near-duplicates: the contents of ``audit.json``.

    `tables`, `pairs` and `unit` come from `split_and_audit`, and `threshold` is the lowest correlation of near-duplicates.
    Identical pairs are not counted as ``near``, but do count for ``test_images_with_a_near_duplicate_in_train``. With several
    folds, whose number is then given too, images and pairs count if they are so in any of them.
    """
    sides, identical = _sides(tables), int(pairs["identical"].sum())
    ends = [(pair.name_a, pair.name_b) for pair in pairs.itertuples()]
    seen = {a for a, b in [*ends, *((b, a) for a, b in ends)] if ("test", "train") in zip(sides[a], sides[b], strict=True)}
    tested = pd.concat([table.loc[(table["split"] == "test") & (table["unit"] != ""), "unit"] for table in tables])
    return {
        **({"folds": len(tables)} if len(tables) > 1 else {}),
        "images": {role: sum(role in each for each in sides.values()) for role in ROLES},
        "pairs": count_pairs(*(table["split"] for table in tables)),
        "correlation": threshold,
        "identical": identical,
        "near": len(pairs) - identical,
        "test_images_with_a_near_duplicate_in_train": len(seen),
        "unit": unit | {"test": tested.nunique()},
    }


def messages(tables, summary):
    """Describe how the images are divided, and warn of doubts, line by line."""
    found = summary["identical"] + summary["near"]
    for fold, table in enumerate(tables):
        split, where = table["split"], f" in fold {fold}" if len(tables) > 1 else ""
        images, left_out = ", ".join(f"{(split == role).sum()} {role}" for role in ROLES), int((split == "").sum())
        yield f"{images} images{where}" + (f"; split.gap leaves out {left_out} of {len(split)}" if left_out else "")
        if left_out > MUCH * len(split):
            yield f"warning: split.gap leaves out {left_out} of {len(split)} images{where}; a smaller gap leaves more to train on"
        for label, held in split.groupby(table["label"]):
            missing = [role for role in ROLES if label and role not in set(held)]
            if missing:
                yield f"warning: class {label} has no image for {' and '.join(missing)}{where}"
    yield f"{found:,} of {summary['pairs']:,} pairs of images on different sides are near-duplicates"
    if found:
        yield (
            "warning: scores may be too good where test images resemble training images (docs/leakage.md); name the images that "
            "belong together in groups.csv or by folder.group, or set audit.group with split.method groups"
        )
    unit = summary["unit"]
    yield f"{counted(unit['test'], 'independent unit')} in test ({unit['name']})"
    if unit["images"] and unit["images"] < unit["measured"]:
        yield (
            f"warning: neighbouring units are alike (training images correlate by {unit['correlation']:.2f}), so intervals may "
            f"be too narrow; with split.unit null a unit is one {block(unit['measured'])}"
        )


def _holdings(raw, table, info):
    """What each image holds (N, K): pixels of each class, none of them if all are ignored, or its class one-hot."""
    if info.task == "classification":
        return table["label"].to_numpy()[:, None] == np.array(info.classes)
    with on_all_threads() as map_in_order:
        pixels = map_in_order(lambda mask: np.bincount(read_mask(raw / mask).ravel(), minlength=IGNORED + 1), table["mask"])
        return np.stack(list(pixels))[:, : len(info.classes)]


def _check_roles(held, raw, tables, info):
    """Raise a `UserError` if all images of a role are ignored: nothing could be learned, chosen or scored on them.

    Print a warning of each class that no mask of a role holds. `held` comes from `_holdings`.
    """
    for fold, table in enumerate(tables):
        where = f" in fold {fold}" if len(tables) > 1 else ""
        for role in ROLES:
            of_role = held[table["split"] == role]
            if not of_role.any():
                raise UserError(
                    f"{raw}: folder.ignore leaves out all pixels of the {counted(len(of_role), 'image')} for {role}{where}; "
                    "choose another split, or outline one of them"
                )
            missing = [name for name, pixels in zip(info.classes, of_role.sum(axis=0), strict=True) if not pixels]
            if missing and info.task == "segmentation":
                print(f"{raw}: warning: no mask for {role}{where} has any {' or '.join(missing)}", flush=True)


def _sides(tables):
    """Map each image name to its roles in all folds (tuple)."""
    return dict(zip(tables[0]["name"], zip(*(table["split"] for table in tables), strict=True), strict=True))


def _fingerprints(paths):
    with on_all_cores(worthwhile=len(paths) > PARALLEL) as map_in_order:
        progress = tqdm(map_in_order(_read_and_describe, paths), desc="audit", total=len(paths), disable=None)
        return np.fromiter(progress, FINGERPRINT, len(paths))


def _read_and_describe(path):
    return describe(read_image(path))
