"""Objects through sections: SciPy's components in three dimensions, counted by hand where it has none."""

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
import tifffile
import zarr
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from ome_zarr.writer import write_multiscale
from scipy import ndimage

from pipeline.predict import main
from pipeline.prediction.objects import label
from pipeline.prediction.objects.label import label_page
from pipeline.prediction.objects.measure import measure_page
from pipeline.prediction.objects.solids import join_sections, measure_solids
from pipeline.tasks.segmentation.prediction.objects import write_solids

EVERY = np.ones((3, 3, 3), bool)


def profiles_of(volume):
    """Number the objects of each section of a volume, bool (Z, H, W); return the labels and the table of the objects."""
    labels, tables = np.zeros(volume.shape, np.int32), []
    for page, mask in enumerate(volume):
        found = label_page([mask], labels, page)
        read = lambda page, start, stop: np.zeros((stop - start, volume.shape[2], 1))  # noqa: E731
        tables.append(measure_page(found, labels, page, read).assign(page=page + 1))
    tables = [table for table in tables if len(table)] or tables[:1]  # pandas cannot tell the types of empty ones
    return labels, pd.concat(tables, ignore_index=True)


@given(arrays(bool, st.tuples(st.integers(1, 4), st.integers(1, 7), st.integers(1, 6))), st.sampled_from([1, 2, 512]))
@settings(max_examples=60)
def test_the_components_are_those_of_scipy_whatever_the_bands(volume, band):
    labels, profiles = profiles_of(volume)
    expected, count = ndimage.label(volume, EVERY)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(label, "BAND", band)
        number = join_sections(labels, profiles, sections=len(volume))
    assert len(set(number)) == count
    # The same partition: one number of theirs for each of ours. And ours begin in the order of pages and pixels, as theirs do.
    pairs = {*zip(expected.ravel().tolist(), labels.ravel().tolist(), strict=True)}
    assert len(pairs) == len({one for one, _ in pairs}) == len({other for _, other in pairs})
    if count:
        solids = measure_solids(profiles.assign(label=number), len(volume))
        assert solids["label"].tolist() == list(range(1, count + 1))
        assert solids["volume_px"].tolist() == np.bincount(labels.ravel())[1:].tolist()
        middle = np.add(ndimage.center_of_mass(volume, labels, range(1, count + 1)), [1, 0, 0])
        np.testing.assert_allclose(solids[["centroid_page", "centroid_row", "centroid_column"]], middle)


def test_what_is_measured():
    """A fork: two profiles in the second section that the first joins; a single pixel in the third, which touches a corner."""
    volume = np.zeros((4, 5, 9), bool)
    volume[0, 2, 2:7] = True
    volume[1, 2, 2] = volume[1, 2, 6] = True
    volume[2, 3, 7] = True
    labels, profiles = profiles_of(volume)
    number = join_sections(labels, profiles, sections=4)
    assert number.tolist() == [1, 1, 1, 1]
    row = measure_solids(profiles.assign(label=number), 4, voxel_um3=0.5).iloc[0]
    assert (row["first_page"], row["last_page"], row["volume_px"], row["volume_um3"], row["largest_area_px"]) == (1, 3, 8, 4, 5)
    assert row["centroid_page"] == pytest.approx((5 * 1 + 2 * 2 + 3) / 8) and row["touches_border"]


def test_parts_that_were_separated_stay_apart():
    """Two halves that touch in both sections, the second section one pixel to the right; a third half overlaps neither."""
    labels = np.array([[[1, 1, 1, 2, 2, 2, 0]], [[0, 1, 1, 1, 2, 2, 2]]], np.int32)
    profiles = pd.DataFrame({"page": [1, 1, 2, 2], "label": [1, 2, 1, 2]})
    assert join_sections(labels.copy(), profiles, sections=2).tolist() == [1, 1, 1, 1]
    assert join_sections(labels.copy(), profiles, sections=2, split=True).tolist() == [1, 2, 1, 2]


def test_a_class_may_have_any_name(bright, tmp_path):
    profiles = pd.DataFrame({"page": [1, 2], "label": [1, 1], "class": ["NA", "NA"], "area_px": 1, "touches_border": False})
    profiles = profiles.assign(centroid_row=0.0, centroid_column=0.0)
    profiles.to_csv(tmp_path / "o.csv", index=False)
    labels = np.ones((2, 1, 1), np.int32)
    files, stack = {"objects": tmp_path / "o.csv", "solids": tmp_path / "s.csv"}, SimpleNamespace(sections=2, depth_nm=None)
    assert write_solids(files, labels, stack, None, split=False) == 1
    assert (tmp_path / "s.csv").read_text().splitlines()[1].startswith("NA,1,1,2,")


def test_time_points_stay_apart_and_so_do_classes():
    volume = np.ones((4, 1, 1), bool)
    labels, profiles = profiles_of(volume)
    assert join_sections(labels.copy(), profiles, sections=2).tolist() == [1, 1, 2, 2]
    assert join_sections(labels.copy(), profiles.assign(**{"class": list("abba")}), sections=4).tolist() == [1, 2, 2, 3]


def test_an_object_inside_a_volume_touches_no_border():
    volume = np.zeros((3, 3, 3), bool)
    volume[1, 1, 1] = True
    labels, profiles = profiles_of(volume)
    solids = measure_solids(profiles.assign(label=join_sections(labels, profiles, 3)), 3)
    assert not solids["touches_border"].any() and solids["volume_um3"].isna().all()


def test_a_volume_without_objects():
    labels, profiles = profiles_of(np.zeros((2, 3, 3), bool))
    assert join_sections(labels, profiles, sections=2).tolist() == []
    assert measure_solids(profiles, 2).empty


@pytest.mark.parametrize("form", ["tif", "ome.zarr"])
def test_a_volume_is_counted_through_its_sections(form, bright, tmp_path, capsys):
    """A rod through three sections of 40 nm, and a pixel in the last one; pixels of 10 × 20 nm."""
    volume = np.full((3, 6, 8), 20, np.uint8)
    volume[:, 2:4, 1:4] = volume[2, 5, 7] = 220
    path = tmp_path / f"v.{form}"
    if form == "tif":
        how = {"imagej": True, "resolution": (1 / 0.02, 1 / 0.01), "metadata": {"axes": "ZYX", "spacing": 0.04, "unit": "um"}}
        tifffile.imwrite(path, volume, **how)
    else:
        axes = [{"name": name, "type": "space", "unit": "nanometer"} for name in "zyx"]
        scale = [[{"type": "scale", "scale": [40.0, 10.0, 20.0]}]]
        write_multiscale([volume], zarr.open_group(path, mode="w"), axes=axes, coordinate_transformations=scale)
    main([str(bright), str(path), "--out", str(tmp_path / "out"), "--solids"])
    solids = pd.read_csv(tmp_path / "out/v_solids.csv")
    assert solids["volume_px"].tolist() == [18, 1]
    assert solids["volume_um3"].tolist() == pytest.approx([18 * 8e-6, 8e-6])
    assert solids[["first_page", "last_page"]].values.tolist() == [[1, 3], [3, 3]]
    file = tmp_path / "out" / f"v_labels.{form}"
    labels = tifffile.imread(file) if form == "tif" else zarr.open_array(file / "0", mode="r")[:]
    np.testing.assert_array_equal(labels, np.where(volume > 128, 1, 0) + (np.indices(volume.shape)[1] == 5) * (volume > 128))
    profiles = pd.read_csv(tmp_path / "out/v_objects.csv")
    assert profiles[["page", "label"]].values.tolist() == [[1, 1], [2, 1], [3, 1], [3, 2]]
    assert pd.read_csv(tmp_path / "out/images.csv")["count"].tolist() == [1, 1, 2]


def test_pages_that_are_no_sections_are_warned_of(bright, tmp_path, capsys):
    tifffile.imwrite(tmp_path / "t.tif", np.zeros((2, 6, 8), np.uint8), imagej=True, metadata={"axes": "TYX"})
    main([str(bright), str(tmp_path / "t.tif"), "--out", str(tmp_path / "out"), "--solids"])
    assert "holds no sections of one volume, so --solids has no effect" in capsys.readouterr().err
    assert not (tmp_path / "out/t_solids.csv").exists()
