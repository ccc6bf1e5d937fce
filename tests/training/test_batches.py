"""What a batch holds depends on the seed, the epoch and its index alone."""

import numpy as np
import pytest

from pipeline.parallel import on_all_threads
from pipeline.params import load
from pipeline.patches.packed import Packed
from pipeline.training.batches import Batches, Fresh, balanced_order, readable, statistics

STILL = ("rotation", "scale", "elastic", "brightness", "contrast", "colour", "noise", "blur")


@pytest.fixture
def packed():
    images = np.arange(10, dtype=np.uint8).repeat(16).reshape(10, 4, 4, 1)
    return Packed(images, images[..., 0] % 2 == 1)


def content(batches):
    return [np.rint(images[:, 0, 0, 0] * 255).astype(int).tolist() for images, _ in (batches[i] for i in range(len(batches)))]


def test_an_epoch_holds_every_patch_once_and_the_next_in_another_order(packed):
    batches = Batches(packed, 4, seed=1, shuffle=True)
    epochs = []
    for batches.epoch in range(2):
        epochs.append(content(batches))
    assert [len(batch) for batch in epochs[0]] == [4, 4, 2]
    for epoch in epochs:
        assert sorted(number for batch in epoch for number in batch) == list(range(10))
    assert epochs[0] != epochs[1]


def test_the_same_seed_and_epoch_give_the_same_batches_in_any_order_of_asking(packed):
    first, second = (Batches(packed, 4, seed=1, shuffle=True, flips=True) for _ in range(2))
    later = [second[i] for i in (2, 0, 1)]
    for index, (images, masks) in zip((2, 0, 1), later, strict=True):
        np.testing.assert_array_equal(first[index][0], images)
        np.testing.assert_array_equal(first[index][1], masks)


def test_masks_stay_with_their_images(packed):
    batches = Batches(packed, 3, seed=5, shuffle=True, flips=True)
    for i in range(len(batches)):
        images, masks = batches[i]
        assert images.dtype == masks.dtype == np.float32
        np.testing.assert_array_equal(masks, np.rint(images * 255) % 2)


def test_sections_are_upside_down_in_half_of_the_batches():
    """Three sections of two channels: the order of the sections turns, that of the channels and the middle one stay."""
    images = np.arange(12, dtype=np.uint8).reshape(2, 1, 1, 6)
    batches, found = Batches(Packed(images, images[..., 0]), 2, seed=1, flips=True, sections=3), []
    for batches.epoch in range(40):
        assert (batches[0][1] == images[..., :1]).all()
        found.append(np.rint(batches[0][0][0, 0, 0] * 255).astype(int).tolist())
    assert {tuple(order) for order in found} == {(0, 1, 2, 3, 4, 5), (4, 5, 2, 3, 0, 1)}
    assert 10 < found.count([4, 5, 2, 3, 0, 1]) < 30


def test_the_stream_holds_the_same_batches(packed):
    batches = Batches(packed, 4, seed=1, shuffle=True, flips=True)
    stream = readable(batches)
    assert stream.options().autotune.enabled is False
    for batches.epoch in range(2):
        read = list(stream)
        assert len(read) == stream.cardinality() == 3
        for (images, masks), index in zip(read, range(3), strict=True):
            np.testing.assert_array_equal(images, batches[index][0])
            np.testing.assert_array_equal(masks, batches[index][1])


def test_labels_are_whole_numbers(packed):
    images, labels = Batches(Packed(packed.images, np.arange(10)), 10, flips=True)[0]
    np.testing.assert_array_equal(labels, np.rint(images[:, 0, 0, 0] * 255))


def test_a_balanced_epoch_holds_all_classes_equally_often(packed):
    labels = np.array([0] * 7 + [2] * 2 + [3])  # no image of class 1
    batches = Batches(Packed(packed.images, labels), 4, seed=1, shuffle=True, balanced=True)
    epochs = []
    for batches.epoch in range(3):
        numbers = [number for batch in content(batches) for number in batch]
        assert len(numbers) == 10
        assert sorted(np.bincount(labels[numbers], minlength=4)) == [0, 3, 3, 4]
        drawn = np.bincount(numbers, minlength=10)
        assert drawn[:7].max() == 1 and min(drawn[7:9]) >= 1  # none again before all others of its class
        epochs.append(numbers)
    assert epochs[0] != epochs[1] != epochs[2]
    batches.epoch = 1
    assert [number for batch in content(batches) for number in batch] == epochs[1]


def test_the_order_of_a_balanced_epoch_is_random():
    labels = np.repeat([0, 1], [90, 10])
    order = balanced_order(labels, np.random.default_rng(0))
    assert np.bincount(labels[order]).tolist() == [50, 50]
    assert 10 < labels[order][:50].sum() < 40
    assert set(np.bincount(order[labels[order] == 1])[90:]) == {5}


def test_statistics_by_hand():
    images = np.zeros((2, 2, 2, 2), np.uint8)
    images[0, ..., 0] = 255
    mean, variance = statistics(images)
    assert mean == pytest.approx([0.5, 0])
    assert variance == pytest.approx([0.25, 1e-6])


def test_statistics_are_those_of_numpy():
    images = np.random.default_rng(0).integers(0, 65536, (30, 8, 9, 3), np.uint16)
    values = images[::2].astype(np.float64) / 65535
    mean, variance = statistics(images, most=15)
    np.testing.assert_allclose(mean, values.mean(axis=(0, 1, 2)), rtol=1e-14)
    np.testing.assert_allclose(variance, values.var(axis=(0, 1, 2)), rtol=1e-12)


@pytest.mark.parametrize("targets", ["masks", "labels"])
def test_fresh_copies_depend_on_epoch_and_patch_alone(targets):
    """In another order, in other batches of a team, on other threads: the copy of a patch is the same in an epoch."""
    images = np.random.default_rng(0).integers(0, 256, (6, 12, 12, 1), np.uint8)
    masks = images[..., 0] > 100
    packed = Packed(images, masks if targets == "masks" else np.arange(6))
    augment, epochs = load().augment, []
    with on_all_threads(3) as threads:
        one, other = (Batches(packed, 6, 1, shuffle=True, fresh=Fresh(augment, (8, 8), how)) for how in (map, threads))
        for one.epoch in range(2):
            other.epoch = one.epoch
            drawn = one[0]
            for mine, its in zip(drawn, other[0], strict=True):
                np.testing.assert_array_equal(mine, its)
            epochs.append(drawn[0])
            assert drawn[0].shape == (6, 8, 8, 1) and drawn[0].dtype == np.float32
            assert drawn[1].shape == ((6, 8, 8, 1) if targets == "masks" else (6,))
    assert not np.array_equal(*epochs)
    alone = Fresh(augment, (8, 8)).draw(packed, np.array([4, 4]), [1, 3, 1, 0])[0]
    np.testing.assert_array_equal(alone[0], epochs[1][4])  # a batch lists its patches in rising order
    assert not np.array_equal(*alone)  # of a patch that a balanced epoch repeats


def test_a_copy_that_changes_nothing_is_the_patch_without_its_surroundings():
    images = np.random.default_rng(0).integers(0, 256, (3, 12, 10, 1), np.uint8)
    still = load().augment.model_copy(update={name: 0.0 for name in STILL})
    found, masks = Batches(Packed(images, images[..., 0] > 100), 3, fresh=Fresh(still, (8, 8)))[0]
    np.testing.assert_allclose(found, images[:, 2:10, 1:9] / np.float32(255), atol=1e-6)
    np.testing.assert_array_equal(masks[..., 0], images[:, 2:10, 1:9, 0] > 100)
