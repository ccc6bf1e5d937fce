"""What the leakage audit of a split found, in numbers, as a table and as a sheet of pictures."""

import json

from pipeline import paths
from pipeline.images.io import read_image
from pipeline.reporting.canvas import displayable, draw

MOST = 12  # pairs on the sheet: three rows of four, the most similar ones
PAIRS_A_ROW = 4
SIDE = 1.5  # inches, width of one picture


def write_leakage(dataset, audited):
    """Write the three files of the audit.

    Parameters
    ----------
    dataset : str
    audited : pipeline.images.audit.AuditedSplit
    """
    files = audited.table.set_index("name")["image"]
    sheet = leakage_sheet(audited.pairs, lambda name: read_image(paths.raw(dataset) / files[name]))
    paths.audit(dataset).write_text(json.dumps(audited.summary, indent=2) + "\n")
    audited.pairs.to_csv(paths.leakage(dataset, "csv"), index=False, float_format="%.4f", lineterminator="\n")
    paths.leakage(dataset, "png").write_bytes(sheet)


def leakage_sheet(pairs, read):
    """Show the most similar pairs side by side.

    Parameters
    ----------
    pairs : pandas.DataFrame
        As `pipeline.images.duplicates.find_duplicates` lists them.
    read : callable
        Name → image (H, W, 1) or (H, W, 3), uint8 or uint16.

    Returns
    -------
    bytes
        A PNG; without pairs it says so.
    """
    shown = list(pairs[:MOST].itertuples())
    rows = max(1, -(-len(shown) // PAIRS_A_ROW))

    def paint(figure):
        grid = figure.subplots(rows, 2 * PAIRS_A_ROW, squeeze=False).ravel()
        for axis in grid:
            axis.set_axis_off()
        for number, pair in enumerate(shown):
            what = "identical" if pair.identical else f"r = {pair.correlation:.3f}"
            for axis, name, side in zip(grid[2 * number :], (pair.name_a, pair.name_b), (pair.side_a, pair.side_b), strict=False):
                axis.imshow(displayable(read(name)), interpolation="nearest")
                axis.set_title(f"{side}: {name}\n{what}", fontsize=6, pad=2, parse_math=False)
        if not shown:
            grid[0].text(0, 0.5, "no image has a near-duplicate on another side", transform=grid[0].transAxes)

    return draw((2 * PAIRS_A_ROW * SIDE, rows * (SIDE + 0.35) if shown else 0.5), paint)  # 0.35 inches: two lines of caption
