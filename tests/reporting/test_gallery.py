import base64
import io

import numpy as np
import pytest
from PIL import Image

from pipeline.reporting.gallery import pictures, views
from pipeline.reporting.results import read_results


@pytest.fixture
def read(workspace):
    return read_results


def decoded(uri):
    return Image.open(io.BytesIO(base64.b64decode(uri.split(",")[1])))


def test_every_image_is_there_once_with_its_layers(read):
    shown = pictures(read()[0], {"007": "hard"})
    assert [picture.id for picture in shown] == [f"mitochondria-000{n}" for n in range(5)]
    assert (shown[0].name, shown[0].caption, shown[0].width, shown[0].height) == ("007", "hard", 12, 8)
    assert [layer.view for layer in shown[0].layers] == ["mask", "prediction-0", "errors-0", "prediction-1", "errors-1"]


def test_layers_come_from_the_kinds_of_error(read):
    kinds = np.arange(96).reshape(8, 12) % 4  # right background, true positive, false positive, false negative
    mask, prediction, errors, *_ = (decoded(layer.source) for layer in pictures(read()[0], {})[0].layers)
    np.testing.assert_array_equal(np.asarray(mask), np.isin(kinds, (1, 3)))
    np.testing.assert_array_equal(np.asarray(prediction), np.isin(kinds, (1, 2)))
    colours = np.asarray(errors.convert("RGBA"))
    assert (colours[kinds == 0, 3] == 0).all() and (colours[kinds > 0, 3] == 166).all()
    assert tuple(colours[kinds == 2][0, :3]) == (0xE6, 0x9F, 0x00)


def test_views_of_both_kinds(read):
    mitochondria, _, tissue = read()
    assert [view for view, _ in views(mitochondria)] == ["image", "mask", "prediction-0", "errors-0", "prediction-1", "errors-1"]
    assert views(tissue) == [("image", "image"), ("gradcam-0", "Grad-CAM")]
    assert [layer.view for layer in pictures(tissue, {})[0].layers] == ["gradcam-0"]
