"""Cut the images of a split data set into patches, augment them, and pack them into arrays.

::

    data/patches/<dataset>/
        dataset.json          as in data/raw, with what was done to the images
        split.csv             each image with its group, its role and its independent unit
        manifest.csv          each packed row: split, row, image, group, corner, copy, label
        train/images.npy      (N, H, W, C), memory-mapped: the intensity range on all levels of uint8, or of uint16 where the
                              images have more than 8 bit; with surroundings where training augments (see `surroundings`), and
                              with neighbours as further channels (see `pipeline.images.sections`)
        train/masks.npy       (N, H, W), bool, or uint8: class numbers, 255 ignored; for classification labels.npy, (N,), int64
        val/...               the same, never augmented
        fold-1/...            all of this for each further fold of a cross-validation
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
from tqdm import tqdm

from pipeline.atomic import read_json, whole, write_json
from pipeline.datasets.layout import read_info
from pipeline.errors import UserError
from pipeline.images.intensity import BY_IMAGE, evenly, quantiles_and_contrast, robust_range, sample, scaled
from pipeline.images.io import read_image, read_mask
from pipeline.images.resize import gives_one_shape, new_shape, resize_image, resize_mask, resized_to
from pipeline.images.sections import read_with_neighbours, with_runs
from pipeline.parallel import on_all_threads
from pipeline.params.dataset import Patches
from pipeline.patches.augment import augmented_patch
from pipeline.patches.cutting import corners, cut, surroundings, widened
from pipeline.patches.foreground import foreground_corners

PACKED = ("train", "val")  # only evaluation reads test images, whole and from data/raw
LOOKED_AT = 128  # training images whose intensities are measured, evenly spaced


def pack(raw, folder, table, dataset, augment, seed, threads=None, facts=None):
    """Cut and augment the data set in the folder `raw`, and return the number of packed patches by split.

    `table` has its images with their roles and units (see `split_and_audit`), and `facts`, a dict, go into the card.
    Memory holds one image per thread (default: one per core) and its neighbours, however large the data set is; the bytes do not
    depend on the threads.
    """
    table = with_runs(table)
    with whole(folder) as part, on_all_threads(threads) as map_in_order:
        part.mkdir()
        table.drop(columns=["run", "place"]).to_csv(part / "split.csv", index=False)
        training = [raw / image for image in table.loc[table["split"] == "train", "image"]]
        info = read_info(raw)
        read = partial(_read_alike, info.channels, read_image(training[0]).dtype)
        intensities = measure_intensities(training, dataset.intensity, info.colour, read, map_in_order)
        images = _Images(raw, read, dataset.patches, intensities["intensity_range"])
        pack_split = partial(_pack_split, images, info, augment, seed, map_in_order)
        manifests = [pack_split(part / split, table[table["split"] == split]) for split in PACKED]
        pd.concat(manifests).to_csv(part / "manifest.csv", index=False)
        card = read_json(raw / "dataset.json")
        card |= {"resize": dataset.patches.resize, "patch_size": dataset.patches.size or dataset.patches.resize}
        card |= {"context": dataset.patches.context} if dataset.patches.context else {}
        card |= intensities | {"split_method": dataset.split.method} | (facts or {})
        write_json(part / "dataset.json", card)
    return {split: len(manifest) for split, manifest in zip(PACKED, manifests, strict=True)}


def measure_intensities(paths, setting, colour, read, map_in_order):
    """Measure the training images at `paths`, which `read` opens; `setting` is ``datasets.<name>.intensity``.

    Images in `colour` have one range for red, green and blue. Returns ``intensity_range``, (low, high) of each channel or
    "image", and ``intensity_seen``: the least and the greatest of each of the `QUANTILES`, and of the contrast, over the scaled
    images, for each channel, (2, 6, C) as lists.
    """
    some = [paths[index] for index in evenly(len(paths), LOOKED_AT)]
    if setting == "auto":
        setting = robust_range(list(map_in_order(lambda path: sample(read(path)), some)), colour)
    elif setting != BY_IMAGE:
        setting = [setting] * read(some[0]).shape[-1]
    seen = np.stack(list(map_in_order(lambda path: quantiles_and_contrast(scaled(read(path), setting)), some)))
    extremes = np.stack([seen.min(axis=0), seen.max(axis=0)]).astype(np.float64)
    return {"intensity_range": setting, "intensity_seen": extremes.round(4).tolist()}


def npy_writer(path, shape, dtype):
    """Lay out a ``.npy`` file, and return a function ``write(row, values)`` that threads may call at the same time."""
    # A memory map would write the rows too, but a full disk then kills the process instead of raising OSError.
    offset = np.lib.format.open_memmap(path, mode="w+", dtype=dtype, shape=shape).offset

    def write(row, values):
        values = np.ascontiguousarray(values, dtype)
        with open(path, "r+b") as file:
            file.seek(offset + row * values.nbytes)
            file.write(values.data)

    return write


@dataclass(frozen=True)
class _Images:
    """The images and masks of a data set as patches are cut from them: scaled, with their neighbours, and resized."""

    raw: Path
    read: Callable  # of an image at a path
    patches: Patches
    intensity_range: tuple | str  # see `measure_intensities`

    @property
    def resized(self):
        """How images are resized, in words that follow "images"; "" if they are not."""
        return f", resized {resized_to(self.patches.resize)}," if self.patches.resize else ""

    def shape(self, file):
        """Rows and columns of an image, once it is resized."""
        size = self.patches.resize
        return size if gives_one_shape(size) else new_shape(read_image(self.raw / file).shape, size or 1)

    def image(self, record):
        """The image of a row of the table, (H, W, C), float32 in [0, 1]."""

        def read(file):
            return scaled(self.read(self.raw / file), self.intensity_range)

        image = read_with_neighbours(record, self.patches.context, read)
        return resize_image(image, self.patches.resize) if self.patches.resize else image

    def mask(self, file):
        """A mask, (H, W), bool or class numbers; None without a file."""
        mask = read_mask(self.raw / file) if file else None
        return resize_mask(mask, self.patches.resize) if file and self.patches.resize else mask


def _pack_split(images, info, augment, seed, map_in_order, folder, table):
    """Write the arrays of one split; return its part of the manifest."""
    folder.mkdir()
    split, patches, segmentation = folder.name, images.patches, info.task == "segmentation"
    size, sections = patches.size or patches.resize, 2 * patches.context + 1
    versions = 1 + (augment.copies if split == "train" and augment.when == "patchify" else 0)  # of each patch
    shapes = list(map_in_order(images.shape, table["image"]))
    grids = _grids(images, split, table, shapes, size, seed, map_in_order)
    manifest = _manifest(split, table, grids, versions)
    around = surroundings(size, shapes) if split == "train" and augment.when == "epoch" else (0, 0)
    wide = tuple(side + 2 * more for side, more in zip(size, around, strict=True))
    depth = np.uint8 if images.read(images.raw / table["image"].iloc[0]).dtype == np.uint8 else np.uint16
    write_image = npy_writer(folder / "images.npy", (len(manifest), *wide, info.channels * sections), depth)
    if segmentation:
        kind = images.mask(table["mask"].iloc[0]).dtype
        write_mask = npy_writer(folder / "masks.npy", (len(manifest), *wide), kind)
    else:
        np.save(folder / "labels.npy", manifest["label"].map(info.classes.index).to_numpy(np.int64))

    def pack_image(index, record, grid, first):
        image, mask = images.image(record), images.mask(record.mask)
        if segmentation and mask.dtype != kind:
            raise UserError(f"{images.raw / record.mask}: expected a mask of {kind} like the first one, received {mask.dtype}")
        if any(around):
            image, mask = widened(image, size, around), widened(mask, size, around)
        for row in range(len(grid) * versions):
            number, copy = divmod(row, versions)
            if copy:
                # Seeded by what the patch is, not by when it is made: the bytes are the same in any order.
                rng = np.random.default_rng([seed, index, number, copy])
                patch, patch_mask = augmented_patch(image, mask, grid[number], size, rng, augment, sections)
            else:
                patch, patch_mask = cut(image, grid[number], wide), cut(mask, grid[number], wide) if segmentation else None
            write_image(first + row, np.rint(patch * np.iinfo(depth).max))
            if segmentation:
                write_mask(first + row, patch_mask)
        return np.unique(mask).tolist() if segmentation and patches.resize else range(len(info.classes))

    firsts = np.cumsum([0, *(len(grid) * versions for grid in grids)])[:-1]
    done = map_in_order(pack_image, table.index, table.itertuples(), grids, firsts)
    found = set().union(*tqdm(done, total=len(table), desc=split, disable=None))  # errors of a thread are raised here
    lost = [name for number, name in enumerate(info.classes) if number not in found]
    if lost:
        print(f"{split}: warning: the masks{images.resized} have no pixel of {' or '.join(lost)}", flush=True)
    return manifest


def _read_alike(channels, kind, path):
    """Read an image; raise a `UserError` if its channels or number type differ from the first image's."""
    image = read_image(path)
    if (image.dtype, image.shape[-1]) != (kind, channels):
        received = f"{image.shape[-1]} of {image.dtype}"
        raise UserError(f"{path}: expected {channels} channels of {kind} like the first image, received {received}")
    return image


def _grids(images, split, table, shapes, size, seed, map_in_order):
    """Corners of the patches of each image: a grid, and for training more around foreground, as ``patches.foreground`` says."""
    patches, small = images.patches, sum(any(np.less(shape, size)) for shape in shapes)
    if small:
        wanted = f"a patch of {size[0]} × {size[1]}"
        print(f"{split}: {small} of {len(shapes)} images{images.resized} are smaller than {wanted}, extended by reflection")
    grids = [corners(shape, size, patches.stride or size) for shape in shapes]
    if split != "train" or not patches.foreground:
        return grids
    count = sum(map(len, grids))
    more = foreground_corners(table["mask"], images.mask, size, count, patches.foreground, seed, map_in_order)
    return [grid + further for grid, further in zip(grids, more, strict=True)]


def _manifest(split, table, grids, versions):
    """One row per packed patch: image by image, patch by patch, each followed by its augmented copies."""
    top, left = np.repeat(np.concatenate(grids), versions, axis=0).T
    images = table.loc[table.index.repeat([len(grid) * versions for grid in grids])].reset_index(drop=True)
    row = np.arange(len(images))
    columns = {"split": split, "row": row, "name": images["name"], "group": images["group"]}
    return pd.DataFrame(columns | {"top": top, "left": left, "copy": row % versions, "label": images["label"]})
