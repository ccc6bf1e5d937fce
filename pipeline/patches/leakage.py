"""What the leakage audit of a split found, in numbers, as a table and as a sheet of pictures."""

import json

from pipeline import paths
from pipeline.images.io import read_image
from pipeline.images.sheet import displayable, sheet

MOST = 12  # pairs on the sheet: three rows of four, the most similar ones
PAIRS_A_ROW = 4
WIDTH = 180  # pixels, of one picture


def write_leakage(dataset, audited):
    """Write the three files of the audit.

    Parameters
    ----------
    dataset : str
    audited : pipeline.patches.audit.AuditedSplit
    """
    files = audited.table.set_index("name")["image"]
    picture = leakage_sheet(audited.pairs, lambda name: read_image(paths.raw(dataset) / files[name]))
    paths.audit(dataset).write_text(json.dumps(audited.summary, indent=2) + "\n")
    audited.pairs.to_csv(paths.leakage(dataset, "csv"), index=False, float_format="%.4f", lineterminator="\n")
    paths.leakage(dataset, "png").write_bytes(picture)


def leakage_sheet(pairs, read):
    """Show the most similar pairs side by side.

    Parameters
    ----------
    pairs : pandas.DataFrame
        As `pipeline.patches.duplicates.find_duplicates` lists them.
    read : callable
        Name → image (H, W, 1) or (H, W, 3), uint8 or uint16.

    Returns
    -------
    bytes
        A PNG; without pairs it says so.
    """
    pictures, captions = [], []
    for pair in pairs[:MOST].itertuples():
        what = "identical" if pair.identical else f"r = {pair.correlation:.3f}"
        pictures += [displayable(read(pair.name_a)), displayable(read(pair.name_b))]
        captions += [f"{pair.side_a}: {pair.name_a}\n{what}", f"{pair.side_b}: {pair.name_b}\n{what}"]
    return sheet(pictures, captions, 2 * PAIRS_A_ROW, WIDTH, nothing="no image has a near-duplicate on another side")
