"""The phantoms: the same bytes from the same seed, exact masks, groups that differ."""

import hashlib
import os
import subprocess
import sys
from itertools import islice

import numpy as np
import pytest
from PIL import Image
from skimage.metrics import structural_similarity
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GroupKFold, cross_val_score

from docs import phantom
from pipeline.datasets.layout import DatasetWriter, read_info, read_table
from pipeline.datasets.sources.phantom import bowel, mitochondria, polyps, tissue
from pipeline.datasets.sources.phantom.texture import line, paste, smooth_noise, soft_step, stream, to_uint8
from pipeline.images.io import read_image, read_mask

SEED = 7


@pytest.fixture(scope="session")
def shown():
    return mitochondria.organelles(SEED)


@pytest.fixture(scope="session")
def sections(shown):
    images, classes = shown
    return images, classes == mitochondria.MITOCHONDRIA


@pytest.fixture(scope="session")
def frames():
    return list(polyps.frames(SEED))


@pytest.fixture(scope="session")
def tiles():
    return list(tissue.tiles(SEED))


@pytest.fixture
def made(tmp_path, block):
    """Make a data set of the name "any" from a phantom; return its folder, its info and its table."""

    def made(painter, task, source="phantom-any"):
        with DatasetWriter(tmp_path / "any") as writer:
            writer.finish(painter.make(writer, "any", block(task, source), SEED))
        info = read_info(tmp_path / "any")
        assert info.phantom and (info.name, info.source, info.task) == ("any", source, task)
        assert info.grouped == (painter is not mitochondria)
        return tmp_path / "any", info, read_table(tmp_path / "any/images.csv")

    return made


def digest(*arrays):
    return hashlib.sha256(b"".join(np.ascontiguousarray(a).tobytes() for a in arrays)).hexdigest()


def best_threshold_iou(images, masks):
    """IoU of the best single grey level, with the foreground on either side of it."""
    inside = np.bincount(images[masks], minlength=256)
    outside = np.bincount(images[~masks], minlength=256)
    scores = []
    for a, b in ((inside, outside), (inside[::-1], outside[::-1])):
        scores.append((a.cumsum() / (inside.sum() + b.cumsum())).max())
    return max(scores)


def correlation(a, b):
    return np.corrcoef(a.ravel(), b.ravel())[0, 1]


def test_another_processor_draws_the_same(frames, tiles):
    """NumPy without the instructions that it chooses by the processor; in float32, some pixels would differ."""
    script = """
import sys
from itertools import islice
from pipeline.datasets.sources.phantom import polyps, tissue
for images in (polyps.frames(int(sys.argv[1])), tissue.tiles(int(sys.argv[1]))):
    for _, image, *_ in islice(images, 12):
        sys.stdout.buffer.write(image.tobytes())
"""
    without = {"NPY_DISABLE_CPU_FEATURES": " ".join(np._core._multiarray_umath.__cpu_dispatch__), "OPENBLAS_CORETYPE": "Haswell"}
    command = [sys.executable, "-W", "ignore", "-c", script, str(SEED)]
    drawn = subprocess.run(command, env=os.environ | without, capture_output=True, check=True).stdout
    assert drawn == b"".join(image.tobytes() for images in (frames, tiles) for _, image, *_ in islice(images, 12))


class TestTexture:
    def test_noise_is_standard_smooth_and_the_generator_s(self):
        noise = smooth_noise(stream(SEED, 9), (400, 400), 4)
        assert noise.shape == (400, 400) and noise.dtype == np.float64
        assert abs(noise.mean()) < 0.1 and abs(noise.std() - 1) < 0.1
        assert correlation(noise[:, :-1], noise[:, 1:]) > 0.9 > 0.1 > correlation(noise[:, :-40], noise[:, 40:])
        assert np.array_equal(noise, smooth_noise(stream(SEED, 9), (400, 400), 4))
        assert not np.array_equal(noise, smooth_noise(stream(SEED, 8), (400, 400), 4))

    def test_edges_and_lines_by_hand(self):
        assert soft_step(np.array([-3.0, 0.0, 3.0]), 2).tolist() == [0, 0.5, 1]
        assert line(np.array([-2.0, 0.0, 1.0, 2.0]), 2).tolist() == [0, 1, 0.5625, 0]

    def test_paste_is_cut_at_the_border(self):
        image = np.zeros((3, 3))
        paste(image, (0, 0), 8.0, np.full((3, 3), 0.5))
        assert image.tolist() == [[4, 4, 0], [4, 4, 0], [0, 0, 0]]
        paste(image, (9, 9), 8.0, np.ones((3, 3)))
        assert image.sum() == 16

    def test_eight_bits_saturate(self):
        assert to_uint8(np.array([-1.0, 0.0, 0.5, 1.0, 2.0])).tolist() == [0, 0, 128, 255, 255]


class TestMitochondria:
    def test_shapes_and_fraction(self, sections):
        images, masks = sections
        assert images.shape == masks.shape == (40, 256, 256)
        assert images.dtype == np.uint8 and masks.dtype == bool
        assert 0.05 < masks.mean() < 0.12
        assert masks.any(axis=(1, 2)).all() and masks.mean(axis=(1, 2)).max() < 0.2

    def test_same_seed_same_bytes_other_seed_other_bytes(self):
        one, again, other = (mitochondria.volume(seed, sections=8, size=128) for seed in (SEED, SEED, SEED + 1))
        assert digest(*one) == digest(*again)
        assert (one[0] != other[0]).mean() > 0.9 and (one[1] != other[1]).any(axis=(1, 2)).all()

    def test_mitochondria_go_on_from_section_to_section(self, sections):
        masks = sections[1]
        overlap = [(masks[:-d] & masks[d:]).sum() / (masks[:-d] | masks[d:]).sum() for d in (1, 3, 10)]
        assert overlap[0] > 0.35 > 0.25 > overlap[1] > overlap[2]

    def test_sections_lie_as_far_apart_as_asked(self):
        masks = mitochondria.volume(SEED, sections=42, size=96, distance_nm=6.0)[1]
        assert masks.shape == (42, 96, 96)
        near, far = ((masks[:-d] & masks[d:]).sum() / (masks[:-d] | masks[d:]).sum() for d in (1, 8))
        assert near > 0.7 > far > 0.3  # eight of these lie as far apart as neighbours of the default

    def test_sections_three_apart_are_no_near_duplicates(self, sections):
        images = sections[0].astype(np.float32)
        alike = [np.mean([correlation(a, b) for a, b in zip(images[:-d], images[d:], strict=True)]) for d in (1, 2, 3, 10)]
        assert alike == sorted(alike, reverse=True)
        assert alike[0] > 0.2 and alike[2] < 0.15

    def test_the_mask_fits_the_image(self, sections):
        # Inside it is darker than in a ring around it, and a mask shifted by 5 pixels fits less well.
        images, masks = sections
        contrast = images[~masks].mean() - images[masks].mean()
        shifted = np.roll(masks, 5, axis=2)
        assert contrast > 20
        assert contrast > 1.1 * (images[~shifted].mean() - images[shifted].mean())

    def test_a_threshold_does_not_find_them(self, sections):
        assert best_threshold_iou(*sections) < 0.45

    def test_make(self, made, shown, sections, monkeypatch):
        monkeypatch.setattr(mitochondria, "organelles", lambda seed: shown)  # generated once
        folder, info, table = made(mitochondria, "segmentation")
        assert (info.pixel_size_nm, info.depth_nm, info.grouped) == ((8, 8), 48, False)
        assert info.channels == 1 and info.classes == ("background", "mitochondria")
        assert table["name"].is_monotonic_increasing and table["group"].is_unique and len(table) == 40
        assert np.array_equal(read_image(folder / table["image"][11])[..., 0], sections[0][11])
        assert np.array_equal(read_mask(folder / table["mask"][11]), sections[1][11])


class TestVolume:
    def test_as_many_profiles_look_the_same_in_one_section_as_go_on(self, monkeypatch):
        """The former are no part of the mask, the latter are mitochondria; both are painted alike."""
        painted = []

        def recorded(tissue, box, inner, body, paint=mitochondria._paint):
            sections = (inner > 0).any(axis=(1, 2)).sum()
            painted.append((sections, (tissue.outline[box][inner > 0] < 0).mean()))
            paint(tissue, box, inner, body)

        monkeypatch.setattr(mitochondria, "_paint", recorded)
        images, shown = mitochondria.organelles(SEED, sections=16, size=128, lookalikes=True)
        assert images.shape == shown.shape == (16, 128, 128)
        assert {inside for _, inside in painted} == {0.0, 1.0}
        alone = [sections for sections, inside in painted if not inside]
        assert len(alone) > 5 and set(alone) == {1}
        first = next(place for place, (_, inside) in enumerate(painted) if not inside)
        # The last mitochondria before them show no cristae, and have as many profiles.
        assert len(alone) in np.cumsum([sections for sections, inside in painted[first - 1 :: -1]])

    def test_make(self, made, monkeypatch):
        shown = np.arange(2 * 4 * 5, dtype=np.uint8).reshape(2, 4, 5) % 4
        monkeypatch.setattr(mitochondria, "organelles", lambda seed, sections, lookalikes: (shown * 50, shown))
        folder, info, table = made(mitochondria, "segmentation", "phantom-volume")
        assert (info.pixel_size_nm, info.depth_nm, info.classes) == ((8, 8), 48, ("background", "mitochondria"))
        assert np.array_equal(read_mask(folder / table["mask"][1]), shown[1] == mitochondria.MITOCHONDRIA)


class TestOrganelles:
    def test_every_class_is_there_and_vesicles_are_rare(self, shown):
        images, classes = shown
        shares = np.bincount(classes.ravel(), minlength=4) / classes.size
        assert classes.dtype == np.uint8 and classes.max() == len(mitochondria.CLASSES) - 1
        assert shares[mitochondria.CYTOPLASM] > 0.5 > shares[mitochondria.MEMBRANES] > 0.1
        assert 0.005 < shares[mitochondria.VESICLES] < 0.03
        assert images[classes == mitochondria.MEMBRANES].mean() < images[classes == mitochondria.CYTOPLASM].mean() - 20

    def test_make(self, made, shown, monkeypatch):
        monkeypatch.setattr(mitochondria, "organelles", lambda seed: shown)  # generated once
        folder, info, table = made(mitochondria, "segmentation", "phantom-organelles")
        assert info.classes == ("cytoplasm", "membrane", "mitochondria", "vesicles")
        assert np.array_equal(read_mask(folder / table["mask"][7]), shown[1][7])


class TestPolyps:
    def test_shapes_and_fractions(self, frames):
        assert all(image.shape == (192, 256, 3) and image.dtype == np.uint8 for _, image, _, _ in frames)
        assert all(mask.shape == (192, 256) and mask.dtype == bool for _, _, mask, _ in frames)
        area = np.array([mask.mean() for _, _, mask, _ in frames])
        assert 0.08 < area.mean() < 0.15 and area.max() < 0.4
        assert 0.02 <= (area == 0).mean() <= 0.05
        assert (area[area > 0] > 0.004).all()

    def test_patients_are_groups(self, frames):
        names = [name for name, _, _, _ in frames]
        groups, counts = np.unique([group for _, _, _, group in frames], return_counts=True)
        assert names == sorted(names) and len(set(names)) == len(names)
        assert len(groups) == 22 and counts.min() >= 10 and counts.max() <= 12
        assert all(name.split("_")[0] == group for name, _, _, group in frames)

    def test_same_seed_same_bytes_other_seed_other_bytes(self, frames):
        def some(seed):
            who = bowel.patient(stream(seed, 2, 2, 0))
            return polyps.frame(stream(seed, 2, 3, 0, 0), who, who.polyps[0])

        first = next(polyps.frames(SEED))
        assert digest(*first[1:3]) == digest(*frames[0][1:3])
        assert digest(*some(SEED)) == digest(*some(SEED))
        assert digest(some(SEED)[0]) != digest(some(SEED + 1)[0])

    def test_no_frame_returns_in_another_patient(self, frames):
        grey = np.stack([image[::4, ::4].mean(axis=2) for _, image, _, _ in frames])
        groups = np.array([group for _, _, _, group in frames])
        alike = [
            structural_similarity(grey[i], grey[j], data_range=255)
            for i in range(0, len(grey), 5)
            for j in range(i)
            if groups[i] != groups[j]
        ]
        assert max(alike) < 0.9

    def test_patients_differ_more_than_their_frames(self, frames):
        seen = np.stack([image[image.max(axis=2) > 20].mean(axis=0) for _, image, _, _ in frames])
        hue = seen / seen.sum(axis=1, keepdims=True)
        groups = np.array([group for _, _, _, group in frames])
        means = np.stack([hue[groups == g].mean(axis=0) for g in np.unique(groups)])
        within = np.mean([hue[groups == g].std(axis=0) for g in np.unique(groups)])
        assert means.std(axis=0).mean() > 1.5 * within

    def test_black_corners_hold_no_polyp(self, frames):
        for _, image, mask, _ in frames:
            assert not (mask & (image.max(axis=2) < 3)).mean() > 0.002

    def test_a_threshold_does_not_find_them(self, frames):
        masks = np.stack([mask for _, _, mask, _ in frames])
        for channel in range(3):
            assert best_threshold_iou(np.stack([image[..., channel] for _, image, _, _ in frames]), masks) < 0.45

    def test_make(self, made, monkeypatch):
        monkeypatch.setattr(polyps, "PATIENTS", 2)
        frames = list(polyps.frames(SEED))
        folder, info, table = made(polyps, "segmentation")
        assert info.channels == 3 and info.classes == ("background", "polyp")
        assert table["name"].tolist() == [name for name, _, _, _ in frames]
        assert table["group"].tolist() == [group for _, _, _, group in frames]
        last = table.iloc[-1]
        assert np.array_equal(read_image(folder / last["image"]), frames[-1][1])
        assert np.array_equal(read_mask(folder / last["mask"]), frames[-1][2])


class TestTissue:
    def test_every_slide_holds_every_class(self, tiles):
        assert all(image.shape == (64, 64, 3) and image.dtype == np.uint8 for _, image, _, _ in tiles)
        assert len(tiles) == 960 and len({name for name, _, _, _ in tiles}) == len(tiles)
        pairs, counts = np.unique([f"{group} {label}" for _, _, label, group in tiles], return_counts=True)
        assert len(pairs) == tissue.SLIDES * len(tissue.CLASSES) and len(tissue.CLASSES) >= 6
        assert set(counts.tolist()) == {tissue.TILES}

    def test_same_seed_same_bytes_other_seed_other_bytes(self, tiles):
        first, other = next(tissue.tiles(SEED)), next(tissue.tiles(SEED + 1))
        assert digest(first[1]) == digest(tiles[0][1]) != digest(other[1])

    def test_the_mean_colour_is_not_enough_but_far_above_chance(self, tiles):
        colour = np.stack([image.mean(axis=(0, 1)) for _, image, _, _ in tiles]) / 255
        labels, groups = [label for _, _, label, _ in tiles], [group for _, _, _, group in tiles]
        classifier = LogisticRegression(C=100, max_iter=3000)
        accuracy = cross_val_score(classifier, colour, labels, groups=groups, cv=GroupKFold(5)).mean()
        assert 2 / 6 < accuracy < 0.75

    def test_no_two_tiles_are_alike(self, tiles):
        assert len({digest(image) for _, image, _, _ in tiles}) == len(tiles)

    def test_make(self, made, tiles, monkeypatch):
        monkeypatch.setattr(tissue, "SLIDES", 3)
        folder, info, table = made(tissue, "classification")
        assert set(table["label"]) == set(info.classes)
        assert len(table) == 3 * len(tissue.CLASSES) * tissue.TILES
        assert table["label"].tolist() == [label for _, _, label, _ in tiles[: len(table)]]
        assert np.array_equal(read_image(folder / table["image"].iloc[-1]), tiles[len(table) - 1][1])


def test_the_picture_for_the_docs(tmp_path, sections, monkeypatch):
    monkeypatch.setattr(mitochondria, "volume", lambda seed: sections)
    phantom.draw(tmp_path)
    with Image.open(tmp_path / "phantom-mitochondria.png") as picture:
        assert picture.size == (2 * 258, 2 * 258)
        drawn = np.asarray(picture.convert("RGB")).reshape(2, 258, 2, 258, 3)
    green = (drawn == phantom.GREEN).all(axis=-1)
    assert not green[0].any() and green[1].any()  # outlines only in the lower row
    assert (tmp_path / "phantom-mitochondria.png").stat().st_size < 250_000
