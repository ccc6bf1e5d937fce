"""Objects of a plane in bands are those of the whole plane, wherever it is cut; scikit-image has the second opinion."""

import math
import tracemalloc
import warnings

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy import ndimage
from skimage.measure import regionprops_table

from pipeline.prediction.objects import label as module
from pipeline.prediction.objects.hull import convex_area
from pipeline.prediction.objects.label import label_rows
from pipeline.prediction.objects.split import split_object
from pipeline.prediction.objects.units import COLUMNS, table_row, totals
from pipeline.scoring.objects import label

COMPARED = {  # ours: scikit-image's
    "label": "label",
    "centroid_row": "centroid-0",
    "centroid_column": "centroid-1",
    "area": "area",
    "perimeter": "perimeter",
    "major_axis": "axis_major_length",
    "minor_axis": "axis_minor_length",
    "eccentricity": "eccentricity",
    "solidity": "solidity",
}


def grey(mask, channels=1):
    """An image whose values all differ a little."""
    return (np.arange(mask.size * channels) * 7919 % 65521).astype(np.uint16).reshape(*mask.shape, channels)


def cut(mask, image, heights):
    """Bands of the given heights, over and over."""
    top, i = 0, 0
    while top < len(mask):
        yield mask[top : top + heights[i % len(heights)]], image[top : top + heights[i % len(heights)]]
        top, i = top + heights[i % len(heights)], i + 1


def run(mask, heights=(10**6,), image=None, **options):
    """All labels and all objects."""
    image = grey(mask) if image is None else image
    bands = list(label_rows(cut(mask, image, heights), **options))
    if not bands:
        return np.zeros(mask.shape, np.int32), []
    return np.concatenate([labels for labels, _ in bands]), [found for _, objects in bands for found in objects]


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


def test_no_object_in_an_empty_mask():
    labels, objects = run(np.zeros((3, 4), bool), (1,))
    assert labels.tolist() == [[0] * 4] * 3
    assert labels.dtype == np.int32
    assert objects == []


@pytest.mark.parametrize("shape", [(0, 5), (3, 0)])
def test_no_pixels_no_object(shape):
    assert run(np.zeros(shape, bool))[1] == []


def test_one_pixel():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        labels, (found,) = run(drawn("... .#. ..."), (1,), np.full((3, 3, 3), (10, 20, 60), np.uint8))
    assert labels[1, 1] == 1
    assert labels.sum() == 1
    assert (found.centroid_row, found.centroid_column, found.area) == (1, 1, 1)
    assert (found.perimeter, found.circularity) == (0, None)
    assert (found.major_axis, found.minor_axis, found.eccentricity, found.solidity) == (0, 0, 0, 1)
    assert (found.mean_intensity, found.touches_border) == (30, False)


def test_one_row():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        _, (found,) = run(drawn("..... .###. ....."))
    assert (found.area, found.solidity) == (3, 1)
    assert found.perimeter == 1  # of three border pixels only the middle one has two neighbours
    assert found.major_axis == pytest.approx(4 * math.sqrt(2 / 3))
    assert (found.minor_axis, found.eccentricity, found.circularity) == (0, 1, 1)


def test_a_square():
    _, (found,) = run(drawn("...... .####. .####. .####. .####. ......"), (2,))
    assert (found.area, found.perimeter, found.solidity) == (16, 12, 1)
    assert found.major_axis == found.minor_axis == pytest.approx(4 * math.sqrt(1.25))
    assert found.circularity == 1  # 4 pi 16 / 144 is 1.4: a perimeter through pixel centres is short
    assert not found.touches_border


def test_objects_are_numbered_by_their_first_pixel():
    labels, objects = run(drawn(".#...# ...#.# .#.#.# ...... #....."), (1,))
    assert labels.tolist() == [
        [0, 1, 0, 0, 0, 2],
        [0, 0, 0, 3, 0, 2],
        [0, 4, 0, 3, 0, 2],
        [0, 0, 0, 0, 0, 0],
        [5, 0, 0, 0, 0, 0],
    ]
    assert [found.label for found in objects] == [1, 2, 3, 4, 5]
    assert [found.touches_border for found in objects] == [True, True, False, False, True]


def test_arms_that_meet_below_are_one_object_and_corners_hold():
    labels, objects = run(drawn("#...# #.#.# .#.#. .....")[:, :5], (1,))
    assert labels.max() == 1
    assert len(objects) == 1


def test_small_objects_take_no_number():
    labels, objects = run(drawn("#.## .... ##.# ...#"), (1,), smallest=2)
    assert labels.tolist() == [[0, 0, 1, 1], [0, 0, 0, 0], [2, 2, 0, 3], [0, 0, 0, 3]]
    assert [found.area for found in objects] == [2, 2, 2]


def test_an_object_may_begin_while_another_goes_on_and_end_before_it():
    mask = drawn("#.... #.#.. #.... .....")
    bands = list(label_rows(cut(mask, grey(mask), (1,))))
    assert [labels.shape for labels, _ in bands] == [(1, 5)] * 4
    assert [found.label for _, objects in bands for found in objects] == [1, 2]


def test_a_closed_band_is_yielded_before_the_next_but_one_is_read():
    """Of a plane of small objects two bands are held, and those yielded are not touched again."""
    read = []

    def bands():
        for i in range(20):
            read.append(i)
            yield drawn(".... .##. .##. ...."), np.zeros((4, 4, 1), np.uint8)

    kept = []
    for i, (labels, _) in enumerate(label_rows(bands())):
        assert read[-1] <= i + 1
        kept.append((labels, labels.copy()))
    assert all(np.array_equal(now, then) for now, then in kept)


def test_bands_that_do_not_fit_are_refused():
    image = np.zeros((2, 3, 1), np.uint8)
    for bands in (
        [(np.zeros((2, 3), bool), image[:1])],
        [(np.zeros((2, 3), bool), image[..., 0])],
        [(np.zeros((2, 3), bool), image), (np.zeros((2, 2), bool), image[:, :2])],
        [(np.zeros((2, 3), np.uint8), image)],
    ):
        with pytest.raises(ValueError, match="expected"):
            list(label_rows(bands))


# --- scikit-image has the second opinion -------------------------------------------------------------------------------


def assert_as_skimage(labels, objects, image):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        properties = [*dict.fromkeys(name.split("-")[0] for name in COMPARED.values()), "intensity_mean", "bbox"]
        theirs = regionprops_table(labels, image, properties=properties)
    assert len(objects) == len(theirs["label"])
    for ours, name in COMPARED.items():
        np.testing.assert_allclose([getattr(found, ours) for found in objects], theirs[name], rtol=1e-9, atol=1e-6, err_msg=ours)
    means = np.mean([theirs[f"intensity_mean-{c}"] for c in range(image.shape[2])], axis=0) if objects else []
    np.testing.assert_allclose([found.mean_intensity for found in objects], means, rtol=1e-9)
    edges = [
        top == 0 or left == 0 or bottom == labels.shape[0] or right == labels.shape[1]
        for top, left, bottom, right in zip(*(theirs[f"bbox-{i}"] for i in range(4)), strict=True)
    ]
    assert [found.touches_border for found in objects] == edges


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
    labels, objects = run(mask, (17, 1, 40), image, split=split)
    assert len(objects) > 10
    assert_as_skimage(labels, objects, image)


def test_the_convex_area_by_hand():
    assert convex_area(*np.array([[7], [7]])) == 1
    assert convex_area(*np.array([[0, 1, 2], [0, 1, 2]])) == 3
    assert convex_area(*np.array([[0, 0, 0], [2, 0, 2]])) == 9  # C-shaped, closed by the hull
    assert convex_area(*np.array([[0, 0, 0], [2, 1, 0]])) == 6  # a triangle


# --- wherever the plane is cut -----------------------------------------------------------------------------------------

MASKS = arrays(bool, st.tuples(st.integers(1, 14), st.integers(1, 14)), fill=st.nothing())
HEIGHTS = st.lists(st.integers(1, 6), min_size=1, max_size=5)


@settings(max_examples=120, deadline=None)
@given(mask=MASKS, heights=HEIGHTS, smallest=st.sampled_from([0, 0, 2, 4]), channels=st.integers(1, 2))
@example(mask=np.zeros((9, 7), bool), heights=[1], smallest=0, channels=1)
@example(mask=np.ones((9, 7), bool), heights=[1], smallest=0, channels=1)
@example(mask=spiral(13), heights=[1], smallest=0, channels=1)
@example(mask=spiral(14)[::-1].copy(), heights=[3, 1], smallest=0, channels=2)
@example(mask=np.indices((9, 9)).sum(axis=0) % 2 == 0, heights=[2], smallest=0, channels=1)
def test_cut_anywhere_the_objects_are_those_of_the_whole(mask, heights, smallest, channels):
    image = grey(mask, channels)
    yielded = []
    for labels, objects in label_rows(cut(mask, image, heights), smallest=smallest):
        yielded.append((labels, labels.copy(), objects))
    labels = np.concatenate([labels for labels, _, _ in yielded])
    assert np.array_equal(labels, np.concatenate([then for _, then, _ in yielded]))
    objects = [found for _, _, several in yielded for found in several]
    whole = label(mask)
    area = np.bincount(whole.ravel())
    whole[area[whole] < smallest] = 0
    assert np.array_equal(labels, in_reading_order(whole))
    assert [found.label for found in objects] == list(range(1, labels.max() + 1))
    assert_as_skimage(labels, objects, image)
    assert objects == run(mask, image=image, smallest=smallest)[1]  # to the last bit


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), heights=HEIGHTS, smallest=st.sampled_from([0, 9]), share=st.floats(0, 0.9))
def test_cut_anywhere_the_pieces_are_those_of_the_whole(seed, heights, smallest, share):
    mask = blobs(seed, (40, 36), 1.5, share)
    labels, objects = run(mask, heights, split=True, smallest=smallest)
    whole, whole_objects = run(mask, split=True, smallest=smallest)
    assert np.array_equal(labels, whole)
    assert objects == whole_objects
    assert np.array_equal(labels, in_reading_order(labels))
    for k in range(1, labels.max() + 1):
        assert label(labels == k).max() == 1
    if not smallest:
        assert np.array_equal(labels > 0, mask)


# --- splitting ---------------------------------------------------------------------------------------------------------


def discs(distance, radius=12):
    rows, columns = np.ogrid[: 2 * radius + 3, : 2 * radius + 3 + distance]
    centre = radius + 1
    return (np.hypot(rows - centre, columns - centre) < radius) | (np.hypot(rows - centre, columns - centre - distance) < radius)


@pytest.mark.parametrize(("distance", "count"), [(0, 1), (8, 1), (20, 2)])
def test_discs_part_at_a_narrow_neck(distance, count):
    mask = discs(distance)
    labels, objects = run(mask, (5,), split=True)
    assert len(objects) == count
    assert np.array_equal(labels > 0, mask)
    if count == 2:
        assert abs(objects[0].area - objects[1].area) <= 0.1 * objects[0].area


def test_rods_and_single_pixels_stay_whole():
    assert split_object(np.ones((1, 1), bool)).tolist() == [[1]]
    assert split_object(np.ones((9, 60), bool)).max() == 1
    assert split_object(np.eye(20, dtype=bool)).max() == 1


def test_an_object_too_large_to_split_stays_whole(monkeypatch):
    mask = discs(20)
    monkeypatch.setattr(module, "LARGEST", mask.size // 2)
    assert len(run(mask, (4,), split=True)[1]) == 1


# --- memory ------------------------------------------------------------------------------------------------------------


def test_memory_is_that_of_bands():
    height, width = 64, 500
    band = np.zeros((height, width), bool)
    band[5:-5, ::50] = True

    def peak(bands):
        tracemalloc.start()
        for _ in label_rows((band, np.zeros((height, width, 1), np.uint8)) for _ in range(bands)):
            pass
        highest = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return highest

    peak(2)  # what is allocated once
    assert peak(20) < 1.5 * peak(4)


# --- units -------------------------------------------------------------------------------------------------------------


def bar():
    """4 rows x 2 columns."""
    return run(drawn(".... .##. .##. .##. .##. ...."))[1][0]


def test_without_a_pixel_size_micrometres_are_empty():
    row = table_row(bar())
    assert tuple(row) == COLUMNS
    assert (row["area_px"], row["perimeter_px"]) == (8, 8)
    assert [name for name, value in row.items() if value is None] == [
        "area_um2",
        "perimeter_um",
        "major_axis_um",
        "minor_axis_um",
    ]


def test_square_pixels():
    found = bar()
    row = table_row(found, (500, 500))
    assert row["area_um2"] == 2
    assert row["perimeter_um"] == 4
    assert row["major_axis_um"] == pytest.approx(found.major_axis / 2)
    assert row["minor_axis_um"] == pytest.approx(found.minor_axis / 2)
    assert (row["eccentricity"], row["circularity"]) == (found.eccentricity, found.circularity)


def test_of_pixels_that_are_not_square_the_ellipse_is_known_and_the_perimeter_is_not():
    mask = blobs(5, (40, 30))
    labels, objects = run(mask)
    theirs = regionprops_table(
        labels, properties=("area", "axis_major_length", "axis_minor_length", "eccentricity"), spacing=(0.5, 0.02)
    )
    rows = [table_row(found, (500, 20)) for found in objects]
    for ours, name in {
        "area_um2": "area",
        "major_axis_um": "axis_major_length",
        "minor_axis_um": "axis_minor_length",
        "eccentricity": "eccentricity",
    }.items():
        np.testing.assert_allclose([row[ours] for row in rows], theirs[name], rtol=1e-6, atol=1e-6, err_msg=ours)
    assert {row["perimeter_um"] for row in rows} == {row["circularity"] for row in rows} == {None}
    assert rows[0]["perimeter_px"] == objects[0].perimeter


@pytest.mark.parametrize("size", [(0, 1), (1, -1), (math.nan, 1), (math.inf, 1)])
def test_a_pixel_has_a_size(size):
    with pytest.raises(ValueError, match="nm"):
        table_row(bar(), size)


def test_totals_of_a_plane():
    assert totals(0, 0, (0, 5)) == {"count": 0, "area_px": 0, "area_fraction": None, "area_um2": None}
    assert totals(2, 50, (10, 20), (100, 200)) == {"count": 2, "area_px": 50, "area_fraction": 0.25, "area_um2": pytest.approx(1)}
