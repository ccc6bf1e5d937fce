"""What counts as one independent unit: a stated group, a length along a volume, or what the masks show."""

import numpy as np
import pandas as pd
import pytest

from pipeline.datasets.layout import DatasetInfo
from pipeline.params.dataset import Split
from pipeline.patches.split import assign_splits
from pipeline.patches.units import assign_units, between_runs, correlations, shares


def units(groups, rule, content=None, grouped=False, depth_nm=None):
    """Split a data set of one object per image: by default a new one every four images."""
    shown = np.eye(len(groups))[np.arange(len(groups)) // 4] if content is None else content
    names = [f"{i:03d}" for i in range(len(groups))]
    table = pd.DataFrame({"name": names, "label": "", "group": groups or names, "split": ""})
    info = DatasetInfo("cells", "folder", "segmentation", ("background", "cell"), 1, depth_nm=depth_nm, grouped=grouped)
    table, unit = assign_units(assign_splits(table, rule, 0, grouped), rule, info, grouped, lambda places: shown[places])
    return table[table["split"] == "test"]["unit"].tolist(), unit


def volume(number, rule, **facts):
    return units([f"{i:03d}" for i in range(number)], rule, **facts)


def blocks(*sizes):
    return [f"test block {number}" for number, size in enumerate(sizes, start=1) for _ in range(size)]


def test_a_length_in_nm_follows_the_distance_of_sections():
    rule = Split(method="blocks", val=0.25, test=0.5, unit=100)
    found, unit = volume(80, rule, depth_nm=5.0)
    assert found == blocks(20, 20) and unit["name"] == "block of 20 images (100 nm)"
    found, unit = volume(8, rule, depth_nm=48.0)
    assert found == blocks(2, 2) and unit["name"] == "block of 2 images (96 nm)"


def test_a_unit_is_at_least_as_long_as_asked():
    found, _ = volume(20, Split(method="blocks", val=0.25, test=0.5, unit=40), depth_nm=10.0)
    assert found == blocks(5, 5)  # 10 sections are two units, not 4 + 4 + 2


@pytest.mark.parametrize("facts", [{}, {"depth_nm": 5.0}])
def test_without_a_length_the_masks_show_it(facts):
    rule = Split(method="blocks", val=0.2, test=0.4)
    found, unit = volume(100, rule, **facts)
    # A new object every four images: they correlate by 3/4, 1/2 and 1/4 with the next ones.
    assert unit["images"] == unit["measured"] == 5 and unit["correlation"] == pytest.approx(0.17, abs=0.03)
    assert found == blocks(*[5] * 8)


def test_an_unknown_distance_is_measured_even_if_a_length_is_asked():
    assert volume(100, Split(method="blocks", val=0.2, test=0.4, unit=10))[1]["name"] == "block of 5 images"


def test_a_length_that_is_too_short_is_known_to_be():
    _, unit = volume(100, Split(method="blocks", val=0.2, test=0.4, unit=10), depth_nm=5.0)
    assert unit["images"] == 2 and unit["measured"] == 5 and unit["correlation"] > 0.4


def test_images_that_stay_alike_are_one_unit():
    found, unit = volume(20, Split(method="blocks", val=0.2, test=0.4), content=np.tile([1.0, 0.0], (20, 1)))
    assert set(found) == {"test block 1"} and unit["images"] == 20


def test_units_do_not_cross_stacks():
    stacks = ["a"] * 10 + ["b"] * 10
    found, _ = units(stacks, Split(method="blocks", val=0.2, test=0.6, unit=40), depth_nm=10.0)
    assert found == blocks(2, 5, 5)  # two images of a, then ten of b


@pytest.mark.parametrize("method", ["blocks", "groups", "random"])
def test_stated_groups_are_the_units(method):
    animals = ["a"] * 6 + ["b"] * 6 + ["c"] * 6
    found, unit = units(animals, Split(method=method, val=0.3, test=0.3, unit=10), grouped=True, depth_nm=5.0)
    assert len(set(found)) == 1 and set(found) <= set("abc")
    assert unit == {"name": "group", "images": None, "correlation": None, "measured": None}


def test_images_without_order_are_units_themselves():
    found, unit = volume(20, Split(val=0.2, test=0.2))
    assert len(set(found)) == 4 and unit["name"] == "image"


def test_sections_of_a_volume_are_no_units_however_they_were_drawn():
    found, unit = volume(100, Split(val=0.2, test=0.4), depth_nm=5.0)
    assert len(found) == 40 and len(set(found)) < 20 and unit["images"] >= 5


def test_correlations_by_hand():
    shown = np.array([[1.0, 0], [1, 0], [0, 1], [0, 1]])  # mean 1/2, variance 1/4: products 1/4 or −1/4
    assert correlations(lambda places: shown[places], [np.arange(4)]).tolist() == [1, pytest.approx(1 / 3), 0]
    assert correlations(lambda places: shown[places], [np.arange(2), np.arange(2, 4)]).tolist() == [1, 1]
    sparse = np.array([[1.0, 0], [np.nan] * 2, [1, 0], [np.nan] * 2, [0, 1]])  # nothing is known of neighbours
    assert correlations(lambda places: sparse[places], [np.arange(5), np.array([1])]).tolist() == [1, 1, 0]


def test_correlation_of_runs_by_hand():
    assert between_runs([1, 0.5, 0], 1) == 0.5
    assert between_runs([1, 0.5, 0], 2) == pytest.approx(0.5 / 3)
    assert between_runs([1, 1], 3) == 1  # the last value holds further on


def test_shares_of_a_mask():
    mask = np.zeros((16, 25), bool)
    mask[:2, :3], mask[1, 3] = True, True
    assert shares(mask)[:3].tolist() == [1, pytest.approx(1 / 6), 0]
    assert shares(np.ones((3, 5), bool)).min() == 1  # smaller than the grid
