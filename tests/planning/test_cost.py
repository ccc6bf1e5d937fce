"""How long a training takes: the arithmetic, by hand."""

import pytest

from pipeline.planning.cost import START, minutes, unet
from pipeline.planning.look import in_runs


def test_operations_of_a_small_u_net():
    above, below, up, back = 9 * (1 + 1), 9 * (2 + 4) / 4, 2, 9 * (2 + 1)
    assert unet(1, 1) == 2 * (above + below + up + back)


def test_minutes_grow_with_pixels_and_epochs_and_fall_with_the_speed():
    once = minutes(10**8, 1, {"filters": 16, "depth": 4}, 1e11, False) - START
    assert once == pytest.approx(3 * unet(16, 4) * 1e8 / 0.42e11 / 60)
    assert minutes(10**8, 6, {"filters": 16, "depth": 4}, 3e11, False) - START == pytest.approx(2 * once)
    assert START + once / 3 < minutes(10**8, 1, {"filters": 16, "depth": 4}, 1e11, True) < START + once
    assert minutes(10**8, 1, {}, 1e11, False) > once  # VGG16 takes more than this U-Net for a pixel
    assert minutes(10**8, 1, {"encoder": "none"}, 1e11, False) == minutes(10**8, 1, {}, 1e11, False)
    classifier = minutes(10**8, 1, {"encoder": "efficientnet_lite0"}, 1e11, False)
    assert once < minutes(10**8, 1, {"encoder": "efficientnet_lite0", "filters": 16, "depth": 4}, 1e11, False) - START
    assert classifier - START < once


def test_files_are_looked_at_in_runs_of_neighbours():
    assert in_runs(3, most=4, run=2) == [0, 1, 2]
    assert in_runs(10, most=4, run=2) == [0, 1, 8, 9]
