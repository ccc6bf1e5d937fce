"""Planted copies are found, independent images are not, and copies end up in one group."""

import io
from functools import lru_cache
from itertools import islice

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from scipy import ndimage
from skimage.transform import resize

from pipeline import params
from pipeline.datasets.sources.phantom import mitochondria, polyps, tissue
from pipeline.datasets.sources.phantom.bowel import patient
from pipeline.images.symmetry import SYMMETRIES
from pipeline.params.dataset import Split
from pipeline.patches.duplicates import count_pairs, find_duplicates, group_duplicates
from pipeline.patches.fingerprints import FINGERPRINT, describe
from pipeline.patches.split import assign_splits

THRESHOLD = params.load().audit.correlation


@pytest.fixture(scope="module")
def phantoms():
    """Images of all phantoms that show different things: far sections, one frame a patient, tiles of one slide."""
    sections, _ = mitochondria.volume(3)
    patients = [patient(np.random.default_rng(seed)) for seed in range(10)]
    frames = [polyps.frame(np.random.default_rng(seed), who, who.polyps[0])[0] for seed, who in enumerate(patients)]
    tiles = [image for _, image, _, _ in islice(tissue.tiles(3), 60)]
    return [section[..., None] for section in sections[::10]] + frames + tiles[::2]


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


def moved(image):
    """Turn by 20 degrees, shift by a twentieth, fill with black: what augmentation leaves in a folder."""
    turned = ndimage.rotate(image, 20, reshape=False, order=1)
    return ndimage.shift(turned, (image.shape[0] / 20, -image.shape[1] / 20, 0), order=1)


def found_in(images, sides=None, threshold=THRESHOLD):
    """The near-duplicates among images i0, i1, ...; by default each is on a side of its own."""
    names = [f"i{n}" for n in range(len(images))]
    return find_duplicates(names, names if sides is None else sides, prints_of(images), threshold)


def prints_of(images):
    return np.fromiter((described(i.tobytes(), i.shape, i.dtype.str) for i in images), FINGERPRINT, len(images))


@lru_cache(maxsize=100)  # enough for the phantoms, which every test compares with copies of its own
def described(content, shape, dtype):
    return describe(np.frombuffer(content, dtype).reshape(shape))


def pairs_of(originals, copies):
    """Number of the original and of the copy of each pair that is found across train (originals) and test."""
    sides = ["train"] * len(originals) + ["test"] * len(copies)
    table = found_in([*originals, *copies], sides)
    pairs = [(int(a[1:]), int(b[1:]) - len(originals)) for a, b in zip(table["name_a"], table["name_b"], strict=True)]
    return sorted(pairs), table


COPIES = {
    "JPEG": as_jpeg,
    "half the size": lambda image: resized(image, 0.5),
    "twice the size": lambda image: resized(image, 2),
    "brighter": lambda image: shifted(image, 25, 1.0),
    "less contrast": lambda image: shifted(image, -10, 0.7),
    "16 bit": lambda image: image.astype(np.uint16) * 16,
    **{f"turned {number}": (lambda image, s=symmetry: s.apply(image[None])[0]) for number, symmetry in enumerate(SYMMETRIES)},
    "turned, smaller, brighter JPEG": lambda image: as_jpeg(shifted(resized(image[::-1], 0.7), 20, 0.9), 60),
}


def test_no_image_and_one_image_have_no_pairs():
    assert found_in([]).empty
    assert found_in([np.zeros((9, 9, 1), np.uint8)], ["train"]).empty
    assert group_duplicates(pd.DataFrame({"name": [], "group": []}), pd.DataFrame({"name_a": [], "name_b": []})).empty


def test_pairs_on_different_sides_are_counted():
    assert count_pairs([]) == count_pairs(["train"]) == count_pairs(["", "test"]) == 0
    assert count_pairs(["train", "train", "", "val", "test", "test"]) == 2 * 1 + 2 * 2 + 1 * 2


def test_images_without_structure_are_only_like_their_identical_copies():
    pairs = found_in([np.full((9, 9, 1), value, np.uint8) for value in (0, 7, 7)], ["train", "train", "test"], 0.5)
    assert pairs[["name_a", "name_b", "symmetry", "identical"]].values.tolist() == [["i1", "i2", "none", True]]


def test_the_digest_is_of_pixels_shape_and_type():
    pixels = np.arange(12, dtype=np.uint8)
    images = [
        pixels.reshape(3, 4, 1),
        pixels.reshape(4, 3, 1),
        pixels.reshape(2, 2, 3),
        pixels.reshape(3, 4, 1).astype(np.uint16),
    ]
    digests = prints_of([*images, images[0][::-1][::-1]])["digest"].tolist()
    assert len(set(digests)) == 4 and digests[4] == digests[0]


@pytest.mark.parametrize("shape", [(1, 1, 1), (1, 300, 3), (9, 2, 1), (28, 28, 3)])
def test_images_of_any_shape_have_fingerprints_of_length_one_or_zero(shape):
    prints = prints_of([np.random.default_rng(0).integers(0, 256, shape, np.uint8)])
    for patches in (prints["whole"], prints["landmarks"]):
        lengths = np.sqrt((patches**2).sum(axis=(-2, -1)))
        np.testing.assert_allclose(lengths, np.round(lengths), atol=1e-5)


@pytest.mark.parametrize("copy", COPIES)
def test_every_planted_copy_is_found(phantoms, copy):
    pairs, table = pairs_of(phantoms, [COPIES[copy](image) for image in phantoms])
    assert pairs == [(n, n) for n in range(len(phantoms))]  # all of them, and nothing else
    assert table["identical"].all() == (copy == "turned 0")


def test_the_symmetry_turns_a_into_b(phantoms):
    _, table = pairs_of(phantoms[4:12], [s.apply(image[None])[0] for s, image in zip(SYMMETRIES, phantoms[4:12], strict=True)])
    symmetries = table.sort_values("name_a", key=lambda names: names.str[1:].astype(int))["symmetry"].tolist()
    assert symmetries == ["none", "turn 90", "turn 180", "turn 270", "flip", "flip, turn 90", "flip, turn 180", "flip, turn 270"]


def test_most_copies_that_were_turned_by_another_angle_and_shifted_are_found(phantoms):
    pairs, table = pairs_of(phantoms, [moved(image) for image in phantoms])
    assert set(pairs) <= {(n, n) for n in range(len(phantoms))}
    assert len(pairs) >= 0.7 * len(phantoms)
    assert (table["symmetry"] == "moved").all()


def test_independent_images_are_not_found(phantoms):
    assert found_in(phantoms).empty


def test_images_left_out_of_the_split_do_not_count(phantoms):
    assert found_in([phantoms[0]] * 3, ["train", "", "train"]).empty


@settings(max_examples=15)
@given(st.lists(st.integers(0, 7), min_size=6, max_size=16), st.integers(0, 100))
def test_grouping_puts_copies_on_one_side(phantoms, origins, seed):
    """`origins` says which phantom each image is a copy of; some copies are turned."""
    if len(set(origins)) < 3:
        return
    images = [SYMMETRIES[n % 8].apply(phantoms[4 + origin][None])[0] for n, origin in enumerate(origins)]
    pairs = found_in(images)
    table = pd.DataFrame({"name": [f"i{n}" for n in range(len(images))], "label": "", "split": ""})
    grouped = group_duplicates(table.assign(group=table["name"]), pairs)
    assert grouped["group"].tolist() == [f"i{origins.index(origin)}" for origin in origins]
    split = assign_splits(grouped, Split(val=0.2, test=0.2), seed).set_index("name")["split"]
    assert (split[pairs["name_a"]].to_numpy() == split[pairs["name_b"]].to_numpy()).all()


def test_groups_that_share_a_copy_become_one():
    table = pd.DataFrame({"name": list("vwxyz"), "group": ["p1", "p1", "p2", "p3", "p4"]})
    pairs = pd.DataFrame({"name_a": ["w", "y"], "name_b": ["x", "x"]})
    assert group_duplicates(table, pairs)["group"].tolist() == ["p1", "p1", "p1", "p1", "p4"]
    assert table["group"].tolist() == ["p1", "p1", "p2", "p3", "p4"]
