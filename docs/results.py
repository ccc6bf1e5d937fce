"""Draw ``docs/results.png`` from the results of the default run: ``python -m docs.results``."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
from PIL import Image

from pipeline import params, paths
from pipeline.images.sheet import fitted, sheet

WIDTH, TILES = 256, 3  # pixels of a picture; pictures in a row


def row(dataset):
    """Pictures and captions of one data set: what its best network made of a typical test image."""
    best = json.loads((paths.details(dataset) / "comparison.json").read_text())["best"]
    folder = paths.details(dataset, best)
    table = pd.read_csv(folder / "per_image.csv", dtype={"picture": str}, keep_default_na=False)
    table = table[table["picture"] != ""]
    title = json.loads((folder / "card.json").read_text())["title"]

    def picture(stem, suffix):
        return np.asarray(Image.open(folder / "gallery" / f"{stem}-{suffix}").convert("RGB"))

    if "dice" not in table:
        right = table[table["actual"] == table["predicted"]].drop_duplicates("actual")[:TILES]
        return [fitted(picture(r.picture, "image.webp"), WIDTH) for r in right.itertuples()], [
            f"{r.actual}: {r.confidence:.0%} ({title})" for r in right.itertuples()
        ]
    typical = table.sort_values("dice").iloc[len(table) // 2]
    kinds = np.asarray(Image.open(folder / "gallery" / f"{typical['picture']}-errors.png"))
    mask, prediction = (np.isin(kinds, chosen) for chosen in ((1, 3), (1, 2)))
    white = [np.repeat(255 * area[..., None].astype(np.uint8), 3, axis=-1) for area in (mask, prediction)]
    captions = [dataset, "mask", f"{title} (Dice {float(typical['dice']):.3f})"]
    return [picture(typical["picture"], "image.webp"), *white], captions


if __name__ == "__main__":
    rows = [row(dataset) for dataset in params.load().datasets]
    pictures, captions = ([item for part in parts for item in part] for parts in zip(*rows, strict=True))
    Path("docs/results.png").write_bytes(sheet(pictures, captions, TILES, WIDTH))
