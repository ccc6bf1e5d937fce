"""What an evaluation leaves behind, in files that DVC compares and people read."""

import json
import shutil

METRIC_DIGITS = 4  # decimals of the headline: more than the test sets can tell apart, and `dvc metrics show` fits a terminal
DIGITS = 6  # significant, elsewhere; more would differ from machine to machine and say nothing


def write_metrics(folder, metrics):
    """Write ``metrics.json``: flat, rounded, undefined values as null."""
    folder.mkdir(parents=True, exist_ok=True)
    rounded = {name: None if value is None else round(float(value), METRIC_DIGITS) for name, value in metrics.items()}
    (folder / "metrics.json").write_text(json.dumps(rounded, indent=2, allow_nan=False) + "\n")


def write_detail(folder, detail):
    """Write ``detail.json``: everything beside the headline, nested, undefined values as null."""
    (folder / "detail.json").write_text(json.dumps(_rounded(detail), indent=2, allow_nan=False) + "\n")


def write_table(path, table):
    """Write a table as CSV with six significant digits; an undefined value is an empty cell."""
    path.parent.mkdir(parents=True, exist_ok=True)
    table.to_csv(path, index=False, float_format=f"%.{DIGITS}g", lineterminator="\n")


def fresh_folder(folder):
    """Make an empty folder, whatever was there."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    return folder


def _rounded(value):
    if isinstance(value, dict):
        return {key: _rounded(entry) for key, entry in value.items()}
    if isinstance(value, (list, tuple)):
        return [_rounded(entry) for entry in value]
    return float(f"{value:.{DIGITS}g}") if isinstance(value, float) else value
