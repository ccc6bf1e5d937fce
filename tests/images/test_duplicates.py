"""Planted copies are found, independent images are not, and copies end up in one group."""

import io

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from skimage.transform import resize

from pipeline import params
from pipeline.images.duplicates import find_duplicates, fingerprint, group_duplicates, similar_pairs
from pipeline.images.split import assign_splits
from pipeline.images.symmetry import SYMMETRIES
from pipeline.sources.phantom import mitochondria, polyps, tissue

THRESHOLD = params.load().audit.correlation


@pytest.fixture(scope="module")
def phantoms():
    """Images of all phantoms that show different things: far sections, one frame a patient, tiles of one seed."""
    sections, _ = mitochondria.volume(3)
    frames = {group: image for _, image, _, group in polyps.frames(3)}
    tiles = [image for _, image, _, _ in tissue.tiles(3)]
    return [section[..., None] for section in sections[::10]] + list(frames.values()) + tiles[::4]


def as_jpeg(image, quality=50):
    buffer = io.BytesIO()
    Image.fromarray(image.squeeze()).save(buffer, "JPEG", quality=quality)
    decoded = np.asarray(Image.open(buffer))
    return decoded[..., None] if decoded.ndim == 2 else decoded


def resized(image, factor):
    shape = [max(8, round(n * factor)) for n in image.shape[:2]]
    return np.rint(255 * resize(image / 255, shape, order=1, anti_aliasing=factor < 1)).astype(np.uint8)


def shifted(image, brightness, contrast):
    return np.clip((image.astype(float) - 128) * contrast + 128 + brightness, 0, 255).astype(np.uint8)


COPIES = {
    "exact": lambda image: image.copy(),
    "JPEG": as_jpeg,
    "half the size": lambda image: resized(image, 0.5),
    "twice the size": lambda image: resized(image, 2),
    "brighter": lambda image: shifted(image, 25, 1.0),
    "less contrast": lambda image: shifted(image, -10, 0.7),
    **{f"turned {number}": (lambda image, s=symmetry: s.apply(image[None])[0]) for number, symmetry in enumerate(SYMMETRIES)},
    "turned, smaller, brighter JPEG": lambda image: as_jpeg(shifted(resized(image[::-1], 0.7), 20, 0.9), 60),
}


def sides(count):
    return ["train"] * (count // 2) + ["test"] * (count - count // 2)


def test_no_image_and_one_image_have_no_pairs():
    assert find_duplicates([], [], [], 0.5).empty
    one = [fingerprint(np.zeros((9, 9, 1), np.uint8))]
    assert find_duplicates(["a"], one, ["train"], 0.5).empty


def test_images_without_structure_are_only_like_their_identical_copies():
    flat = [fingerprint(np.full((9, 9, 1), value, np.uint8)) for value in (0, 7, 7)]
    pairs = find_duplicates(list("abc"), flat, ["train", "train", "test"], 0.5)
    assert pairs[["name_a", "name_b", "identical"]].values.tolist() == [["b", "c", True]]


@pytest.mark.parametrize("copy", COPIES)
def test_every_planted_copy_is_found(phantoms, copy):
    prints = [fingerprint(image) for image in [*phantoms, *map(COPIES[copy], phantoms)]]
    names = [f"{kind}{n}" for kind in ("original", "copy") for n in range(len(phantoms))]
    pairs = find_duplicates(names, prints, sides(len(names)), THRESHOLD)
    found = {(a.removeprefix("original"), b.removeprefix("copy")) for a, b in zip(pairs["name_a"], pairs["name_b"], strict=True)}
    assert found == {(str(n), str(n)) for n in range(len(phantoms))}  # all of them, and nothing else
    assert pairs["identical"].all() == (copy in ("exact", "turned 0"))


def test_independent_images_stay_below_the_threshold(phantoms):
    alone = [str(n) for n in range(len(phantoms))]
    first, second, correlation = similar_pairs([fingerprint(image) for image in phantoms], alone, -1)
    assert len(first) == len(phantoms) * (len(phantoms) - 1) // 2
    assert (first < second).all()
    assert correlation.max() < 0.8


def test_images_left_out_of_the_split_do_not_count(phantoms):
    assert find_duplicates(list("abc"), [fingerprint(phantoms[0])] * 3, ["train", "", "train"], THRESHOLD).empty


@settings(max_examples=30, deadline=None)
@given(st.lists(st.integers(0, 7), min_size=6, max_size=24), st.integers(0, 100))
def test_grouping_puts_copies_on_one_side(prints_of_copies, origins, seed):
    """`origins` says which phantom each image is a copy of; each copy is turned another way."""
    if len(set(origins)) < 3:
        return
    prints = [prints_of_copies[origin][n % 8] for n, origin in enumerate(origins)]
    names = [f"i{n}" for n in range(len(origins))]
    table = pd.DataFrame({"name": names, "image": names, "label": "", "group": names, "split": ""})
    grouped = group_duplicates(table, prints, THRESHOLD)
    assert grouped["group"].tolist() == [f"i{origins.index(origin)}" for origin in origins]
    split = assign_splits(grouped, "groups", 0.2, 0.2, seed=seed)
    assert find_duplicates(names, prints, split["split"].tolist(), THRESHOLD).empty


@pytest.fixture(scope="module")
def prints_of_copies(phantoms):
    return [[fingerprint(s.apply(image[None])[0]) for s in SYMMETRIES] for image in phantoms[4:12]]


def test_groups_that_share_a_copy_become_one(phantoms):
    prints = [fingerprint(phantoms[n]) for n in (4, 5, 5, 6)]
    table = pd.DataFrame({"name": list("wxyz"), "group": ["p1", "p1", "p2", "p3"]})
    assert group_duplicates(table, prints, THRESHOLD)["group"].tolist() == ["p1", "p1", "p1", "p3"]
