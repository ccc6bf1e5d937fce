"""Turn the images of a dataset into packed training arrays: they are split already; cut, then augment.

::

    data/patches/<dataset>/
        dataset.json          as in data/raw, with what was done to the images
        split.csv             every image with its group, its role and its independent unit
        manifest.csv          every packed row: split, row, image, group, corner, copy, label
        train/images.npy      (N, H, W, C) in the images' own depth, memory-mapped
        train/masks.npy       (N, H, W) bool; or labels.npy (N,) int64 for classification
        val/...               the same; never augmented
"""

import json
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
from PIL import Image
from tqdm import tqdm

from pipeline.errors import UserError
from pipeline.images.augment import augmented_patch
from pipeline.images.dataset import read_info
from pipeline.images.io import read_image, read_mask, unit
from pipeline.images.patches import corners, cut, resize_image, resize_mask

PACKED = ("train", "val")  # test images are kept whole: evaluate alone reads them, from data/raw


def pack(raw, folder, table, settings, augment, seed):
    """Cut and augment a dataset.

    Parameters
    ----------
    raw : path-like
        A dataset in the standard layout.
    folder : path-like
        Where the packed arrays go; replaced.
    table : pandas.DataFrame
        Its images with their roles, as `pipeline.images.split.assign_splits` returns them.
    settings : pipeline.params.Dataset
        Its `split` and `patches` are read.
    augment : pipeline.params.Augment
    seed : int

    Returns
    -------
    dict of str to int
        Number of packed patches by split.
    """
    raw, folder = Path(raw), Path(folder)
    info = read_info(raw)
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    table.to_csv(folder / "split.csv", index=False)
    rows = [row for split in PACKED for row in _pack_split(raw, folder, table, split, info, settings.patches, augment, seed)]
    pd.DataFrame(rows).to_csv(folder / "manifest.csv", index=False)
    card = json.loads((raw / "dataset.json").read_text())
    card |= {
        "resize": settings.patches.resize,
        "patch_size": _patch_size(settings.patches),
        "split_method": settings.split.method,
    }
    (folder / "dataset.json").write_text(json.dumps(card, indent=2) + "\n")
    return {split: sum(row["split"] == split for row in rows) for split in PACKED}


def _pack_split(raw, folder, table, split, info, patches, augment, seed):
    table = table[table["split"] == split]
    size = _patch_size(patches)
    stride = getattr(patches, "stride", size)
    copies = augment.copies if split == "train" else 0
    shapes = [patches.resize or _height_and_width(raw / image) for image in table["image"]]
    grids = [corners(shape, size, stride) for shape in shapes]
    total = sum(len(grid) for grid in grids) * (1 + copies)

    first = read_image(raw / table["image"].iloc[0])
    (folder / split).mkdir()
    images = _new_array(folder / split / "images.npy", (total, *size, info.channels), first.dtype)
    segmentation = info.kind == "segmentation"
    targets = _new_array(folder / split / "masks.npy", (total, *size), bool) if segmentation else np.empty(total, np.int64)

    rows = []
    for (index, record), grid in zip(tqdm(table.iterrows(), total=len(table), desc=split, disable=None), grids, strict=True):
        image, mask = _load(raw, record, patches.resize, info, first.dtype)
        for number, corner in enumerate(grid):
            for copy in range(1 + copies):
                if copy == 0:
                    patch, patch_mask = cut(image, corner, size), None if mask is None else cut(mask, corner, size)
                else:
                    # Seeded by what the patch is, not by when it is made: the same bytes in whatever order.
                    rng = np.random.default_rng([seed, index, number, copy])
                    patch, patch_mask = augmented_patch(image, mask, corner, size, rng, augment)
                row = len(rows)
                images[row] = np.rint(patch * np.iinfo(first.dtype).max)
                targets[row] = patch_mask if segmentation else info.classes.index(record["label"])
                rows.append(
                    {"split": split, "row": row, "name": record["name"], "group": record["group"], "top": corner[0]}
                    | {"left": corner[1], "copy": copy, "label": record["label"]}
                )
    if not segmentation:
        np.save(folder / split / "labels.npy", targets)
    return rows


def _patch_size(patches):
    return getattr(patches, "size", patches.resize)


def _load(raw, record, size, info, dtype):
    image = read_image(raw / record["image"])
    if image.dtype != dtype or image.shape[-1] != info.channels:
        raise UserError(
            f"{raw / record['image']}: expected {info.channels} channels of {dtype} as in the first image, "
            f"received {image.shape[-1]} of {image.dtype}"
        )
    image = unit(image)
    mask = read_mask(raw / record["mask"]) if info.kind == "segmentation" else None
    if size is not None:
        image = resize_image(image, size)
        mask = None if mask is None else resize_mask(mask, size)
    return image, mask


def _height_and_width(path):
    with Image.open(path) as image:
        return image.size[::-1]


def _new_array(path, shape, dtype):
    return np.lib.format.open_memmap(path, mode="w+", dtype=dtype, shape=shape)
