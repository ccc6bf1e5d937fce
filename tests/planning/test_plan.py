"""`python -m pipeline.plan` on small folders: the block loads, and says what the folder shows."""

import re
import shlex
import shutil
from pathlib import Path

import numpy as np
import pytest
import tifffile
from PIL import Image
from scipy.ndimage import gaussian_filter

from pipeline import params, plan
from pipeline.errors import UserError

RNG = np.random.default_rng(5)


def texture(*shape):
    return gaussian_filter(RNG.random(shape) * 255, (3, 3, 0)[: len(shape)]).astype(np.uint8)


def discs(shape, places, radius):
    rows, columns = np.indices(shape)
    return np.any([np.hypot(rows - row, columns - column) < radius for row, column in places], axis=0)


@pytest.fixture
def project(tmp_path, monkeypatch):
    """An empty project with the params of this one, and `save(name, array)`."""
    shutil.copy("params.yaml", tmp_path)
    monkeypatch.chdir(tmp_path)

    def save(name, pixels):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(pixels).save(path)

    return save


@pytest.fixture
def planned(project):
    """Plan the folder "own", add it as "cells", and return its block and the params."""

    def planned():
        plan.main(["own", "--write", "cells"])
        loaded = params.load()
        return loaded.datasets["cells"], loaded

    return planned


def test_a_series_of_sections_is_cut_into_blocks_and_patches_of_twice_its_objects(project, planned, capsys):
    places = RNG.uniform(20, 180, (6, 2))
    for number in range(12):
        places += RNG.normal(0, 3, places.shape)
        project(f"own/images/s{number:02d}.png", texture(200, 208))
        project(f"own/masks/s{number:02d}.png", discs((200, 208), places, 15))
    block, loaded = planned()
    assert (block.task, block.source, block.path, block.split.method) == ("segmentation", "folder", "own", "blocks")
    assert (block.patches.resize, block.patches.size, block.patches.stride) == (None, (128, 128), (64, 64))
    assert loaded.networks_of("cells") == ["unet"]
    printed = capsys.readouterr().out
    assert "12 images of 200 × 208" in printed and "Next: dvc exp run evaluate@cells -S augment.copies=3" in printed
    assert re.search(r"About \d+ minutes? of training on \d+ cores of this", printed)


def test_large_objects_are_seen_at_half_the_resolution_if_that_keeps_their_masks(project, planned, capsys):
    """Discs of 140 pixels; lines of the same length and two pixels wide would vanish, and numbered discs might touch."""
    rows, columns = np.indices((600, 640))
    for number in range(6):
        place = RNG.uniform(100, 500, (1, 2))
        project(f"own/images/{number}.png", texture(600, 640))
        project(f"own/masks/{number}.png", discs((600, 640), place, 70))
        line = (np.abs(rows - place[0, 0]) < 2) & (np.abs(columns - place[0, 1]) < 70)
        project(f"lines/images/{number}.png", texture(600, 640))
        project(f"lines/masks/{number}.png", line)
        places = [(100, 100), (100, 300), (300, 100), (300, 300)][: 2 + number % 3]
        numbered = [np.uint8(one) * discs((600, 640), [place], 70) for one, place in enumerate(places, 1)]
        project(f"numbered/images/{number}.png", texture(600, 640))
        project(f"numbered/masks/{number}.png", sum(numbered))
    block, _ = planned()
    assert (block.patches.resize, block.patches.size, block.patches.stride) == (0.5, (192, 192), (96, 96))
    for name in ("lines", "numbered"):
        plan.main([name, "--write", name])
        patches = params.load().datasets[name].patches
        assert (patches.resize, patches.size) == (None, (256, 256))
    assert params.load().datasets["numbered"].folder.instances
    assert "larger patches would take too long" in capsys.readouterr().out


def test_colour_frames_with_one_large_object_are_seen_whole_and_names_give_their_groups(project, planned):
    for patient in range(5):
        for frame in range(3):
            place = RNG.uniform(60, 100, (1, 2))
            project(f"own/images/p{patient}_{frame}.png", texture(160, 200, 3))
            project(f"own/masks/p{patient}_{frame}.png", discs((160, 200), place, 40) * np.uint8(200))
    block, _ = planned()
    assert block.folder.mask_labels == (200,) and block.folder.group == "^([^_]+)_"
    assert block.split.method == "groups"
    assert block.patches.resize == block.patches.size == block.patches.stride == (96, 128)


def test_copies_in_classes_stay_together_whatever_their_names_say(project, capsys):
    for label in ("a", "b"):
        for photograph in range(5):
            image = texture(70, 90, 3)
            for copy, turned in enumerate((image, image[::-1], image[:, ::-1])):
                project(f"own/{label}/_{copy}_{photograph}.png", turned)
    plan.main(["own"])
    printed = capsys.readouterr().out
    assert "task: classification" in printed and "resize:  # reduced from 70 × 90" in printed
    assert "-S audit.group=true" in printed and "augment.copies=0" in printed
    assert "vgg16.normalization=batch" in printed and " group:" not in printed
    assert re.search(r"suggest groups by '.*', but only 0 of \d+ pairs", printed)
    assert "own" not in params.load().datasets  # nothing was written


@pytest.mark.parametrize(
    "shape, reason", [((64, 80), "the size of the images"), ((28, 28), "enlarged from 28 × 28: networks need 32")]
)
def test_small_images_to_classify_are_not_called_reduced(project, capsys, shape, reason):
    for label in ("a", "b"):
        for number in range(4):
            project(f"own/{label}/{number}.png", texture(*shape))
    plan.main(["own"])
    assert f"resize:  # {reason}\n" in capsys.readouterr().out


def test_pretrained_weights_see_more_of_a_frame_and_train_an_encoder(project, capsys):
    for patient in range(5):
        for frame in range(3):
            project(f"own/images/p{patient}_{frame}.png", texture(288, 384, 3))
            project(f"own/masks/p{patient}_{frame}.png", discs((288, 384), RNG.uniform(120, 180, (1, 2)), 80) * np.uint8(255))
    plan.main(["own", "--pretrained", "--write", "cells"])
    block, printed = params.load().datasets["cells"], capsys.readouterr().out
    assert block.patches.resize == block.patches.size == block.patches.stride == (192, 256)
    assert params.load().networks_of("cells") == ["unet"]
    for setting in ("unet.encoder=efficientnet_lite0", "unet.encoder_weights=imagenet", "augment.when=epoch", "augment.copies=0"):
        assert f"-S {setting} " in printed


def test_a_pretrained_classifier_is_paired_by_the_command(project, capsys):
    for label in ("a", "b"):
        for number in range(4):
            project(f"own/{label}/{number}.png", texture(180, 240))
    plan.main(["own", "--pretrained", "--write", "cells"])
    loaded, printed = params.load(), capsys.readouterr().out
    assert loaded.datasets["cells"].patches.resize == (168, 224)
    assert loaded.networks_of("cells") == [] and "cells to" not in printed
    assert "-S '++pairs.cells-encoder_classifier={dataset: cells, network: encoder_classifier}'" in printed
    assert "-S encoder_classifier.batch_scale=1" in printed and "# of 1 step\n" in printed


def test_pretrained_weights_take_grey_or_rgb(project):
    for number in range(4):
        tifffile.imwrite(f"own{number}.tif", np.zeros((2, 64, 64), np.uint8), metadata={"axes": "CYX"})
        project(f"own/masks/{number}.png", discs((64, 64), [(30, 30)], 9))
        Path("own/images").mkdir(exist_ok=True)
        Path(f"own{number}.tif").rename(f"own/images/{number}.tif")
    with pytest.raises(UserError, match="own: pretrained weights take grey or RGB images, not 2 channels of uint8"):
        plan.main(["own", "--pretrained"])


def test_a_table_of_groups_holds_and_ranges_of_their_own_are_seen(project, planned, capsys):
    for number in range(12):
        image = texture(64, 64).astype(np.uint16) * (40 if number == 3 else 1) + 3000 * number
        project(f"own/images/{number}.png", image)
        project(f"own/masks/{number}.png", discs((64, 64), RNG.uniform(10, 54, (4, 2)), 4))
    table = "".join(f"{number},{number % 4}\n" for number in range(12))
    Path("own/groups.csv").write_text(f"image,group\n{table}")
    block, _ = planned()
    assert (block.intensity, block.split.method, block.patches.size) == ("image", "groups", (64, 64))
    capsys.readouterr()
    for groups, method, noted in ((1, "blocks", False), (2, "groups", True), (3, "groups", False)):
        table = "".join(f"{number},{number % groups}\n" for number in range(12))
        Path("own/groups.csv").write_text(f"image,group\n{table}")
        plan.main(["own"])
        printed = capsys.readouterr().out
        assert f"method: {method} " in printed
        assert ("note: training, val and test need a group each, but groups.csv has only 2" in printed) == noted


def test_words_in_names_are_not_taken_for_patients(project, capsys):
    for name in ("benign", "malignant", "normal"):
        for number in range(6):
            project(f"own/images/{name} ({number}).png", texture(64, 64))
            project(f"own/masks/{name} ({number}).png", discs((64, 64), RNG.uniform(10, 54, (2, 2)), 6) * np.uint8(255))
    plan.main(["own"])
    printed = capsys.readouterr().out
    assert "but benign, malignant, normal may be kinds of images; if they are patients, set folder.group" in printed
    assert "group: '" not in printed


def test_the_pages_of_one_tiff_are_images(project, capsys):
    Path("own/images").mkdir(parents=True)
    Path("own/masks").mkdir()
    mask = discs((64, 64), [(15, 15), (45, 45)], 6) * np.uint8(255)
    tifffile.imwrite("own/images/a.tif", texture(12, 64, 64), resolution=(50_000, 50_000), resolutionunit="CENTIMETER")
    tifffile.imwrite("own/masks/a.tif", np.stack([mask] * 11 + [0 * mask]))
    plan.main(["own"])
    printed = capsys.readouterr().out
    assert "12 images in 1 file of" in printed and "2 objects in a" in printed and "empty masks: 1, full: 0" in printed
    assert "three images at least" not in printed and "- 200.0\n" in printed and "pixel sizes" not in printed
    assert "gap: 0  # none left out: pages were not compared" in printed
    tifffile.imwrite("own/images/b.tif", texture(2, 64, 64), resolution=(100_000, 100_000), resolutionunit="CENTIMETER")
    tifffile.imwrite("own/masks/b.tif", np.stack([mask, mask]))
    plan.main(["own"])
    printed = capsys.readouterr().out
    assert "note: files state different pixel sizes in nm (200 × 200, 100 × 100), so" in printed and "- 200.0\n" not in printed


def test_pages_are_counted_and_cut_where_they_are(project, capsys):
    """Of two classes with a stack each, only blocks leave something of both on each side."""
    for name, pages in (("a", 20), ("b", 5)):
        Path(f"own/{name}").mkdir(parents=True)
        tifffile.imwrite(f"own/{name}/{name}.tif", RNG.integers(0, 255, (pages, 64, 64)).astype(np.uint8))
    plan.main(["own"])
    printed = capsys.readouterr().out
    assert "  classes: a 20, b 5" in printed and "method: blocks  # pages of one file follow each other" in printed
    assert "classification.class_weights: balanced" in printed


def test_a_stated_split_is_not_cut_and_copies_across_it_are_told(project, capsys):
    """Training has one stack, from which validation must be cut; test shows it again, turned."""
    stack = np.stack([texture(64, 64) for _ in range(12)])
    for part, pages in (("train", stack), ("test", stack[6:7, ::-1])):
        for number in range(1 if part == "train" else 3):
            for kind, content in (("images", pages), ("masks", (pages > 130) * np.uint8(255))):
                Path(f"own/{part}/{kind}").mkdir(parents=True, exist_ok=True)
                tifffile.imwrite(f"own/{part}/{kind}/{number}.tif", content, photometric="minisblack")
    plan.main(["own"])
    printed = capsys.readouterr().out
    assert "15 images in 4 files" in printed and "12 train, 3 test" in printed and "method: blocks" in printed
    assert re.search(r"note: \d+ pairs of near-duplicates are on different sides of your split, which is kept", printed)


def test_masks_without_foreground_are_told_and_all_of_it_is_100_percent(project, capsys):
    for number in range(4):
        project(f"empty/images/{number}.png", texture(64, 64))
        project(f"empty/masks/{number}.png", np.zeros((64, 64), np.uint8))
        project(f"full/images/{number}.png", texture(64, 64))
        project(f"full/masks/{number}.png", np.full((64, 64), 255, np.uint8))
    plan.main(["empty"])
    assert "note: no mask has any foreground" in capsys.readouterr().out
    plan.main(["full"])
    assert "foreground: 100 % of the pixels" in capsys.readouterr().out


@pytest.mark.parametrize("name", ["tissue", "2024", "no", "plots", "cellules é", "é", "["])
def test_the_name_that_it_suggests_can_be_written(project, capsys, name):
    for number in range(6):
        project(f"{name}/{'ab'[number % 2]}/{number}.png", texture(64, 64))
    plan.main([name])
    command = re.search("`python -m pipeline.plan (.*)` adds", capsys.readouterr().out)[1]
    plan.main(shlex.split(command))
    assert "params.yaml: added datasets." in capsys.readouterr().out


def test_the_folder_where_one_is_has_a_name_too(project, monkeypatch, capsys):
    for number in range(3):
        project(f"own/images/{number}.png", texture(64, 64))
        project(f"own/masks/{number}.png", np.uint8(1) + discs((64, 64), [(20, 20)], 8 + number))
    shutil.copy("params.yaml", "own")
    monkeypatch.chdir("own")
    plan.main(["."])
    assert "background: 1  #" in (printed := capsys.readouterr().out) and "      own: 2  #" in printed


def test_what_is_wrong_with_a_folder_is_told_and_nothing_is_written(project, tmp_path):
    before = (tmp_path / "params.yaml").read_bytes()
    project("own/images/a.png", texture(32, 32))
    project("own/masks/b.png", texture(32, 32))
    for name, size in (("c", (32, 32)), ("d", (32, 32, 3)), ("e", (32, 32))):
        project(f"own/images/{name}.png", texture(*size))
        project(f"own/masks/{name}.png", texture(32, 32))
    Path("own/images/e.png").write_bytes(b"")
    Path("empty").mkdir()
    for number, columns in enumerate((32, 32, 48)):
        project(f"sizes/images/{number}.png", texture(32, 32))
        project(f"sizes/masks/{number}.png", np.zeros((32, columns), np.uint8))
    for arguments, told in (
        (["missing"], "missing: no such folder"),
        (["own"], r"images/a.png: no mask(.|\n)*e.png: the file is empty\n.*d.png: expected grey of uint8 like most of"),
        (
            ["sizes"],
            r"^sizes/masks/2.png: expected 32 × 32 pixels \(rows × columns\) as in sizes/images/2.png, received 32 × 48$",
        ),
        (["empty"], "empty: empty folder; FOLDER must name a folder with images/ and masks/ .*, or one folder of images per"),
        (["own", "--write", "polyps"], "datasets.polyps exists"),
        (["own", "--write", "a b"], "expected a name of letters"),
    ):
        with pytest.raises(UserError, match=told):
            plan.main(arguments)
    assert (tmp_path / "params.yaml").read_bytes() == before


def test_series_stay_whole_and_a_chain_of_images_that_look_alike_is_no_set_of_copies(project, capsys):
    Path("series/images").mkdir(parents=True)
    Path("series/masks").mkdir()
    same, mask = texture(64, 64), discs((64, 64), [(15, 15), (45, 45)], 6) * np.uint8(255)
    for name in "abcd":
        tifffile.imwrite(f"series/images/{name}.tif", np.stack([same] * 5))
        tifffile.imwrite(f"series/masks/{name}.tif", np.stack([mask] * 5))
    plan.main(["series"])
    assert "method: groups  # each file, of up to 5 pages, stays on one side" in capsys.readouterr().out
    base = texture(64, 64).astype(int)
    for number in range(12):
        image = np.clip(base + RNG.integers(-3, 4, base.shape), 0, 255).astype(np.uint8)
        project(f"alike/{'ab'[number % 2]}/{number}.png", image)
    plan.main(["alike"])
    printed = capsys.readouterr().out
    assert "most of them form one chain" in printed and "audit.group" not in printed
