"""What other intensities do to a network: ``python -m benchmarks.intensity depths`` and ``... shifts`` (docs/intensity.md).

Both train the U-Net of ``params.yaml`` on the phantom's sections, in a folder of their own: ``depths`` on the sections stored in
other numbers, ``shifts`` once for each way of scaling, and then predicts test sections of other brightness and contrast.
"""

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import pandas as pd
import tifffile
import yaml

from pipeline.images.io import read_image, read_mask

ROOT = Path(__file__).parents[1]
NAME = "mitochondria"
# How the same 8-bit sections can be stored.
DEPTHS = {
    "8 bit": lambda a: a,
    "12 bit in 16": lambda a: a.astype(np.uint16) << 4,
    "2 x + 100 in 16 bit": lambda a: a.astype(np.uint16) * 2 + 100,
    "16 bit": lambda a: a.astype(np.uint16) * 257,
    "float, 0 to 1": lambda a: a.astype(np.float32) / 255,
    "float, 0 to 65535": lambda a: a.astype(np.float32) * 257,
    "signed 16 bit": lambda a: (a.astype(np.int16) - 128) * 16,
}
# What may happen to a section before it is predicted; x is in the units of the training images.
SHIFTS = {
    "as it is": lambda x: x,
    **{f"brightness x {f:g}": lambda x, f=f: x * f for f in (0.9, 0.8, 0.7, 0.6, 0.5, 0.4, 1.1, 1.2, 1.3, 1.5)},
    **{f"contrast x {f:g}": lambda x, f=f: (x - x.mean()) * f + x.mean() for f in (0.8, 0.6, 0.4, 0.2, 1.3, 1.6)},
    "inverted": lambda x: 255 - x,
    "64 times as large": lambda x: x * 64,
}


def prepare(folder, twin, intensity):
    """Store the phantom's sections in other numbers, and cut them; the split is that of the default run."""
    values = yaml.safe_load((ROOT / "params.yaml").read_text(encoding="utf-8"))
    phantom = values["datasets"][NAME]
    values["datasets"] = {NAME: phantom | {"intensity": intensity}}
    for network in ("unet", "attn_resunet", "vgg16"):
        values[network]["datasets"] = [NAME] if network == "unet" else []
    (folder / "pipeline").symlink_to(ROOT / "pipeline")
    _write(folder, values)
    _stage(folder, "download")
    raw, own = folder / "data/raw" / NAME, folder / "own"
    (own / "images").mkdir(parents=True)
    (own / "masks").mkdir()
    for row in pd.read_csv(raw / "images.csv", dtype=str).itertuples():
        tifffile.imwrite(own / "images" / f"{row.name}.tif", twin(read_image(raw / row.image)[..., 0]), photometric="minisblack")
        (own / "masks" / f"{row.name}.png").write_bytes((raw / row.mask).read_bytes())
    values["datasets"][NAME] |= {"source": "folder", "path": str(own), "classes": None}
    _write(folder, values)
    for stage in ("download", "patchify"):
        _stage(folder, stage)


def depths():
    for name, twin in DEPTHS.items():
        with tempfile.TemporaryDirectory() as temporary:
            folder = Path(temporary)
            prepare(folder, twin, "auto")
            _stage(folder, "train", "unet")
            _stage(folder, "networks")
            _stage(folder, "evaluate")
            scores = json.loads((folder / f"reports/{NAME}/metrics/unet.json").read_text())
            print(f"| {name} | {scores['iou']:.3f} | {scores['dice']:.3f} |", flush=True)


def shifts():
    for intensity in ("auto", "image"):
        with tempfile.TemporaryDirectory() as temporary:
            folder = Path(temporary)
            prepare(folder, DEPTHS["8 bit"], intensity)
            _stage(folder, "train", "unet")
            _predict_shifted(folder)


def _predict_shifted(folder):
    """Print Dice, and on how many sections `predict` warns, for each shift of the test sections."""
    from pipeline.predict import DEFAULTS, load
    from pipeline.prediction.expectations import differences
    from pipeline.scoring.ratios import dice

    model = load(folder / f"models/{NAME}/unet.keras")
    raw, split = folder / "data/raw" / NAME, pd.read_csv(folder / f"data/patches/{NAME}/split.csv", dtype=str)
    tested = split[split["split"] == "test"].itertuples()
    sections = [(read_image(raw / row.image).astype(np.float32), read_mask(raw / row.mask)) for row in tested]
    print(f"intensity: {model.card['intensity_range']}")
    for name, shift in SHIFTS.items():
        counts, warned = np.zeros(3, np.int64), 0
        for section, mask in sections:
            image = model.scaled(shift(section))
            warned += any(differences(model.card, image, None))
            found = model.segment(image, DEFAULTS) >= model.threshold(DEFAULTS)
            counts += [(found & mask).sum(), (found & ~mask).sum(), (~found & mask).sum()]
        print(f"| {name} | {dice(*counts):.2f} | {warned} of {len(sections)} |", flush=True)


def _write(folder, values):
    (folder / "params.yaml").write_text(yaml.safe_dump(values, sort_keys=False), encoding="utf-8")


def _stage(folder, name, *more):
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-m", f"pipeline.stages.{name}", NAME, *more]
    subprocess.run(command, check=True, cwd=folder, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


if __name__ == "__main__":
    {"depths": depths, "shifts": shifts}[sys.argv[1]]()
