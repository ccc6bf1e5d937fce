"""Draw ``docs/results.png`` from the results of the default run: ``python -m docs.results``."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
from PIL import Image

from pipeline import params, paths
from pipeline.datasets.layout import read_table
from pipeline.images.io import read_image
from pipeline.images.sheet import displayable, fitted, sheet

WIDTH, HEIGHT = 256, 192  # pixels of a picture; what is taller is cut above and below
IN_A_ROW = 3


def row(dataset):
    """Pictures and captions of one data set: what its best network made of typical test images."""
    best = json.loads((paths.details(dataset) / "comparison.json").read_text())["best"]
    folder = paths.details(dataset, best)
    table = pd.read_csv(folder / "per_image.csv", dtype={"picture": str}, keep_default_na=False)
    title = json.loads((folder / "card.json").read_text())["title"]
    files = read_table(paths.raw(dataset) / "images.csv").set_index("name")["image"]

    def image(name):
        return displayable(read_image(paths.raw(dataset) / files[name]))

    if "dice" in table:
        table = table[table["picture"] != ""].sort_values("dice")
        typical = table.iloc[len(table) // 2]
        kinds = np.asarray(Image.open(folder / "gallery" / f"{typical['picture']}-errors.png"))
        white = [255 * np.isin(kinds, chosen).astype(np.uint8)[..., None].repeat(3, axis=-1) for chosen in ((1, 3), (1, 2))]
        captions = [dataset, "mask", f"{title} (Dice {float(typical['dice']):.3f})"]
        return [image(typical["image"]), *white], captions
    groups = [group.sort_values("confidence") for _, group in table.groupby("actual", sort=False)][:IN_A_ROW]
    typical = [group.iloc[len(group) // 2] for group in groups]
    captions = [f"{r['actual']}; {title}: {r['predicted']}, {float(r['confidence']):.0%}" for r in typical]
    return [image(r["image"]) for r in typical], captions


def cut(picture):
    """Bring a picture to the width and the height of all."""
    picture = fitted(picture, WIDTH)
    top = max(0, (len(picture) - HEIGHT) // 2)
    return picture[top : top + HEIGHT]


if __name__ == "__main__":
    rows = [row(dataset) for dataset in params.load().datasets]
    pictures, captions = ([item for part in parts for item in part] for parts in zip(*rows, strict=True))
    Path("docs/results.png").write_bytes(sheet([cut(picture) for picture in pictures], captions, IN_A_ROW, WIDTH))
