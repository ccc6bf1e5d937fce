"""Contact sheets: as many as it takes, each of 96 images at most."""

import numpy as np
import pytest
from PIL import Image

from pipeline.tasks.classification.prediction import THUMBNAIL, _thumbnails, write_sheets


@pytest.mark.parametrize(
    ("images", "files"),
    [
        (0, {}),
        (1, {"contact_sheet.png": (144, 176)}),
        (96, {"contact_sheet.png": (8 + 8 * 136, 8 + 12 * 168)}),
        (97, {"contact_sheet_1.png": (8 + 8 * 136, 8 + 12 * 168), "contact_sheet_2.png": (144, 176)}),
    ],
)
def test_the_sheets_of_so_many_images(tmp_path, images, files):
    (tmp_path / "contact_sheet_3.png").write_text("of a former run")
    picture = np.zeros((THUMBNAIL, THUMBNAIL, 4), np.uint8)
    write_sheets(((picture, {"image": f"{n}", "predicted": "cell", "cell": 0.5}) for n in range(images)), tmp_path)
    assert {path.name: Image.open(path).size for path in tmp_path.iterdir()} == files


def test_a_thumbnail_is_square_whatever_the_image(tmp_path):
    """A wide image is enlarged or shrunk between transparent stripes; what cannot be read any more is left out."""
    finished = {}
    for name, size in (("small", (40, 20)), ("wide", (900, 10)), ("gone", None)):
        if size:
            Image.new("RGB", size, (255, 0, 0)).save(tmp_path / f"{name}.png")
        finished[name] = {"source": {"path": str(tmp_path / f"{name}.png")}, "rows": [{"image": name}]}
    drawn = {row["image"]: picture for picture, row in _thumbnails(finished)}
    assert set(drawn) == {"small", "wide"}
    small = drawn["small"]
    assert small.shape == (THUMBNAIL, THUMBNAIL, 4) and small[64, 64].tolist() == [255, 0, 0, 255]
    assert not small[:32, :, 3].any() and not small[96:, :, 3].any()
