"""Volumes and stacks of a model of three classes whose answer is known."""

import numpy as np
import pandas as pd
import pytest
import tifffile
import zarr
from ome_zarr.writer import write_multiscale

from pipeline.predict import main
from tests.builder import pointwise
from tests.prediction.conftest import CARD, write

SHAPE = (2, 3, 24, 30)  # time points, sections, rows, columns


@pytest.fixture(scope="module")
def three(tmp_path_factory):
    """A model that calls a pixel class 1 above a quarter of the range, and class 2 above three quarters."""
    network = pointwise([[0.0, 40.0, 80.0]], [0.0, -10.0, -40.0])
    card = {key: value for key, value in CARD.items() if not key.startswith("threshold")} | {"classes": ["none", "grey", "white"]}
    return write(network, card, tmp_path_factory.mktemp("models") / "mitochondria" / "unet.keras")


@pytest.fixture(scope="module")
def grey():
    """Blocks of three intensities, and the class of each pixel."""
    classes = np.random.default_rng(0).integers(0, 3, (*SHAPE[:2], 4, 5)).repeat(6, axis=2).repeat(6, axis=3)
    return np.array([20, 128, 240], np.uint8)[classes], classes


def test_a_volume_gets_an_axis_of_classes_behind_time(three, grey, tmp_path):
    data, classes = grey
    axes = [{"name": "t", "type": "time"}, *({"name": name, "type": "space"} for name in "zyx")]
    write_multiscale([data], zarr.open_group(tmp_path / "v.ome.zarr", zarr_format=3), axes=axes)
    for median in ("1", "3"):
        out = tmp_path / median
        main([str(three), str(tmp_path / "v.ome.zarr"), "--out", str(out), "--median", median])
        group = zarr.open_group(out / "v_probability.ome.zarr", mode="r")
        assert [axis["name"] for axis in dict(group.attrs)["ome"]["multiscales"][0]["axes"]] == list("tczyx")
        probability = group["0"][:]
        assert probability.shape == (2, 3, 3, 24, 30)
        mask = zarr.open_array(out / "v_mask.ome.zarr/0", mode="r")[:]
        np.testing.assert_array_equal(probability.argmax(axis=1), mask)
        if median == "1":
            np.testing.assert_array_equal(mask, classes)


def test_a_stack_gets_channels_and_each_class_its_own_objects(three, grey, tmp_path):
    data, classes = grey
    tifffile.imwrite(tmp_path / "s.tif", data[0], photometric="minisblack")
    main([str(three), str(tmp_path / "s.tif"), "--out", str(tmp_path / "out")])
    with tifffile.TiffFile(tmp_path / "out/s_probability.tif") as file:
        assert (file.series[0].axes, file.series[0].shape) == ("ZCYX", (3, 3, 24, 30))
        np.testing.assert_array_equal(file.asarray().argmax(axis=1), classes[0])
    np.testing.assert_array_equal(tifffile.imread(tmp_path / "out/s_mask.tif"), classes[0])
    labels, objects = tifffile.imread(tmp_path / "out/s_labels.tif"), pd.read_csv(tmp_path / "out/s_objects.csv")
    assert ((labels > 0) == (classes[0] > 0)).all()
    for found in objects.to_dict("records"):
        area = labels[found["page"] - 1] == found["label"]
        assert area.sum() == found["area_px"]
        assert set(classes[0][found["page"] - 1][area]) == {["none", "grey", "white"].index(found["class"])}
    images = pd.read_csv(tmp_path / "out/images.csv")
    assert images["class"].tolist() == ["grey", "white"] * 3
    assert images["area_px"].sum() == (classes[0] > 0).sum()
