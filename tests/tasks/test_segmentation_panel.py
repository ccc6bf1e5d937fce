import io

import numpy as np
import pytest
from PIL import Image

from pipeline.tasks.segmentation.panel import panel

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
