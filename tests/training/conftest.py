"""A small project to train in."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml

from pipeline.images.io import write_png

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="session")
def project():
    """Arrange a folder: ``project(folder, patches=24, **train)``."""
    return _project


def _project(folder, patches=24, **train):
    """What a training stage needs and no more: params and packed patches, small ones."""
    values = yaml.safe_load((ROOT / "params.yaml").read_text())
    values["train"] |= {"batch_size": 8, "epochs": 2, "lr": 0.001, "precision": "float32"} | train
    values["unet"] |= {"filters": 4, "depth": 1}
    (folder / "params.yaml").write_text(yaml.safe_dump(values))
    rng = np.random.default_rng(0)
    for split, count in (("train", patches), ("val", 8)):
        images = rng.integers(0, 255, (count, 16, 16, 1), np.uint8)
        (folder / "data/patches/mitochondria" / split).mkdir(parents=True)
        np.save(folder / "data/patches/mitochondria" / split / "images.npy", images)
        np.save(folder / "data/patches/mitochondria" / split / "masks.npy", images[..., 0] > 150)
    raw, rows = folder / "data/raw/mitochondria", []
    raw.mkdir(parents=True)
    for number, image in enumerate(images):  # of validation, whole: training chooses the threshold on them
        mask = f"{number}_mask.png"
        write_png(raw / f"{number}.png", image)
        write_png(raw / mask, image[..., 0] > 150)
        files = {"image": f"{number}.png", "mask": mask, "instances": ""}
        rows.append({"name": number, "group": number, **files, "split": "val", "unit": number})
    pd.DataFrame(rows).to_csv(folder / "data/patches/mitochondria/split.csv", index=False)
    card = {"name": "mitochondria", "task": "segmentation", "channels": 1, "classes": ["background", "mitochondria"]}
    card |= {"resize": None, "patch_size": [16, 16], "intensity_range": [[0, 255]]}
    (folder / "data/patches/mitochondria/dataset.json").write_text(json.dumps(card))
    return folder
