import io

import numpy as np
import pytest
from PIL import Image
from PIL.ImageColor import getrgb

from pipeline.images.colours import ERRORS
from pipeline.images.overlay import COVER
from pipeline.tasks.segmentation.evaluation import pictures as panels
from pipeline.tasks.segmentation.evaluation.pictures import cuts, panel

RNG = np.random.default_rng(0)
GREY = RNG.integers(0, 256, (20, 30, 1), np.uint8)
DEEP = RNG.integers(0, 65536, (20, 30, 3), np.uint16)
MASK = RNG.random((20, 30)) > 0.5


@pytest.mark.parametrize("mask", [np.zeros((20, 30), bool), np.ones((20, 30), bool), MASK])
@pytest.mark.parametrize("image", [GREY, DEEP])
def test_four_pictures_side_by_side_fill_the_report(image, mask):
    picture = Image.open(io.BytesIO(panel(image, mask, np.zeros_like(mask), "worst")))
    assert picture.format == "PNG"
    assert picture.width == 1152 > 4 * picture.height


def test_ignored_pixels_do_not_decide_where_a_volume_is_cut(monkeypatch):
    masks, captions = np.zeros((2, 20, 30), np.uint8), []
    masks[:, 7, 11] = 1
    masks[:, 3:6, 20:25] = 255
    monkeypatch.setattr(panels, "sheet", lambda pictures, texts, *_, **__: captions.extend(texts))
    cuts([np.zeros((20, 30, 1), np.uint8)] * 2, masks, np.where(masks == 255, 1, masks), 1)
    assert captions[::2] == ["row 7 of 2 sections", "column 11 of 2 sections"]


def test_a_volume_is_cut_where_it_shows_most():
    """Foreground in row 7 and column 11 of three sections; the prediction misses it in the last one."""
    masks = np.zeros((3, 20, 30), np.uint8)
    masks[:, 7, 11] = masks[1, 7, 2:9] = masks[2, 3:6, 11] = 1
    predictions = masks.copy()
    predictions[2] = 0
    with Image.open(io.BytesIO(cuts([np.zeros((20, 30, 1), np.uint8)] * 3, masks, predictions, 4.4))) as picture:
        drawn = np.asarray(picture.convert("RGB"))
    assert drawn.shape[1] == 1152
    shown = [(drawn == np.rint(COVER * np.array(getrgb(colour)))).all(axis=-1).sum() for colour in ERRORS.values()]
    # Of both cuts, each voxel four pixels high before it is enlarged to the width of its picture.
    assert shown[0] > shown[2] > 0 == shown[1]
