"""Packing: the same bytes for any number of threads, in memory that does not grow with the data."""

import re
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import ExifTags, Image

from pipeline import params
from pipeline.datasets.layout import DatasetInfo, DatasetWriter, read_table
from pipeline.errors import UserError
from pipeline.images.io import read_image, read_mask, write_png
from pipeline.params.dataset import Dataset
from pipeline.patches.augment import augmented_patch
from pipeline.patches.cutting import corners, cut
from pipeline.patches.pack import npy_writer, pack
from pipeline.patches.packed import load_card, load_packed, unpacked

AUGMENT = params.load().augment.model_copy(update={"copies": 2})


def test_rows_written_in_any_order_are_what_numpy_saves(tmp_path):
    values = np.random.default_rng(0).random((50, 3, 4)).astype(np.float32)
    write = npy_writer(tmp_path / "rows.npy", values.shape, np.float32)
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda row: write(row, values[row]), reversed(range(50))))
    np.save(tmp_path / "whole.npy", values)
    assert (tmp_path / "rows.npy").read_bytes() == (tmp_path / "whole.npy").read_bytes()


@pytest.fixture
def raw(tmp_path):
    """Write six images of 20 × 30 pixels; returns their folder and their table, of which four train and two validate."""

    def write(task):
        rng = np.random.default_rng(0)
        with DatasetWriter(tmp_path / "raw") as writer:
            for number in range(6):
                image = rng.integers(0, 256, (20, 30, 3), np.uint8)
                mask = image[..., 0] > 99 if task == "segmentation" else None
                writer.add(str(number), image, mask=mask, label="ab"[number % 2])
            writer.finish(DatasetInfo("cells", "folder", task, ("a", "b"), 3))
        return tmp_path / "raw", read_table(tmp_path / "raw/images.csv").assign(split=["train"] * 4 + ["val"] * 2)

    return write


def cells(task, **patches):
    return Dataset(task=task, source="folder", path="-", patches=patches)


@pytest.mark.parametrize(
    ("task", "patches", "counts"),
    [
        ("segmentation", {"size": [16, 16], "stride": [16, 8]}, {"train": 4 * 2 * 3 * 3, "val": 2 * 2 * 3}),
        ("classification", {"resize": [12, 16]}, {"train": 4 * 3, "val": 2}),
    ],
)
def test_the_bytes_do_not_depend_on_the_threads(tmp_path, raw, task, patches, counts):
    folder, table = raw(task)
    for threads in (1, 4):
        assert pack(folder, tmp_path / str(threads), table, cells(task, **patches), AUGMENT, 1, threads) == counts
    files = sorted(path.relative_to(tmp_path / "1") for path in (tmp_path / "1").rglob("*") if path.is_file())
    assert len(files) == 7
    for file in files:
        assert (tmp_path / "1" / file).read_bytes() == (tmp_path / "4" / file).read_bytes(), file


def test_validation_patches_are_pieces_of_the_images(tmp_path, raw):
    folder, table = raw("segmentation")
    pack(folder, tmp_path / "packed", table, cells("segmentation", size=[10, 10], stride=[10, 10]), AUGMENT, 1)
    images, masks = load_packed(tmp_path / "packed", "val")
    manifest = pd.read_csv(tmp_path / "packed/manifest.csv", dtype={"name": str}).query("split == 'val'")
    assert len(manifest) == len(images) == 2 * 2 * 3
    for patch, mask, row in zip(images, masks, manifest.itertuples(), strict=True):
        area = slice(row.top, row.top + 10), slice(row.left, row.left + 10)
        np.testing.assert_array_equal(patch, read_image(folder / f"images/{row.name}.png")[area])
        np.testing.assert_array_equal(mask, read_mask(folder / f"masks/{row.name}.png")[area])


def test_a_factor_reduces_each_image_by_itself(tmp_path):
    with DatasetWriter(tmp_path / "raw") as writer:
        for number, shape in enumerate([(24, 40), (48, 20)]):
            mask = np.arange(shape[0])[:, None].repeat(shape[1], axis=1) >= shape[0] // 2
            writer.add(str(number), np.where(mask, 200, 100)[..., None].astype(np.uint8), mask=mask)
        writer.finish(DatasetInfo("cells", "folder", "segmentation", ("a", "b"), 1))
    table = read_table(tmp_path / "raw/images.csv").assign(split=["train", "val"])
    dataset = cells("segmentation", resize=0.5, size=[12, 10], stride=[12, 10])
    assert pack(tmp_path / "raw", tmp_path / "packed", table, dataset, AUGMENT.model_copy(update={"copies": 0}), 1) == {
        "train": 1 * 2,
        "val": 2 * 1,
    }
    images, masks = load_packed(tmp_path / "packed", "val")
    assert not masks[0].any() and masks[1].all()
    assert load_card(tmp_path / "packed")["resize"] == 0.5
    assert images.shape == (2, 12, 10, 1)


def test_a_class_that_resizing_removes_from_the_masks_is_told(tmp_path, capsys):
    with DatasetWriter(tmp_path / "raw") as writer:
        for number, dots in enumerate([1, 2]):
            mask = np.zeros((40, 24), bool)
            mask[10 : 10 + dots, 10 : 10 + dots] = True
            writer.add(str(number), np.where(mask, 200, 100)[..., None].astype(np.uint8), mask=mask)
        writer.finish(DatasetInfo("cells", "folder", "segmentation", ("a", "b"), 1))
    table = read_table(tmp_path / "raw/images.csv").assign(split=["train", "val"])
    dataset = cells("segmentation", resize=0.5, size=[16, 16], stride=[16, 16], foreground=0.33)
    pack(tmp_path / "raw", tmp_path / "packed", table, dataset, AUGMENT, 1)
    assert capsys.readouterr().out.splitlines() == [
        "train: 1 of 1 images, resized by a factor of 0.5, are smaller than a patch of 16 × 16, extended by reflection",
        "train: warning: the masks, resized by a factor of 0.5, have no pixel of b",
        "val: 1 of 1 images, resized by a factor of 0.5, are smaller than a patch of 16 × 16, extended by reflection",
    ]


def test_a_patch_that_training_augments_has_the_surroundings_that_the_image_has(tmp_path, raw):
    """The same turn of the same patch, in the whole image and in what is packed of it."""
    folder, table = raw("segmentation")
    augment = AUGMENT.model_copy(update={"when": "epoch", "rotation": 45.0, "scale": 0.0, "elastic": 0.0, "blur": 0.0})
    pack(folder, tmp_path / "packed", table, cells("segmentation", size=[12, 16], stride=[12, 16]), augment, 1)
    images, masks = load_packed(tmp_path / "packed", "train")
    assert images.shape == (4 * 2 * 2, 12 + 2 * 3, 16 + 2 * 4, 3) and masks.shape == images.shape[:3]
    assert load_packed(tmp_path / "packed", "val").images.shape[1:3] == (12, 16)
    manifest = pd.read_csv(tmp_path / "packed/manifest.csv", dtype={"name": str}).query("split == 'train'")
    for row in manifest.itertuples():
        image = unpacked(read_image(folder / f"images/{row.name}.png"))
        mask, random = read_mask(folder / f"masks/{row.name}.png"), lambda: np.random.default_rng(7)
        expected, its = augmented_patch(image, mask, (row.top, row.left), (12, 16), random(), augment)
        found, mine = augmented_patch(unpacked(images[row.row]), masks[row.row], (3, 4), (12, 16), random(), augment)
        np.testing.assert_allclose(found, expected, atol=1e-6)
        np.testing.assert_array_equal(mine, its)


def test_labels_are_numbers_of_the_classes(tmp_path, raw):
    folder, table = raw("classification")
    pack(folder, tmp_path / "packed", table, cells("classification", resize=[12, 16]), AUGMENT, 1)
    images, labels = load_packed(tmp_path / "packed", "train")
    assert images.shape == (12, 12, 16, 3) and labels.tolist() == [0, 0, 0, 1, 1, 1] * 2
    assert load_card(tmp_path / "packed")["patch_size"] == [12, 16]


def test_images_as_large_as_a_patch_are_not_called_smaller(tmp_path, raw, capsys):
    folder, table = raw("segmentation")
    for rows, message in ((20, ""), (21, "train: 4 of 4 images are smaller than a patch of 21 × 30")):
        pack(folder, tmp_path / "packed", table, cells("segmentation", size=[rows, 30], stride=[20, 30]), AUGMENT, 1)
        printed = capsys.readouterr().out
        assert printed.startswith(message) and bool(printed) == bool(message)


def test_an_error_leaves_the_former_patches(tmp_path, raw):
    folder, table = raw("classification")
    dataset = cells("classification", resize=[12, 16])
    pack(folder, tmp_path / "packed", table, dataset, AUGMENT, 1)
    before = (tmp_path / "packed/train/images.npy").read_bytes()
    write_png(folder / "images/2.png", np.zeros((20, 30), np.uint8))
    with pytest.raises(UserError, match=r"2\.png: expected 3 channels of uint8 like the first image, received 1 of uint8"):
        pack(folder, tmp_path / "packed", table, dataset, AUGMENT, 1)
    assert (tmp_path / "packed/train/images.npy").read_bytes() == before


def test_images_of_any_depth_give_the_same_patches(tmp_path):
    """As `a << 4` the phantom trained to Dice 0.48 instead of 0.93: augmentation was in units of the file's type."""
    packed = {}
    for name, twin in {"8 bit": lambda a: a, "12 bit": lambda a: a.astype(np.uint16) << 4}.items():
        rng = np.random.default_rng(0)
        with DatasetWriter(tmp_path / name) as writer:
            for number in range(3):
                image = rng.integers(20, 200, (20, 30, 1), np.uint8)
                writer.add(str(number), twin(image), mask=image[..., 0] > 99)
            writer.finish(DatasetInfo("cells", "folder", "segmentation", ("a", "b"), 1))
        table = read_table(tmp_path / name / "images.csv").assign(split=["train", "train", "val"])
        pack(
            tmp_path / name, tmp_path / f"{name} packed", table, cells("segmentation", size=[16, 16], stride=[16, 8]), AUGMENT, 1
        )
        packed[name] = unpacked(load_packed(tmp_path / f"{name} packed", "train").images)
    np.testing.assert_allclose(packed["12 bit"], packed["8 bit"], atol=0.5 / 255 + 1e-4)


def test_memory_does_not_grow_with_the_patches(tmp_path):
    """5,120 patches of 256 × 256 pixels with their masks are 0.67 GB, more than the peak of memory.

    One thread: each one more holds another image of 4096 × 4096 pixels with its mask, 0.13 GB. No copies: they take time.
    """
    command = [sys.executable, "-m", "tests.patches.many", "--here", str(tmp_path), "5120", "1", "0"]
    output = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    written, peak = re.search(r"([\d.]+) GB", output), re.search(r"([\d.]+) GiB", output)
    assert float(written[1]) > 0.56
    assert float(peak[1]) < 0.4


def test_corners_by_hand():
    assert corners((4, 6), (4, 4), (4, 4)) == [(0, 0), (0, 2)]
    assert corners((3, 3), (4, 4), (4, 4)) == [(0, 0)]
    assert corners((10, 11), (4, 4), (3, 3)) == [(row, column) for row in (0, 3, 6) for column in (0, 3, 6, 7)]


@given(st.tuples(st.integers(1, 60), st.integers(1, 60)), st.tuples(st.integers(1, 20), st.integers(1, 20)), st.floats(0.3, 1.0))
def test_patches_cover_every_pixel(shape, size, step):
    stride = tuple(max(1, int(s * step)) for s in size)
    seen = np.zeros(shape, int)
    for row, column in corners(shape, size, stride):
        assert row + size[0] <= max(shape[0], size[0])
        seen[row : row + size[0], column : column + size[1]] += 1
    assert seen.min() >= 1


def test_a_small_image_is_reflected():
    patch = cut(np.arange(6).reshape(2, 3), (0, 0), (3, 5))
    np.testing.assert_array_equal(patch, [[0, 1, 2, 2, 1], [3, 4, 5, 5, 4], [3, 4, 5, 5, 4]])


def test_patches_of_a_photograph_that_is_stored_rotated(tmp_path):
    """Cameras store the rotation beside the pixels; sources such as kvasir-seg copy the file."""
    upright = np.random.default_rng(0).integers(0, 256, (96, 64, 3), np.uint8)
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = 6
    Image.fromarray(np.rot90(upright).copy()).save(tmp_path / "a.jpg", exif=exif, quality=100)
    with DatasetWriter(tmp_path / "raw") as writer:
        writer.add("a", tmp_path / "a.jpg", mask=upright[..., 0] > 128)
        writer.add("b", tmp_path / "a.jpg", mask=upright[..., 0] > 128)
        writer.finish(DatasetInfo("polyps", "kvasir-seg", "segmentation", ("background", "polyp"), 3))
    table = read_table(tmp_path / "raw/images.csv").assign(split=["train", "val"])
    pack(tmp_path / "raw", tmp_path / "packed", table, cells("segmentation", size=[96, 64], stride=[96, 64]), AUGMENT, 1)
    images, _ = load_packed(tmp_path / "packed", "val")
    np.testing.assert_array_equal(images, read_image(tmp_path / "a.jpg")[None])
