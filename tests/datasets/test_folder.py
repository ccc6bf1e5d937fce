import numpy as np
import pytest
import tifffile
from PIL import Image

from pipeline.datasets.layout import DatasetWriter, read_table
from pipeline.datasets.sources import folder
from pipeline.errors import UserError
from pipeline.images.io import read_image, read_mask

RNG = np.random.default_rng(0)
GREY = RNG.integers(0, 256, (6, 8), dtype=np.uint8)
RGB = RNG.integers(0, 256, (6, 8, 3), dtype=np.uint8)
MASK = RNG.random((6, 8)) > 0.5
MASK_255 = MASK * np.uint8(255)


@pytest.fixture
def own(tmp_path):
    """The user's folder: `own(name, array)` writes an image, `own(name, bytes)` whatever it is."""
    root = tmp_path / "own"
    root.mkdir()

    def write(name, content, **options):
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if isinstance(content, bytes):
            path.write_bytes(content)
        elif path.suffix == ".tif":
            tifffile.imwrite(path, content, photometric="rgb" if content.shape[-1] in (3, 4) else "minisblack")
        else:
            Image.fromarray(content).save(path, **options)
        return path

    write.root = root
    return write


@pytest.fixture
def make(own, block, tmp_path):
    """Make a data set of the name "cells" from the user's folder; return its folder, its table and its info."""

    def make(task, path=None, **settings):
        with DatasetWriter(tmp_path / "raw") as writer:
            info = folder.make(writer, "cells", block(task, path=path or own.root, **settings), seed=0)
            writer.finish(info)
        return tmp_path / "raw", read_table(tmp_path / "raw/images.csv"), info

    return make


@pytest.fixture
def problems(make):
    """The lines of the error that `make` ends with."""

    def problems(*arguments, **settings):
        with pytest.raises(UserError) as caught:
            make(*arguments, **settings)
        return str(caught.value).splitlines()

    return problems


@pytest.mark.parametrize(
    ("task", "wanted"), [("segmentation", "images/ and masks/"), ("classification", "one folder of images per class")]
)
def test_an_empty_folder_says_what_belongs_there(problems, own, tmp_path, task, wanted):
    own(".gitkeep", b"")
    (line,) = problems(task)
    assert line.startswith(f"{own.root}: empty folder; datasets.cells.path must name") and wanted in line
    assert not (tmp_path / "raw").exists()
    (line,) = problems(task, path="no/such/folder")
    assert line.startswith("no/such/folder: no such folder") and wanted in line


def test_images_and_masks_in_natural_order(make, own):
    for stem in ("s10", "s2", "s1"):
        own(f"images/{stem}.png", GREY)
        own(f"masks/{stem}.tif", MASK_255)
    own("images/.DS_Store", b"")
    own("masks/Thumbs.db", b"")
    own("notes.txt", b"beside the folders, anything goes")
    raw, table, info = make("segmentation", pixel_size_nm=(4.0, 5.0))
    assert list(table["name"]) == list(table["group"]) == ["s1", "s2", "s10"]
    assert set(table["split"]) == {""}
    assert (info.classes, info.channels, info.pixel_size_nm) == (("background", "cells"), 1, (4.0, 5.0))
    assert (raw / "images/s2.png").read_bytes() == (own.root / "images/s2.png").read_bytes()
    np.testing.assert_array_equal(read_mask(raw / "masks/s2.png"), MASK)


@pytest.mark.parametrize(
    ("mask", "settings"),
    [
        (MASK, {}),
        (MASK.astype(np.uint8), {}),
        (MASK_255, {}),
        (np.dstack([MASK_255] * 4), {}),
        (np.where(MASK, 200, 100).astype(np.uint8), {"mask_threshold": 127}),
        (MASK, {"mask_threshold": 127}),
        (np.where(MASK, [[3, 7] * 4], 5).astype(np.uint8), {"mask_labels": (3, 7)}),
        (np.where(MASK, 300, 5).astype(np.uint16), {"mask_labels": (300,)}),
    ],
    ids=["1 bit", "0 1", "0 255", "RGBA", "threshold", "threshold, 1 bit", "labels", "labels, 16 bit"],
)
def test_masks_of_every_kind(make, own, mask, settings):
    own("images/a.png", GREY)
    own("masks/a.png", mask)
    raw, _, _ = make("segmentation", **settings)
    np.testing.assert_array_equal(read_mask(raw / "masks/a.png"), MASK)


def test_masks_without_any_foreground_are_refused(problems, own):
    """A threshold that nothing exceeds would train on nothing, and score it."""
    own("images/a.png", GREY)
    own("masks/a.png", MASK_255)
    (line,) = problems("segmentation", mask_threshold=255)
    assert "no mask has any foreground; correct the masks, datasets.cells.folder.mask_threshold" in line


def test_refused_masks_are_not_also_called_empty(problems, own):
    own("images/a.png", GREY)
    own("masks/a.png", MASK_255[:-1])
    (line,) = problems("segmentation")
    assert "foreground" not in line


@pytest.mark.parametrize(
    ("name", "pixels", "expected"),
    [
        ("a.png", GREY, GREY),
        ("a.png", RGB, RGB),
        ("a.png", np.dstack([RGB, GREY]), RGB),
        ("a.png", GREY.astype(np.uint16) * 257, GREY.astype(np.uint16) * 257),
        ("a.png", MASK, MASK_255),
        ("a.tif", GREY, GREY),
        ("a.tif", GREY.astype(np.uint16) * 257, GREY.astype(np.uint16) * 257),
        ("a.tif", RGB, RGB),
        ("a.tif", RGB.astype(np.uint16) * 257, RGB),
    ],
    ids=["grey", "RGB", "RGBA", "16 bit", "1 bit", "TIFF", "TIFF 16 bit", "TIFF RGB", "TIFF RGB 16 bit"],
)
def test_images_of_every_kind(make, own, name, pixels, expected):
    own(f"images/{name}", pixels)
    own("masks/a.png", MASK)
    raw, table, info = make("segmentation")
    image = read_image(raw / table["image"][0])
    assert image.dtype == expected.dtype and info.channels == image.shape[-1]
    np.testing.assert_array_equal(image.squeeze(), expected)


def test_jpeg_is_copied_and_a_turned_one_is_set_upright(make, own):
    exif = Image.Exif()
    exif[0x0112] = 6  # to be shown turned by a quarter, clockwise
    upright = own("images/a.JPG", RGB)
    turned = own("images/b.jpeg", RGB, exif=exif)
    own("masks/a.png", MASK)
    own("masks/b.png", MASK.T)  # drawn on the image as it is shown
    raw, table, _ = make("segmentation")
    assert list(table["image"]) == ["images/a.jpg", "images/b.png"]
    assert (raw / "images/a.jpg").read_bytes() == upright.read_bytes()
    with Image.open(turned) as image:
        np.testing.assert_array_equal(read_image(raw / "images/b.png"), np.rot90(np.asarray(image), -1))


def test_pages_become_sections_of_one_group(make, own):
    volume = np.stack([GREY, GREY.T.reshape(6, 8), 255 - GREY])
    own("images/stack.tif", volume)
    own("masks/stack.tif", np.stack([MASK_255, 255 - MASK_255, MASK_255]))
    raw, table, _ = make("segmentation")
    assert list(table["name"]) == ["stack_000", "stack_001", "stack_002"]
    assert list(table["group"]) == ["stack"] * 3
    np.testing.assert_array_equal(np.dstack([read_image(raw / image) for image in table["image"]]), np.dstack(list(volume)))
    np.testing.assert_array_equal(read_mask(raw / table["mask"][1]), ~MASK)


def test_stated_splits_and_groups(make, own, capsys):
    for split, stem in (("test", "p1_9"), ("train", "p1_1"), ("train", "p2_1"), ("val", "p3_1")):
        own(f"{split}/images/{stem}.png", RGB)
        own(f"{split}/masks/{stem}.png", MASK)
    _, table, _ = make("segmentation", group=r"^(p\d+)_")
    assert list(table["split"]) == ["train", "train", "val", "test"]
    assert list(table["group"]) == ["train/p1", "train/p2", "val/p3", "test/p1"]
    assert "1 groups occur in more than one" in capsys.readouterr().err


def test_classes_and_groups(make, own):
    for label in ("b", "a"):
        for stem in ("_10_1", "_2_1", "_2_2"):
            own(f"{label}/{stem}.png", RGB)
    _, table, info = make("classification", group=r"^_(\d+)_")
    assert info.classes == ("a", "b") and info.task == "classification"
    assert list(table["label"]) == ["a"] * 3 + ["b"] * 3
    assert list(table["group"]) == ["a/2", "a/2", "a/10", "b/2", "b/2", "b/10"]
    assert list(table["name"])[:3] == ["a__2_1", "a__2_2", "a__10_1"]


def test_classes_with_stated_splits(make, own):
    for split in ("train", "test"):
        for label in ("a", "b"):
            own(f"{split}/{label}/1.png", RGB)
    _, table, info = make("classification")
    assert list(table["name"]) == ["train_a_1", "train_b_1", "test_a_1", "test_b_1"]
    assert list(table["split"]) == ["train", "train", "test", "test"]
    assert info.classes == ("a", "b")


def test_every_problem_is_reported_at_once(problems, own, tmp_path):
    def pair(stem, image=GREY, mask=MASK_255):
        own(f"images/{stem}", image)
        own(f"masks/{stem}", mask)

    own("images/alone.png", GREY)
    own("masks/lonely.png", MASK)
    pair("size.png", mask=MASK_255[:, :4])
    pair("empty.png", image=b"")
    pair("values.png", mask=MASK_255 // 2)
    pair("damaged.png", image=(own.root / "images/alone.png").read_bytes()[:60])
    pair("noimage.tif", image=b"text")
    pair("pages.tif", image=np.stack([GREY, GREY]))
    pair("colour.png", image=RGB)
    pair("good1.png")
    own("images/good1.jpg", GREY)
    own("images/photo.bmp", GREY)
    lines = problems("segmentation", group=r"^([^g])")
    expected = {
        "images/alone.png": "no mask ",
        "masks/lonely.png": "no image ",
        "masks/size.png": "expected 6 × 8 pixels",
        "images/empty.png": "the file is empty",
        "masks/values.png": "expected mask values {0, 1} or {0, 255}, received {0, 127}",
        "images/damaged.png": "cannot be read as an image",
        "images/noimage.tif": "cannot be read as an image",
        "masks/pages.tif": "expected 2 pages",
        "images/colour.png": "expected grey of 8 bit as most of the images, received RGB",
        "images/good1.jpg": "datasets.cells.folder.group '^([^g])' does not match 'good1'",
        "images/good1.png": "good1.jpg has the same stem",
        "images/photo.bmp": "not a file that ends in .png",
    }
    found = {line.split(": ")[0].removeprefix(f"{own.root}/"): line.split(": ", 1)[1] for line in lines}
    assert set(found) == set(expected) and len(lines) == len(expected)
    for name, text in expected.items():
        assert text in found[name]
    assert not (tmp_path / "raw").exists()


def test_only_the_first_problems_are_shown(problems, own):
    for i in range(folder.SHOWN + 5):
        own(f"images/{i}.png", b"")
        own(f"masks/{i}.png", b"")
    lines = problems("segmentation")
    assert len(lines) == folder.SHOWN + 1
    assert lines[0].endswith("images/0.png: the file is empty")
    assert lines[-1] == f"... and 5 more of {folder.SHOWN + 5}"


def test_the_params_give_the_order_of_the_classes_but_not_other_names(make, problems, own):
    own("a/1.png", RGB)
    own("b/1.png", RGB)
    _, table, info = make("classification", classes=("b", "a"))
    assert info.classes == ("b", "a") and list(table["label"]) == ["a", "b"]
    (line,) = problems("classification", classes=("a", "c"))
    assert line == "datasets.cells.classes: expected the folders' names a, b, received a, c"


@pytest.mark.parametrize(
    ("files", "task", "message"),
    [
        (["images/a.png"], "segmentation", "found only images"),
        (["train/images/a.png"], "segmentation", "train/masks: no such folder"),
        (["images/.gitkeep", "masks/.gitkeep"], "segmentation", "images: no images"),
        (["test/images/a.png", "test/masks/a.png"], "segmentation", "train/ is missing beside test"),
        (
            ["train/images/a.png", "train/masks/a.png", "valid/images/a.png"],
            "segmentation",
            "valid: only train/, val/ and test/ may stand here",
        ),
        (["a/1.png"], "classification", "expected at least two classes, received a"),
        (["train/.gitkeep"], "classification", "expected at least two classes, received none"),
        (["1.png", "a/1.png", "b/1.png"], "classification", "1.png: move it into the folder of its class"),
        (["1.png"], "classification", "1 files but no folders"),
        (["a/1.png", "b/.gitkeep"], "classification", "b: no images of this class"),
        (["train/a/1.png", "train/b/1.png", "test/a/2.png"], "classification", "test/b: no images of this class"),
    ],
)
def test_other_layouts_are_refused(problems, own, files, task, message):
    for name in files:
        own(name, b"" if name.endswith(".gitkeep") else RGB)
    assert any(message in line for line in problems(task))
