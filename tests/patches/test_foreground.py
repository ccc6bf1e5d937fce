"""Patches that are drawn around rare classes."""

import numpy as np

from pipeline.patches.foreground import foreground_corners

RARE = np.zeros((20, 30), np.uint8)
RARE[:, :15], RARE[3, 4], RARE[10, 20] = 1, 255, 2
COMMON = np.ones((20, 30), np.uint8)


def drawn(masks, share=0.5, seed=1):
    return foreground_corners(range(len(masks)), masks.__getitem__, (6, 8), 10, share, seed, map)


def test_half_of_all_patches_and_each_class_as_often():
    first, second = drawn([RARE, COMMON])
    assert len(first) + len(second) == 10  # beside the ten of the grid
    holds_rare = [(RARE[r : r + 6, c : c + 8] == 2).any() for r, c in first]
    assert sum(holds_rare) == 5  # one pixel of 1,200
    assert first.count((7, 16)) == 5  # in the middle of its patch


def test_patches_lie_inside_the_image_and_the_same_seed_gives_the_same():
    found = drawn([RARE, COMMON], 0.9)
    assert all(0 <= r <= 14 and 0 <= c <= 22 for corners in found for r, c in corners)
    assert found == drawn([RARE, COMMON], 0.9) != drawn([RARE, COMMON], 0.9, seed=2)


def test_without_foreground_there_is_nothing_to_draw():
    assert drawn([np.zeros((20, 30), bool), np.full((20, 30), 255, np.uint8)]) == [[], []]


def test_an_image_smaller_than_a_patch_gives_its_corner():
    assert set(drawn([np.ones((4, 5), bool)])[0]) == {(0, 0)}
