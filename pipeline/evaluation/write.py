"""What an evaluation leaves behind, in files that DVC compares and people read."""

import json
import re

DIGITS = 6  # significant; more would differ from machine to machine and say nothing


def write_metrics(folder, metrics):
    """Write ``metrics.json``: flat, rounded, undefined values as null."""
    folder.mkdir(parents=True, exist_ok=True)
    rounded = {name: float(f"{value:.{DIGITS}g}") if isinstance(value, float) else value for name, value in metrics.items()}
    (folder / "metrics.json").write_text(json.dumps(rounded, indent=2, allow_nan=False) + "\n")


def write_table(path, table):
    """Write a table as CSV with six significant digits."""
    path.parent.mkdir(parents=True, exist_ok=True)
    table.to_csv(path, index=False, float_format=f"%.{DIGITS}g", lineterminator="\n")


def write_panels(folder, table, score, picture):
    """Write pictures of the worst, the median and the best images: two, two and one.

    Parameters
    ----------
    folder : pathlib.Path
    table : pandas.DataFrame
        One row per image: `image` and the column that `score` names.
    picture : callable
        ``picture(name)`` → bytes of a PNG file.
    """
    folder.mkdir(parents=True, exist_ok=True)
    ranked = table.sort_values([score, "image"])["image"].tolist()
    middle = len(ranked) // 2
    chosen = {"worst": ranked[:2], "median": ranked[middle : middle + 2], "best": ranked[-1:]}
    seen = set()
    for rank, names in chosen.items():
        for name in names:
            if name not in seen:
                seen.add(name)
                safe = re.sub(r"[^\w.-]", "_", name)
                (folder / f"{len(seen)}-{rank}-{safe}.png").write_bytes(picture(name))
