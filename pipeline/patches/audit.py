"""The leakage audit: does the same picture stand on two sides of the split?"""

from dataclasses import dataclass
from pathlib import Path

import pandas as pd
from tqdm import tqdm

from pipeline.datasets.layout import read_table
from pipeline.errors import UserError
from pipeline.images.io import read_image
from pipeline.parallel import on_all_cores
from pipeline.patches.duplicates import count_pairs, find_duplicates, group_duplicates
from pipeline.patches.fingerprints import describe, fingerprints
from pipeline.patches.split import ROLES, assign_splits

FEW = 500  # images that are described before two processes have started and are ahead
SHOWN = 5  # pairs that an error names; all are in leakage.csv once the run is allowed


@dataclass(frozen=True, eq=False)
class AuditedSplit:
    """A split and what the audit says of it.

    Attributes
    ----------
    table : DataFrame
        As `pipeline.patches.split.assign_splits` returns it.
    pairs : DataFrame
        The near-duplicates across its sides, as `pipeline.patches.duplicates.find_duplicates` lists them.
    summary : dict
        ``images`` by side, ``pairs`` compared, ``correlation`` (the threshold), ``identical`` and ``near`` pairs, and
        ``test_images_with_a_near_duplicate_in_train`` (identical ones included).
    """

    table: pd.DataFrame
    pairs: pd.DataFrame
    summary: dict

    def lines(self):
        """Say how the images are divided, and what is doubtful about it; yields lines."""
        split, count = self.table["split"], self.summary["identical"] + self.summary["near"]
        images = ", ".join(f"{number} {role}" for role, number in self.summary["images"].items())
        out = int((split == "").sum())
        yield f"{images} images" + (f"; {out} of {len(split)} are left out, for split.gap" if out else "")
        for label, roles in split.groupby(self.table["label"]):
            missing = [role for role in ROLES if label and role not in set(roles)]
            if missing:
                yield f"warning: class {label}: no image for {' and '.join(missing)}"
        yield f"{count:,} near-duplicates on different sides among {self.summary['pairs']:,} pairs"
        if count:
            yield (
                "warning: scores may be too good where test images resemble those of training (docs/leakage.md); "
                "name what belongs together by folder.group, or set audit.group, with split.method groups"
            )


def split_and_audit(raw, rule, audit, seed):
    """Divide the images of a dataset, and compare all images on different sides.

    Parameters
    ----------
    raw : path-like
        A dataset in the standard layout.
    rule : pipeline.params.Split
    audit : pipeline.params.Audit
    seed : int

    Returns
    -------
    AuditedSplit

    Raises
    ------
    UserError
        If identical images stand on two sides and `audit.allow_identical` is false.
    """
    raw = Path(raw)
    table = read_table(raw / "images.csv")
    with on_all_cores(worthwhile=len(table) > FEW) as several:
        described = several(_read_and_describe, [raw / image for image in table["image"]])
        prints = fingerprints(table["name"].tolist(), tqdm(described, total=len(table), desc="audit", disable=None))
    if audit.group and rule.method != "groups":
        print(f"{raw}: audit.group has no effect: split.method is {rule.method}, only groups keeps them together", flush=True)
    elif audit.group:
        table = group_duplicates(table, find_duplicates(prints, table["name"].tolist(), audit.correlation))
        spanning = int((table[table["split"] != ""].groupby("group")["split"].nunique() > 1).sum())
        if spanning:
            print(f"{raw}: the source states the split; audit.group leaves {spanning} groups on two sides of it", flush=True)
    table = assign_splits(table, rule.method, rule.val, rule.test, rule.gap, seed, rule.block)
    pairs = find_duplicates(prints, table["split"].tolist(), audit.correlation)
    identical = pairs[pairs["identical"]]
    if len(identical) and not audit.allow_identical:
        raise UserError("\n".join(_refusal(raw, identical)))
    return AuditedSplit(table, pairs, _summary(table, pairs, audit.correlation))


def _read_and_describe(path):
    return describe(read_image(path))


def _refusal(raw, identical):
    for pair in identical[:SHOWN].itertuples():
        yield (
            f"{raw}: expected different images on the sides of the split, received {pair.name_a} ({pair.side_a}) "
            f"and {pair.name_b} ({pair.side_b}), which are identical"
        )
    more = f"{len(identical)} such pairs; " if len(identical) > SHOWN else ""
    yield (
        f"{raw}: {more}remove the copies, set audit.group with split.method groups (a split that the source states holds), "
        "or set audit.allow_identical"
    )


def _summary(table, pairs, threshold):
    images = {role: int((table["split"] == role).sum()) for role in ROLES}
    sides = pairs[["side_a", "side_b"]].apply(frozenset, axis=1) if len(pairs) else pd.Series(dtype=object)
    leaks = pairs[sides == frozenset(("train", "test"))] if len(pairs) else pairs
    tested = set(leaks["name_a"].where(leaks["side_a"] == "test", leaks["name_b"]))
    return {
        "images": images,
        "pairs": count_pairs(table["split"]),
        "correlation": threshold,
        "identical": int(pairs["identical"].sum()),
        "near": int((~pairs["identical"].astype(bool)).sum()),
        "test_images_with_a_near_duplicate_in_train": len(tested),
    }
