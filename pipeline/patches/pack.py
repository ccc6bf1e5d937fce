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
from PIL import ExifTags, Image
from tqdm import tqdm

from pipeline.datasets.layout import read_info
from pipeline.errors import UserError
from pipeline.images.io import read_image, read_mask, unit
from pipeline.images.resize import resize_image, resize_mask
from pipeline.parallel import on_all_threads
from pipeline.patches.augment import augmented_patch
from pipeline.patches.grid import corners, cut
from pipeline.patches.rows import Rows

PACKED = ("train", "val")  # test images are kept whole: evaluate alone reads them, from data/raw


def pack(raw, folder, table, settings, augment, seed, threads=None):
    """Cut and augment a dataset. Memory holds an image and a patch for each thread, however large the dataset is.

    Parameters
    ----------
    raw : path-like
        A dataset in the standard layout.
    folder : path-like
        Where the packed arrays go; replaced.
    table : pandas.DataFrame
        Its images with their roles, as `pipeline.patches.split.assign_splits` returns them.
    settings : pipeline.params.Dataset
        Its `split` and `patches` are read.
    augment : pipeline.params.Augment
    seed : int
    threads : int, optional
        Images at a time; one for each processor by default. The bytes do not depend on it.

    Returns
    -------
    dict of str to int
        Number of packed patches by split.
    """
    raw, folder = Path(raw), Path(folder)
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    table.to_csv(folder / "split.csv", index=False)
    manifests = [_pack_split(raw, folder, table, split, settings.patches, augment, seed, threads) for split in PACKED]
    pd.concat(manifests).to_csv(folder / "manifest.csv", index=False)
    card = json.loads((raw / "dataset.json").read_text())
    card |= {
        "resize": settings.patches.resize,
        "patch_size": _patch_size(settings.patches),
        "split_method": settings.split.method,
    }
    (folder / "dataset.json").write_text(json.dumps(card, indent=2) + "\n")
    return {split: len(manifest) for split, manifest in zip(PACKED, manifests, strict=True)}


def _pack_split(raw, folder, table, split, patches, augment, seed, threads):
    """Write the arrays of one split; return its part of the manifest."""
    (folder / split).mkdir()
    table, info = table[table["split"] == split], read_info(raw)
    size, copies = _patch_size(patches), augment.copies if split == "train" else 0
    shapes = [patches.resize or _height_and_width(raw / image) for image in table["image"]]
    small = sum(any(np.less(shape, size)) for shape in shapes)
    if small:
        print(f"{split}: {small} of {len(shapes)} images are smaller than a patch of {size[0]} × {size[1]}: filled by reflection")
    grids = [corners(shape, size, getattr(patches, "stride", size)) for shape in shapes]
    manifest = _manifest(split, table, grids, copies)
    firsts = np.cumsum([0] + [len(grid) * (1 + copies) for grid in grids])[:-1]
    depth = read_image(raw / table["image"].iloc[0]).dtype
    images = Rows.create(folder / split / "images.npy", len(manifest), (*size, info.channels), depth)
    masks = Rows.create(folder / split / "masks.npy", len(manifest), size, bool) if info.task == "segmentation" else None

    def pack_image(index, record, grid, first):
        image, mask = _load(raw, record, patches.resize, info, depth)
        for row in range(len(grid) * (1 + copies)):
            number, copy = divmod(row, 1 + copies)
            # Seeded by what the patch is, not by when it is made: the same bytes in whatever order.
            rng = np.random.default_rng([seed, index, number, copy]) if copy else None
            patch, patch_mask = _patch(image, mask, grid[number], size, rng, augment)
            images.write(first + row, np.rint(patch * np.iinfo(depth).max))
            if masks:
                masks.write(first + row, patch_mask)

    with on_all_threads(threads) as several:
        done = several(pack_image, table.index, table.to_dict("records"), grids, firsts)
        for _ in tqdm(done, total=len(table), desc=split, disable=None):
            pass  # an error of a thread is raised here
    if not masks:
        np.save(folder / split / "labels.npy", manifest["label"].map(info.classes.index).to_numpy(np.int64))
    return manifest


def _patch(image, mask, corner, size, rng, augment):
    """One patch and its mask (or None): as it is, or changed at random where there is a generator."""
    if rng is not None:
        return augmented_patch(image, mask, corner, size, rng, augment)
    return cut(image, corner, size), None if mask is None else cut(mask, corner, size)


def _manifest(split, table, grids, copies):
    """The rows of a split: of each image each patch, followed by its copies."""
    top, left = np.repeat(np.concatenate(grids), 1 + copies, axis=0).T
    of = table.loc[table.index.repeat([len(grid) * (1 + copies) for grid in grids])].reset_index(drop=True)
    copy = np.arange(len(of)) % (1 + copies)
    columns = {"split": split, "row": np.arange(len(of)), "name": of["name"], "group": of["group"]}
    return pd.DataFrame(columns | {"top": top, "left": left, "copy": copy, "label": of["label"]})


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
    mask = read_mask(raw / record["mask"]) if info.task == "segmentation" else None
    if size is not None:
        image = resize_image(image, size)
        mask = None if mask is None else resize_mask(mask, size)
    return image, mask


def _height_and_width(path):
    with Image.open(path) as image:
        turned = image.getexif().get(ExifTags.Base.Orientation, 1) >= 5  # by a quarter, as `read_image` gives it
        return image.size if turned else image.size[::-1]
