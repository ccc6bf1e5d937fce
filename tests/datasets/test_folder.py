import subprocess

import numpy as np
import pytest
import SimpleITK as sitk  # noqa: N813 (its users know it by no other name)
import tifffile
import zarr
from ome_zarr.writer import write_multiscale
from PIL import Image

from pipeline.datasets.layout import DatasetWriter, read_table
from pipeline.datasets.sources import folder
from pipeline.datasets.sources.folder_files import SHOWN
from pipeline.errors import UserError
from pipeline.images.io import read_image, read_instances, read_mask

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
            colour = {"photometric": "rgb" if content.shape[-1] in (3, 4) else "minisblack"}
            tifffile.imwrite(path, content, **colour, planarconfig="contig" if content.shape[-1] == 5 else None)
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
    raw, table, info = make("segmentation", pixel_size_nm=(40.0, 4.0, 5.0))
    assert list(table["name"]) == list(table["group"]) == ["s1", "s2", "s10"]
    assert set(table["split"]) == {""}
    assert (info.classes, info.channels, info.pixel_size_nm) == (("background", "cells"), 1, (4.0, 5.0))
    assert (info.depth_nm, info.grouped) == (40.0, False)
    assert (raw / "images/s2.png").read_bytes() == (own.root / "images/s2.png").read_bytes()
    np.testing.assert_array_equal(read_mask(raw / "masks/s2.png"), MASK)


@pytest.mark.parametrize(
    ("mask", "settings"),
    [
        pytest.param(MASK, {}, id="1 bit"),
        pytest.param(MASK * np.uint16(65535), {}, id="0 65535"),
        pytest.param(np.dstack([MASK_255] * 4), {}, id="white, black where transparent"),
        pytest.param(np.dstack([np.full((6, 8, 3), 255, np.uint8), MASK_255]), {}, id="white, transparent elsewhere"),
        pytest.param(np.dstack([MASK_255, MASK_255 // 2, 0 * MASK_255]), {}, id="orange"),
        pytest.param(np.dstack([MASK_255, 0 * MASK_255, 0 * MASK_255]), {"mask_threshold": 127}, id="red, threshold"),
        pytest.param(MASK, {"mask_threshold": 127}, id="threshold, 1 bit"),
        pytest.param(np.where(MASK, [[3, 7] * 4], 5).astype(np.uint8), {"mask_labels": (3, 7)}, id="labels"),
        pytest.param(np.where(MASK, 300, 5).astype(np.uint16), {"mask_labels": (300,)}, id="labels, 16 bit"),
    ],
)
def test_masks_of_every_kind(make, own, mask, settings):
    own("images/a.png", GREY)
    own("masks/a.png", mask)
    raw, table, _ = make("segmentation", **settings)
    assert read_mask(raw / "masks/a.png").dtype == bool
    np.testing.assert_array_equal(read_mask(raw / "masks/a.png"), MASK)
    assert list(table["instances"]) == [""]


@pytest.mark.parametrize(
    ("settings", "first", "second"),
    [
        ({"mask_threshold": 1}, np.array([0, 1, 2], np.uint8), np.array([0, 1, 1], np.uint8)),
        ({"mask_labels": (2,)}, np.array([0, 1, 2], np.uint8), np.array([False, True, True])),
    ],
)
def test_a_setting_means_the_same_in_every_file(make, own, settings, first, second):
    """Of the first file, 2 is foreground; the second has no 2."""
    for name, values in (("a", first), ("b", second)):
        own(f"images/{name}.png", GREY[:1, :3])
        own(f"masks/{name}.png", values[None])
    raw, _, _ = make("segmentation", **settings)
    assert read_mask(raw / "masks/a.png").tolist() == [[False, False, True]]
    assert not read_mask(raw / "masks/b.png").any()


@pytest.mark.parametrize("ending", ["png", "gif", "bmp"])
def test_palettes_are_read_by_the_numbers_of_their_colours_or_by_the_grey_that_they_show(make, own, ending):
    numbers = np.where(MASK, 2, GREY % 2).astype(np.uint8)
    mask = Image.fromarray(numbers).convert("P")
    mask.putpalette([0, 0, 0, 40, 0, 0, 0, 90, 200])  # black, dark red, blue
    own("images/a.png", GREY)
    (own.root / "masks").mkdir()
    mask.save(own.root / f"masks/a.{ending}")
    for settings in ({"mask_labels": (2,)}, {"mask_threshold": 90}):
        raw, _, _ = make("segmentation", **settings)
        np.testing.assert_array_equal(read_mask(raw / "masks/a.png"), MASK)
    raw, _, _ = make("segmentation", classes={"background": (0,), "one": (1,), "two": (2,)})
    np.testing.assert_array_equal(read_mask(raw / "masks/a.png"), numbers)


VALUES = np.array([[0, 1, 2, 3, 9, 255]], np.uint8)


@pytest.mark.parametrize(
    ("classes", "folder", "expected"),
    [
        ({"background": (0, 9), "nucleus": (1, 2), "border": (3, 255)}, {}, [0, 1, 1, 2, 0, 2]),
        ({"background": (0, 9), "nucleus": (1, 2), "border": (3,)}, {"ignore": 255}, [0, 1, 1, 2, 0, 255]),
        ({"border": (3,), "rest": (0, 1, 2, 9)}, {"ignore": 255}, [1, 1, 1, 0, 1, 255]),
        ({"rest": (0, 1, 2, 9, 255), "border": (3,)}, {}, [False, False, False, True, False, False]),
        (None, {"mask_threshold": 2, "ignore": [9, 255]}, [0, 0, 0, 1, 255, 255]),
        (None, {"mask_labels": (3,), "ignore": 255}, [0, 0, 0, 1, 0, 255]),
        (None, {"ignore": [2, 3, 9, 255]}, [0, 1, 255, 255, 255, 255]),
    ],
)
def test_classes_and_ignored_values(make, own, classes, folder, expected):
    own("images/a.png", GREY[:1, :6])
    own("masks/a.png", VALUES)
    raw, _, info = make("segmentation", classes=classes, **folder)
    mask = read_mask(raw / "masks/a.png")
    assert info.classes == (tuple(classes) if classes else ("background", "cells"))
    assert mask.dtype == np.array(expected, np.uint8 if max(expected) > 1 or folder else bool).dtype
    assert mask.tolist() == [expected]


def test_values_that_no_class_names_are_refused(problems, own):
    for name in ("a", "b"):
        own(f"images/{name}.png", GREY[:1, :6])
        own(f"masks/{name}.png", VALUES if name == "a" else 0 * VALUES)
    (line,) = problems("segmentation", classes={"background": 0, "nucleus": [1, 2], "border": 255})
    assert line.startswith(f"{own.root / 'masks/a.png'}: no class in datasets.cells.classes has the values {{3, 9}}")


@pytest.mark.parametrize("kind", [np.uint8, np.int16, np.uint32, np.uint64, np.float32, ">i4"])
def test_label_images_keep_their_objects(make, own, kind, capsys):
    labels = np.array([[0, 1, 1, 2, 0], [0, 0, 120, 9, 0]]).astype(kind)
    own("images/a.png", GREY[:2, :5])
    own("masks/a.tif", labels)
    raw, table, info = make("segmentation", instances=True)
    assert info.instances and list(table["instances"]) == ["instances/a.tif"]
    objects = read_instances(raw / table["instances"][0])
    assert objects.dtype == np.uint32 and (objects == labels).all()
    np.testing.assert_array_equal(read_mask(raw / table["mask"][0]), labels > 0)
    assert "1 image, 4 objects; empty masks: 0, full: 0; foreground per image: 50 %" in capsys.readouterr().out


def test_an_ignored_value_is_no_object_and_numbers_beyond_32_bit_are_given_anew(make, own):
    own("images/a.png", GREY[:1, :5])
    own("masks/a.tif", np.array([[0, 7, -1, 2**40, 7]]))
    raw, table, _ = make("segmentation", instances=True, ignore=-1)
    assert read_instances(raw / table["instances"][0]).tolist() == [[0, 1, 0, 2, 1]]
    assert read_mask(raw / table["mask"][0]).tolist() == [[0, 1, 255, 1, 1]]


def test_figures_of_the_masks_are_told(make, own, capsys):
    for name, share in (("a", 0), ("b", 0), ("c", 0), ("d", 3), ("e", 8)):
        own(f"images/{name}.png", GREY[:1])
        own(f"masks/{name}.png", np.arange(8)[None] < share)
    make("segmentation")
    printed = capsys.readouterr()
    assert printed.out == (f"{own.root}: 5 images; empty masks: 3, full: 1; foreground per image: 0 % to 100 %, median 0 %\n")
    full, empty = printed.err.splitlines()
    assert full.startswith(
        f"warning: {own.root}: 1 of 5 masks have no background: e; check the masks, and datasets.cells.classes"
    )
    assert empty.startswith(f"warning: {own.root}: 3 of 5 masks have nothing but background; check the masks")


def test_figures_of_classes_are_told(make, own, capsys):
    own("images/a.png", GREY[:1])
    own("masks/a.png", np.array([[0, 0, 0, 0, 1, 1, 9, 9]], np.uint8))
    make("segmentation", classes={"background": 0, "nucleus": 1, "border": 2}, ignore=9)
    printed = capsys.readouterr()
    assert "of all pixels: background 50 %, nucleus 25 %, border 0 %, ignored 25 %" in printed.out
    assert "foreground per image: 33.3 % to 33.3 %" in printed.out
    assert "no mask has any border" in printed.err


def test_a_mask_that_is_ignored_as_a_whole_is_not_called_empty(make, own, capsys):
    for name, mask in (("a", [0, 0, 0, 1, 9, 9, 9, 9]), ("b", [9] * 8), ("c", [9] * 8)):
        own(f"images/{name}.png", GREY[:1])
        own(f"masks/{name}.png", np.array([mask], np.uint8))
    make("segmentation", ignore=9)
    printed = capsys.readouterr()
    assert "3 images; empty masks: 0, full: 0, ignored: 2; foreground per image: 25 % to 25 %" in printed.out
    assert printed.err == ""


def test_masks_without_any_foreground_are_refused(problems, own):
    """A threshold that nothing exceeds would train on nothing, and score it."""
    own("images/a.png", GREY)
    own("masks/a.png", MASK_255)
    (line,) = problems("segmentation", mask_threshold=255)
    assert "no mask has any foreground; correct the masks, or what datasets.cells says of" in line


def test_wholly_white_masks_are_refused(problems, own):
    """A network that calls all foreground would have Dice 1."""
    for name in ("a", "b"):
        own(f"images/{name}.png", GREY)
        own(f"masks/{name}.png", np.full_like(GREY, 255))
    (line,) = problems("segmentation")
    assert line.startswith(f"{own.root}: no mask has any background; correct the masks, or what datasets.cells says")


def test_label_images_read_by_a_threshold_are_warned_of(make, own, capsys):
    for number in range(6):
        own(f"images/{number}.png", GREY[:1])
        own(f"masks/{number}.png", np.array([[0, 0, 0, 1, 2, 3, 4, 130 if number == 0 else 5]], np.uint8))
    make("segmentation", mask_threshold=127)
    printed = capsys.readouterr()
    assert "6 images; empty masks: 5, full: 0; foreground per image: 0 % to 12.5 %, median 0 %" in printed.out
    assert "5 of 6 masks have nothing but background; check the masks, and datasets.cells.classes and" in printed.err


def test_refused_masks_are_not_also_called_empty(problems, own):
    own("images/a.png", GREY)
    own("masks/a.png", MASK_255[:-1])
    (line,) = problems("segmentation")
    assert "foreground" not in line


@pytest.mark.parametrize(
    ("name", "pixels", "expected"),
    [
        pytest.param("a.png", np.dstack([RGB, GREY]), RGB, id="RGBA"),
        pytest.param("a.png", MASK, MASK_255, id="1 bit"),
        pytest.param("a.tif", RGB, RGB, id="TIFF RGB"),
        pytest.param("a.tif", RGB.astype(np.uint16) * 257, RGB.astype(np.uint16) * 257, id="TIFF RGB 16 bit"),
        pytest.param("a.tif", GREY / np.float32(7), GREY / np.float32(7), id="float"),
        pytest.param("a.tif", np.stack([GREY] * 5, axis=-1), np.stack([GREY] * 5, axis=-1), id="5 channels"),
    ],
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


@pytest.mark.parametrize(("axes", "volumes"), [("TZYX", "001122"), ("TYX", "012345"), ("ZYX", "000000")])
def test_pages_of_one_time_point_are_a_volume(make, own, axes, volumes):
    pages = np.tile(GREY, (6, 1, 1))
    own("masks/a.tif", np.tile(MASK_255, (6, 1, 1)))
    (own.root / "images").mkdir(exist_ok=True)
    shape = (3, 2, *GREY.shape) if axes == "TZYX" else pages.shape
    tifffile.imwrite(own.root / "images/a.tif", pages.reshape(shape), imagej=True, metadata={"axes": axes})
    _, table, _ = make("segmentation")
    assert list(table["volume"]) == [f"a:{number}" for number in volumes]


def test_volumes_of_other_programs_and_their_masks(make, own):
    """Their sections are images of one volume; image and mask may be of different formats."""
    images, masks = np.stack([GREY, GREY + 1, GREY + 2]), np.stack([MASK, ~MASK, MASK]).astype(np.int64)
    own("images/scan.nii.gz", b"").unlink()
    own("masks/scan.zarr", b"").unlink()
    sitk.WriteImage(sitk.GetImageFromArray(images), str(own.root / "images/scan.nii.gz"))
    write_multiscale([masks], zarr.open_group(own.root / "masks/scan.zarr", mode="w"), axes="zyx")
    root, table, _ = make("segmentation")
    assert table["name"].tolist() == ["scan_000", "scan_001", "scan_002"]
    assert table["volume"].tolist() == ["scan:0"] * 3
    np.testing.assert_array_equal([read_image(root / file)[..., 0] for file in table["image"]], images)
    np.testing.assert_array_equal([read_mask(root / file) for file in table["mask"]], masks)


def test_channels_of_any_number_and_a_pyramid(make, own):
    """The levels of a pyramid are no images; channels keep their order and their numbers."""
    cyx = RNG.integers(-9, 999, (4, 64, 64)).astype(np.int16)
    (own.root / "images").mkdir()
    with tifffile.TiffWriter(own.root / "images/a.ome.tif", ome=True) as file:
        file.write(cyx, photometric="minisblack", metadata={"axes": "CYX"}, subifds=1, tile=(16, 16))
        file.write(cyx[:, ::2, ::2], photometric="minisblack", subfiletype=1, tile=(16, 16))
    own("masks/a.ome.tif", np.eye(64, dtype=np.uint8))
    raw, table, info = make("segmentation")
    assert (list(table["image"]), info.channels, info.colour) == (["images/a.tif"], 4, False)
    np.testing.assert_array_equal(read_image(raw / table["image"][0]), np.moveaxis(cyx, 0, -1))


def test_images_of_other_channels_are_named(problems, own):
    for stem, image in (("a", GREY), ("b", GREY), ("c", np.stack([GREY] * 5, axis=-1)), ("d", GREY.astype(np.float32))):
        own(f"images/{stem}.tif", image)
        own(f"masks/{stem}.tif", MASK_255)
    for line, told in zip(problems("segmentation"), ("c.tif: 5 channels of uint8", "d.tif: grey of float32"), strict=True):
        file, received = told.split(": ")
        assert f"/{file}: expected grey of uint8 like most of the images, received {received};" in line


def test_stated_splits_and_groups(make, own, capsys):
    for split, stem in (("test", "p1_9"), ("train", "p1_1"), ("train", "p2_1"), ("val", "p3_1")):
        own(f"{split}/images/{stem}.png", RGB)
        own(f"{split}/masks/{stem}.png", MASK)
    _, table, _ = make("segmentation", group=r"^(p\d+)_")
    assert list(table["split"]) == ["train", "train", "val", "test"]
    assert list(table["group"]) == ["train/p1", "train/p2", "val/p3", "test/p1"]
    assert "1 group occurs in more than one" in capsys.readouterr().err


NFC, NFD = "caf\u00e9", "cafe\u0301"


@pytest.mark.parametrize(
    ("files", "names"),
    [
        (["Images/a.png", "MASKS/a.png"], ["a"]),
        (["images/a.png", "labels/a.png"], ["a"]),
        (["image/a.png", "mask/a.png", "notes/b.png"], ["a"]),
        (["images/a.png", "masks/a_mask.png", "images/b_mask.png", "masks/b_mask.png"], ["a", "b_mask"]),
        (["images/a.png", "masks/a_cp_masks.tif", "images/b.ome.tif", "masks/b-Label.png"], ["a", "b"]),
        ([f"images/{NFC}.png", f"masks/{NFD}.png"], [NFC]),
        (["images/a.png", "masks/a.png", "images/._a.png", "masks/.hidden", "images/.DS_Store"], ["a"]),
        (
            ["Training/Images/a.png", "Training/Labels/a.png", "Testing/images/b.png", "Testing/masks/b.png"],
            ["train_a", "test_b"],
        ),
        ([f"{split}/{part}/a.png" for split in ("train", "validation") for part in ("images", "masks")], ["train_a", "val_a"]),
        ([f"{split}/{part}/a.png" for split in ("train", "valid") for part in ("images", "masks")], ["train_a", "val_a"]),
    ],
)
def test_names_that_leave_no_doubt_are_taken(make, own, files, names):
    for name in files:
        own(name, b"" if "/." in name else MASK_255)
    _, table, _ = make("segmentation")
    assert list(table["name"]) == names


def test_valid_may_be_a_class_and_accents_have_one_form(make, own):
    for name in (f"{NFD}/1.png", "valid/1.png"):
        own(name, RGB)
    _, table, _ = make("classification")
    assert list(table["name"]) == [f"{NFC}_1", "valid_1"]


@pytest.mark.parametrize(
    ("files", "task", "message"),
    [
        (["images/a.png", "truth/a.png"], "segmentation", "found only images, truth; rename truth to masks; datasets.cells.path"),
        (["images/a.png", "mask/a.png", "label/a.png"], "segmentation", "label and mask both mean masks/; rename the right one"),
        (["images/A.png", "masks/a.png"], "segmentation", "images/A.png: no mask {root}/masks/A.*; rename a.png to A.png"),
        (
            ["images/a.png", "masks/a_mask.png", "masks/a_label.png"],
            "segmentation",
            "masks/a_mask.png: a_label.png is a mask of the",
        ),
        (["images/a.png", "masks/a.png", "images/groups.csv"], "segmentation", "images/groups.csv: move it one folder up"),
        (["images/train/a.png", "masks/train/a.png"], "segmentation", "images/train: a folder among the images; move its files"),
        (["images/a.zarr/0/a.png", "masks/a.png"], "segmentation", "images/a.zarr: not an OME-Zarr image"),
        (["train/a/1.png", "Training/b/1.png"], "classification", "train and Training both mean train/"),
        (["train/a/1.png", "train/b/1.png", "test/A/1.png", "test/b/1.png"], "classification", "a and A differ only in case"),
    ],
)
def test_other_names_say_what_to_rename(problems, own, files, task, message):
    for name in files:
        own(name, MASK_255 if name.endswith("png") else b"image,group")
    assert any(message.format(root=own.root) in line for line in problems(task))


def test_an_empty_folder_of_the_project_may_be_one_that_dvc_does_not_see(problems, own, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for path, told in (("own", True), ("missing", True), (own.root, False)):
        (line,) = problems("segmentation", path=path)
        assert ("queued and --temp experiments see only files that git or DVC tracks" in line) == told


def test_git_takes_what_dvc_writes_for_an_added_folder():
    names = ["data/own/nuclei.dvc", "data/own/.gitignore", "data/own/nuclei/images/a.png"]
    ignored = subprocess.run(["git", "check-ignore", "--no-index", *names], capture_output=True, text=True, check=False).stdout
    assert ignored.split() == names[2:]


class TestGroups:
    @pytest.fixture
    def cells(self, own):
        def cells(*files):
            for name in files:
                own(f"{name}.png", RGB)
                own(f"{name}.png".replace("images", "masks"), MASK)

        return cells

    @pytest.mark.parametrize(
        "table",
        [
            "image,group\na,p 1\nb,p 1\nc,p2\n",
            "Group;notes;Image\r\np 1;x;a.png\r\np 1;;images/b.png\r\n\r\np2;;.\\images\\c\r\n",
            '\ufeffimage\tgroup\n"a"\t" p 1"\nb\tp 1\nc\tp2',
        ],
        ids=["stems", "paths, semicolons", "tabs, a mark of the byte order"],
    )
    def test_of_a_table(self, make, own, cells, table):
        cells("images/a", "images/b", "images/c")
        own("groups.csv", table.encode())
        _, images, info = make("segmentation")
        assert list(images["group"]) == ["p 1", "p 1", "p2"] and info.grouped

    def test_of_a_table_of_all_splits_hold_everywhere(self, make, own, cells, capsys):
        cells("train/images/a", "train/images/b", "test/images/a")
        own("groups.csv", b"image,group\ntrain/images/a.png,p1\nb,p2\ntest/a,p1")
        _, images, _ = make("segmentation")
        assert list(images["group"]) == ["p1", "p2", "p1"]
        assert capsys.readouterr().err.endswith("train/, val/ and test/; the split of your folders leaks\n")

    def test_of_tables_of_each_split_hold_there(self, make, own, cells, capsys):
        cells("train/images/a", "test/images/a")
        for split in ("train", "test"):
            own(f"{split}/groups.csv", b"image,group\na,p1")
        _, images, _ = make("segmentation")
        assert list(images["group"]) == ["train/p1", "test/p1"]
        assert "if they mean the same there" in capsys.readouterr().err

    def test_of_classes(self, make, own):
        for name in ("a/1.png", "b/1.png", "b/2.png"):
            own(name, RGB)
        own("groups.csv", b"image,group\na/1,p1\nb/1.png,p1\n2,p2")
        _, images, info = make("classification")
        assert list(images["group"]) == ["p1", "p1", "p2"] and info.grouped

    def test_are_stated_by_an_expression_too_but_not_by_default(self, make, cells):
        cells("images/p1_a", "images/p1_b")
        assert make("segmentation", group=r"^(p\d)_")[2].grouped
        assert not make("segmentation")[2].grouped

    @pytest.mark.parametrize(
        ("table", "told"),
        [
            ("", "expected the columns image,group, received nothing"),
            ("file,group\na,1", "expected the columns image,group, received file,group"),
            ("image,group\na,1\nx,1\ny,2\nb,2", "no image is called x, y; correct or remove the rows"),
            ("image,group\na,1", "no row for images/b.png; every image needs one"),
            ("image,group\na,1\nb,", "line 3: b has no group"),
            ("image,group\na,1\nb,2\na.png,2", "a.png is in the groups 1, 2; keep one row"),
            ("image,group\n\xe9,1", "not a text file in UTF-8"),
        ],
    )
    def test_that_are_not_clear_are_refused(self, problems, own, cells, table, told):
        cells("images/a", "images/b")
        own("groups.csv", table.encode("latin-1"))
        assert any(line.startswith(f"{own.root / 'groups.csv'}: {told}") for line in problems("segmentation"))

    def test_of_a_stem_in_two_folders_are_refused(self, problems, own, cells):
        cells("train/images/a", "test/images/a")
        own("groups.csv", b"image,group\na,p1")
        (line,) = problems("segmentation")
        assert line.endswith("groups.csv: line 2: a may be test/images/a.png, train/images/a.png; write the path")

    @pytest.mark.parametrize(
        ("tables", "pattern", "told"),
        [
            (["groups.csv"], "(a)", "groups.csv: datasets.cells.folder.group states groups too; remove one of the two"),
            (
                ["groups.csv", "train/groups.csv"],
                None,
                "train/groups.csv: {root}/groups.csv states groups too; remove one of them",
            ),
            (["train/groups.csv"], None, "test: no groups.csv, but {root}/train/groups.csv exists; every image needs a row"),
        ],
    )
    def test_stated_twice_or_for_some_images_only_are_refused(self, problems, own, cells, tables, pattern, told):
        cells("train/images/a", "test/images/a")
        for table in tables:
            own(table, b"image,group\na,p1")
        (line,) = problems("segmentation", group=pattern)
        assert line == f"{own.root}/{told.format(root=own.root)}"


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
    own("images/photo.svg", b"<svg/>")
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
        "images/colour.png": "expected grey of uint8 like most of the images, received RGB of uint8; save it as grey",
        "images/good1.jpg": "datasets.cells.folder.group '^([^g])' does not match 'good1'; correct one of them",
        "images/good1.png": "good1.jpg has the same stem",
        "images/photo.svg": "not a file that ends in .png",
    }
    found = {line.split(": ")[0].removeprefix(f"{own.root}/"): line.split(": ", 1)[1] for line in lines}
    assert set(found) == set(expected) and len(lines) == len(expected)
    for name, text in expected.items():
        assert text in found[name]
    assert not (tmp_path / "raw").exists()


def test_only_the_first_problems_are_shown(problems, own):
    for i in range(SHOWN + 5):
        own(f"images/{i}.png", b"")
        own(f"masks/{i}.png", b"")
    lines = problems("segmentation")
    assert len(lines) == SHOWN + 1
    assert lines[0].endswith("images/0.png: the file is empty")
    assert lines[-1] == f"... and 5 more of {SHOWN + 5}"


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
            ["train/images/a.png", "train/masks/a.png", "vali/images/a.png"],
            "segmentation",
            "vali: only train/, val/ and test/ may be here; rename it to val",
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


def test_a_class_is_not_called_as_a_column_of_the_predictions(make, own):
    for label in ("page", "other"):
        own(f"{label}/0.png", RGB)
    with pytest.raises(UserError, match=r"no class can be called page, the name of a column in predictions\.csv; rename it"):
        make("classification")
