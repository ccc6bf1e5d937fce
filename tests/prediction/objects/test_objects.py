"""Objects of a page in bands are those of the whole page, wherever it is cut. scikit-image gives the second opinion."""

import math
import warnings

import numpy as np
import pandas as pd
import pytest
import zarr
from hypothesis import example, given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy import ndimage
from skimage.measure import regionprops_table

from pipeline.prediction.objects import label as module
from pipeline.prediction.objects import measure
from pipeline.prediction.objects.label import label_page, split_object
from pipeline.prediction.objects.measure import COLUMNS, measure_page
from pipeline.scoring.objects import label

COMPARED = {  # ours: scikit-image's
    "label": "label",
    "centroid_row": "centroid-0",
    "centroid_column": "centroid-1",
    "area_px": "area",
    "perimeter_px": "perimeter",
    "major_axis_px": "axis_major_length",
    "minor_axis_px": "axis_minor_length",
    "eccentricity": "eccentricity",
    "solidity": "solidity",
}


def grey(mask, channels=1):
    """An image whose values all differ a little."""
    return (np.arange(mask.size * channels) * 7919 % 65521).astype(np.uint16).reshape(*mask.shape, channels)


def run(mask, heights=(10**6,), image=None, band=512, pixel_size_nm=None, labels=None, **options):
    """Labels and measurements of a mask that is cut into bands of these heights, over and over, and measured by `band` rows."""
    image = grey(mask) if image is None else image
    labels = np.zeros((1, *mask.shape), np.int32) if labels is None else labels
    cuts = np.cumsum(np.resize(heights, len(mask)))
    masks = [part for part in np.split(mask, cuts[cuts < len(mask)]) if len(part)]
    with pytest.MonkeyPatch.context() as patch:
        for part in (module, measure):
            patch.setattr(part, "BAND", band)
        objects = label_page(masks, labels, 0, **options)
        table = measure_page(objects, labels, 0, lambda page, start, stop: image[start:stop], pixel_size_nm)
    return labels[0], table


def drawn(text):
    return np.array([[c == "#" for c in line] for line in text.split()])


def spiral(n):
    """One object that winds inwards, one pixel wide, one pixel apart."""
    mask = np.zeros((n, n), bool)
    row, column, (down, right), length = 0, 0, (0, 1), n - 1
    mask[0, 0] = True
    for turn in range(2 * n):
        for _ in range(length):
            row, column = row + down, column + right
            mask[row, column] = True
        down, right = right, -down
        length -= 2 if turn and turn % 2 == 0 else 0
        if length <= 0:
            break
    return mask


def in_reading_order(labels):
    """Renumber labels by the first pixel of each."""
    names, first = np.unique(labels[labels > 0], return_index=True)
    table = np.zeros(labels.max(initial=0) + 1, np.int32)
    table[names[np.argsort(first)]] = np.arange(1, len(names) + 1)
    return table[labels]


# --- by hand -----------------------------------------------------------------------------------------------------------


def test_an_empty_mask_has_no_objects():
    labels, table = run(np.zeros((3, 4), bool), (1,))
    assert labels.tolist() == [[0] * 4] * 3
    assert table.empty and list(table) == COLUMNS


def test_one_pixel():
    labels, table = run(drawn("... .#. ..."), (1,), np.full((3, 3, 3), (10, 20, 60), np.uint8))
    assert labels[1, 1] == labels.sum() == 1
    (found,) = table.itertuples()
    assert (found.centroid_row, found.centroid_column, found.area_px) == (1, 1, 1)
    assert found.perimeter_px == 0 and math.isnan(found.circularity)
    assert (found.major_axis_px, found.minor_axis_px, found.eccentricity, found.solidity) == (0, 0, 0, 1)
    assert (found.mean_intensity, found.touches_border) == (30, False)


def test_one_row():
    _, table = run(drawn("..... .###. ....."))
    (found,) = table.itertuples()
    assert (found.area_px, found.solidity) == (3, 1)
    assert found.perimeter_px == 1  # of three border pixels only the middle one has two neighbours
    assert found.major_axis_px == pytest.approx(4 * math.sqrt(2 / 3))
    assert (found.minor_axis_px, found.eccentricity, found.circularity) == (0, 1, 1)


def test_a_square():
    _, table = run(drawn("...... .####. .####. .####. .####. ......"), (2,))
    (found,) = table.itertuples()
    assert (found.area_px, found.perimeter_px, found.solidity) == (16, 12, 1)
    assert found.major_axis_px == found.minor_axis_px == pytest.approx(4 * math.sqrt(1.25))
    assert found.circularity == 1  # 4 pi 16 / 144 is 1.4: a perimeter through pixel centres is short
    assert not found.touches_border


def test_objects_are_numbered_by_their_first_pixels():
    labels, table = run(drawn(".#...# ...#.# .#.#.# ...... #....."), (1,))
    assert labels.tolist() == [
        [0, 1, 0, 0, 0, 2],
        [0, 0, 0, 3, 0, 2],
        [0, 4, 0, 3, 0, 2],
        [0, 0, 0, 0, 0, 0],
        [5, 0, 0, 0, 0, 0],
    ]
    assert table["label"].tolist() == [1, 2, 3, 4, 5]
    assert table["touches_border"].tolist() == [True, True, False, False, True]


def test_arms_that_meet_below_are_one_object_and_corners_connect():
    labels, table = run(drawn("#...# #.#.# .#.#. ....."), (1,))
    assert labels.max() == len(table) == 1


def test_small_objects_get_no_number():
    labels, table = run(drawn("#.## .... ##.# ...#"), (1,), smallest=2)
    assert labels.tolist() == [[0, 0, 1, 1], [0, 0, 0, 0], [2, 2, 0, 3], [0, 0, 0, 3]]
    assert table["area_px"].tolist() == [2, 2, 2]


def test_labels_may_lie_on_disk(tmp_path):
    mask = blobs(1)
    stored = zarr.create_array(tmp_path / "labels", shape=(1, *mask.shape), chunks=(1, 32, 130), dtype=np.int32)
    labels, table = run(mask, (17,), band=40, labels=stored, split=True, smallest=3)
    expected, objects = run(mask, split=True, smallest=3)
    np.testing.assert_array_equal(labels, expected)
    pd.testing.assert_frame_equal(table, objects)


# --- scikit-image has the second opinion -------------------------------------------------------------------------------


def assert_as_skimage(labels, table, image):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        properties = [*dict.fromkeys(name.split("-")[0] for name in COMPARED.values()), "intensity_mean", "bbox"]
        theirs = regionprops_table(labels, image, properties=properties)
    assert len(table) == len(theirs["label"])
    for ours, name in COMPARED.items():
        np.testing.assert_allclose(table[ours].astype(float), theirs[name], rtol=1e-9, atol=1e-6, err_msg=ours)
    means = np.mean([theirs[f"intensity_mean-{c}"] for c in range(image.shape[2])], axis=0) if len(table) else []
    np.testing.assert_allclose(table["mean_intensity"].astype(float), means, rtol=1e-9)
    ends = zip((theirs["bbox-0"], theirs["bbox-1"]), (theirs["bbox-2"], theirs["bbox-3"]), labels.shape, strict=True)
    edges = np.logical_or(*((start == 0) | (stop == length) for start, stop, length in ends))
    assert table["touches_border"].tolist() == edges.tolist()


def blobs(seed, shape=(150, 130), width=2.5, share=0.4):
    """Smooth noise above a level."""
    noise = ndimage.gaussian_filter(np.random.default_rng(seed).normal(size=shape), width)
    return noise > np.quantile(noise, 1 - share)


@pytest.mark.parametrize("split", [False, True])
@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("seed", range(3))
def test_measurements_are_those_of_skimage(seed, channels, split):
    mask = blobs(seed)
    image = grey(mask, channels)
    labels, table = run(mask, (17, 1, 40), image, band=23, split=split)
    assert len(table) > 10
    assert_as_skimage(labels, table, image)


def test_a_huge_object_is_measured_on_fewer_pixels(monkeypatch):
    mask = np.zeros((90, 80), bool)
    mask[20:80, 30:70] = True
    _, expected = run(mask, pixel_size_nm=(500, 250))
    monkeypatch.setattr(measure, "LARGEST", 60 * 40 // 4)
    _, found = run(mask, band=25, pixel_size_nm=(500, 250))
    assert found["area_px"].tolist() == [2400]
    for name in ("centroid_row", "perimeter_px", "major_axis_px", "major_axis_um", "eccentricity", "solidity"):
        assert found[name][0] == pytest.approx(expected[name][0], rel=0.05), name


# --- wherever the page is cut ------------------------------------------------------------------------------------------

MASKS = arrays(bool, st.tuples(st.integers(1, 14), st.integers(1, 14)), fill=st.nothing())
HEIGHTS = st.lists(st.integers(1, 6), min_size=1, max_size=5)


@settings(max_examples=120)
@given(mask=MASKS, heights=HEIGHTS, band=st.integers(1, 6), smallest=st.sampled_from([0, 2, 4]), channels=st.integers(1, 2))
@example(mask=np.zeros((9, 7), bool), heights=[1], band=1, smallest=0, channels=1)
@example(mask=np.ones((9, 7), bool), heights=[1], band=1, smallest=0, channels=1)
@example(mask=spiral(13), heights=[1], band=1, smallest=0, channels=1)
@example(mask=spiral(14)[::-1].copy(), heights=[3, 1], band=2, smallest=0, channels=2)
@example(mask=np.indices((9, 9)).sum(axis=0) % 2 == 0, heights=[2], band=1, smallest=0, channels=1)
def test_cut_anywhere_the_objects_are_those_of_the_whole(mask, heights, band, smallest, channels):
    image = grey(mask, channels)
    labels, table = run(mask, heights, image, band, smallest=smallest)
    whole = label(mask)
    area = np.bincount(whole.ravel())
    whole[area[whole] < smallest] = 0
    np.testing.assert_array_equal(labels, in_reading_order(whole))
    assert table["label"].tolist() == list(range(1, labels.max() + 1))
    assert_as_skimage(labels, table, image)
    pd.testing.assert_frame_equal(table, run(mask, image=image, smallest=smallest)[1], rtol=1e-12)


@settings(max_examples=40)
@given(
    seed=st.integers(0, 2**32 - 1),
    heights=HEIGHTS,
    band=st.integers(1, 9),
    smallest=st.sampled_from([0, 9]),
    share=st.floats(0, 0.9),
)
def test_cut_anywhere_the_pieces_are_those_of_the_whole(seed, heights, band, smallest, share):
    mask = blobs(seed, (40, 36), 1.5, share)
    labels, table = run(mask, heights, band=band, split=True, smallest=smallest)
    whole, whole_table = run(mask, split=True, smallest=smallest)
    np.testing.assert_array_equal(labels, whole)
    pd.testing.assert_frame_equal(table, whole_table, rtol=1e-12)
    np.testing.assert_array_equal(labels, in_reading_order(labels))
    for k in range(1, labels.max() + 1):
        assert label(labels == k).max() == 1
    if not smallest:
        np.testing.assert_array_equal(labels > 0, mask)


# --- splitting ---------------------------------------------------------------------------------------------------------


def discs(distance, radius=12):
    rows, columns = np.ogrid[: 2 * radius + 3, : 2 * radius + 3 + distance]
    centre = radius + 1
    return (np.hypot(rows - centre, columns - centre) < radius) | (np.hypot(rows - centre, columns - centre - distance) < radius)


@pytest.mark.parametrize(("distance", "count"), [(0, 1), (8, 1), (20, 2)])
def test_discs_part_at_a_narrow_neck(distance, count):
    mask = discs(distance)
    labels, table = run(mask, (5,), split=True)
    assert len(table) == count
    assert np.array_equal(labels > 0, mask)
    if count == 2:
        one, other = table["area_px"]
        assert abs(one - other) <= 0.1 * one


def test_rods_and_single_pixels_stay_whole():
    assert split_object(np.ones((1, 1), bool)).tolist() == [[1]]
    assert split_object(np.ones((9, 60), bool)).max() == 1
    assert split_object(np.eye(20, dtype=bool)).max() == 1


def test_an_object_too_large_to_split_stays_whole(monkeypatch):
    mask = discs(20)
    monkeypatch.setattr(module, "LARGEST", mask.size // 2)
    assert len(run(mask, (4,), split=True)[1]) == 1


# --- units -------------------------------------------------------------------------------------------------------------

MICROMETRES = ["area_um2", "perimeter_um", "major_axis_um", "minor_axis_um"]


def bar(pixel_size_nm=None):
    """Measurements of 4 rows x 2 columns."""
    return run(drawn(".... .##. .##. .##. .##. ...."), pixel_size_nm=pixel_size_nm)[1].iloc[0]


def test_without_a_pixel_size_micrometres_are_empty():
    found = bar()
    assert (found["area_px"], found["perimeter_px"]) == (8, 8)
    assert [name for name in COLUMNS if pd.isna(found[name])] == MICROMETRES


def test_square_pixels():
    pixels, found = bar(), bar((500, 500))
    assert (found["area_um2"], found["perimeter_um"]) == (2, 4)
    assert found["major_axis_um"] == pytest.approx(pixels["major_axis_px"] / 2)
    assert found["minor_axis_um"] == pytest.approx(pixels["minor_axis_px"] / 2)
    assert (found["eccentricity"], found["circularity"]) == (pixels["eccentricity"], pixels["circularity"])


def test_of_pixels_that_are_not_square_the_ellipse_is_known_and_the_perimeter_is_not():
    mask = blobs(5, (40, 30))
    labels, table = run(mask, pixel_size_nm=(500, 20))
    theirs = regionprops_table(
        labels, properties=("area", "axis_major_length", "axis_minor_length", "eccentricity"), spacing=(0.5, 0.02)
    )
    for ours, name in {
        "area_um2": "area",
        "major_axis_um": "axis_major_length",
        "minor_axis_um": "axis_minor_length",
        "eccentricity": "eccentricity",
    }.items():
        np.testing.assert_allclose(table[ours], theirs[name], rtol=1e-6, atol=1e-6, err_msg=ours)
    assert table[["perimeter_um", "circularity"]].isna().all(axis=None)
    assert table["perimeter_px"].tolist() == run(mask)[1]["perimeter_px"].tolist()
