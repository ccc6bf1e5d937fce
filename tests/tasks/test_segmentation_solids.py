"""Volumes are scored as solids, whatever the order in which their sections come."""

import numpy as np
import pandas as pd
import pytest

from pipeline.tasks.segmentation.solids import Volumes, summary


def record(place, run="a", fold=0):
    return pd.Series({"name": f"{run}{place}", "run": [f"images/{run}0.png"], "place": place, "fold": fold})


def mask(*pixels):
    found = np.zeros((4, 4), bool)
    for row, column in pixels:
        found[row, column] = True
    return found


def test_three_sections_by_hand():
    """One object of three sections, of which the prediction misses the last, and finds a speck instead."""
    volumes = Volumes((50.0, 4.0, 4.0), tolerance_nm=8.0)
    volumes.add(record(2), mask((1, 1)), mask((3, 3)))
    volumes.add(record(0), mask((1, 1)), mask((1, 1)))
    volumes.add(record(1), mask((1, 1)), mask((1, 1)))
    row = volumes.table().iloc[0]
    assert (row["first"], row["last"], row["sections"]) == ("a0", "a2", 3)
    far = (8**2 + 8**2) ** 0.5  # from the third section's reference to the speck in it, and back
    assert row["nsd"] == 4 / 6
    assert row["assd_nm"] == pytest.approx(2 * far / 6)
    assert row["hd95_nm"] == pytest.approx(0.9 * far)  # 0.95 · 2 = 1.9 of [0, 0, far]
    assert row[["tp", "fp", "fn"]].tolist() == [1, 1, 0] and row["objects_iou"] == pytest.approx(2 / 3)
    total = summary(volumes.table())
    assert (total["reference"], total["predicted"], total["f1"]) == (1, 2, pytest.approx(2 / 3))
    assert total["pq"] == pytest.approx(4 / 9)


def test_an_object_is_connected_by_corners_across_sections():
    volumes = Volumes((1.0, 1.0, 1.0), 1.0)
    volumes.add(record(0), mask((0, 0)), mask((0, 0)))
    volumes.add(record(1), mask((1, 1)), mask((2, 2)))
    assert volumes.table()[["tp", "fp", "fn"]].to_numpy().tolist() == [[1, 1, 0]]  # an IoU of one half, and a second object


def test_each_volume_is_by_itself_and_a_single_section_is_none():
    volumes = Volumes((1.0, 1.0, 1.0), 1.0)
    for run, fold, sections in (("a", 0, 2), ("b", 0, 3), ("a", 1, 2), ("c", 0, 1)):
        for place in range(sections):
            volumes.add(record(place, run, fold), mask((1, 1)), mask((1, 1)))
    table = volumes.table()
    assert table["sections"].tolist() == [2, 3, 2] and table["assd_nm"].tolist() == [0, 0, 0]
    assert len(Volumes((1.0, 1.0, 1.0), 1.0).table()) == 0


def test_ignored_pixels_belong_to_no_surface_and_empty_volumes_have_no_distance():
    volumes, counted = Volumes((1.0, 1.0, 1.0), 1.0), ~mask((3, 3))
    for place in range(2):
        volumes.add(record(place), mask(), mask((3, 3)), counted)
        volumes.add(record(place, "b"), mask((1, 1)), mask())
    table = volumes.table()
    assert table["nsd"].tolist() == [1, 0] and table["assd_nm"].isna().tolist() == [False, True]
    assert summary(table)["assd_nm"] == 0
    assert summary(table[1:])["assd_nm"] is None
