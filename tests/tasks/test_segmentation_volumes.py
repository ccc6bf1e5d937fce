"""Volumes are scored as solids, whatever the order in which their sections come."""

import numpy as np
import pandas as pd
import pytest

from pipeline.tasks.segmentation.evaluation.volumes import Volumes, summary


def record(place, run="a", fold=0):
    return pd.Series({"name": f"{run}{place}", "run": [f"images/{run}0.png"], "place": place, "fold": fold})


def mask(*pixels):
    found = np.zeros((4, 4), bool)
    for row, column in pixels:
        found[row, column] = True
    return found


def test_three_sections_by_hand():
    """One object of three sections, of which the prediction misses the last, and finds a speck instead."""
    volumes = Volumes((50.0, 4.0, 4.0), tolerance=2)
    volumes.add(record(2), mask((1, 1)), mask((3, 3)))
    volumes.add(record(0), mask((1, 1)), mask((1, 1)))
    volumes.add(record(1), mask((1, 1)), mask((1, 1)))
    row = volumes.table(1).iloc[0]
    assert (row["first"], row["last"], row["sections"]) == ("a0", "a2", 3)
    far = (8**2 + 8**2) ** 0.5  # from the third section's reference to the speck in it, and back
    assert row["nsd"] == 4 / 6
    assert row["assd_nm"] == pytest.approx(2 * far / 6)
    assert row["hd95_nm"] == pytest.approx(0.9 * far)  # 0.95 · 2 = 1.9 of [0, 0, far]
    assert row[["tp", "fp", "fn"]].tolist() == [1, 1, 0] and row["objects_iou"] == pytest.approx(2 / 3)
    total = summary(volumes.table(1))
    assert (total["reference"], total["predicted"], total["f1"]) == (1, 2, pytest.approx(2 / 3))
    assert total["pq"] == pytest.approx(4 / 9)


def test_an_object_is_connected_by_corners_across_sections():
    volumes = Volumes((1.0, 1.0, 1.0), 1)
    volumes.add(record(0), mask((0, 0)), mask((0, 0)))
    volumes.add(record(1), mask((1, 1)), mask((2, 2)))
    assert volumes.table(1)[["tp", "fp", "fn"]].to_numpy().tolist() == [[1, 1, 0]]  # an IoU of one half, and a second object


def test_each_volume_is_by_itself_and_a_single_section_is_none():
    volumes = Volumes((1.0, 1.0, 1.0), 1)
    for run, fold, sections in (("a", 0, 2), ("b", 0, 3), ("a", 1, 2), ("c", 0, 1)):
        for place in range(sections):
            volumes.add(record(place, run, fold), mask((1, 1)), mask((1, 1)))
    table = volumes.table(1)
    assert table["sections"].tolist() == [2, 3, 2] and table["assd_nm"].tolist() == [0, 0, 0]


def test_images_that_are_not_the_sections_of_a_volume_have_none():
    volumes = Volumes(None, 1)
    for place in range(2):
        volumes.add(record(place), mask((1, 1)), mask((1, 1)))
    assert not list(volumes) and volumes.table(1).empty
    alone = Volumes((1.0, 1.0, 1.0), 1)
    alone.add(record(0), mask((1, 1)), mask((1, 1)))
    assert not list(alone)


def test_each_class_is_a_solid_of_its_own():
    volumes, numbers = Volumes((1.0, 1.0, 1.0), 1), np.array([[1, 2], [0, 3]])
    for place in range(2):
        volumes.add(record(place), numbers, numbers % 3)  # class 3 is taken for background
    assert [volumes.table(number)["tp"].tolist() for number in (1, 2, 3)] == [[1], [1], [0]]


def test_a_volume_ends_where_the_size_of_its_sections_changes():
    """Sections 0, 1, 3 and 4 are of one size, but 3 does not follow 1."""
    volumes = Volumes((1.0, 1.0, 1.0), 1)
    for place in (4, 3, 2, 1, 0):
        area = mask((1, 1))[: 3 if place == 2 else 4]
        volumes.add(record(place), area, area)
    assert [(row["first"], row["last"]) for _, row in volumes.table(1).iterrows()] == [("a0", "a1"), ("a3", "a4")]


def test_ignored_pixels_belong_to_no_surface_and_empty_volumes_have_no_distance():
    volumes = Volumes((1.0, 1.0, 1.0), 1)
    for place in range(2):
        volumes.add(record(place), mask((3, 3)) * np.uint8(255), mask((3, 3)))
        volumes.add(record(place, "b"), mask((1, 1)), mask())
    table = volumes.table(1)
    assert table["nsd"].tolist() == [1, 0] and table["assd_nm"].isna().tolist() == [False, True]
    assert summary(table[:1])["assd_nm"] == 0
    assert summary(table)["assd_nm"] is None and summary(table)["nsd"] == 0.5  # missing a volume makes nothing better
