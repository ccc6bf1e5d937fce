"""Contact sheets: as many as it takes, each of 96 images at most."""

import pytest
from PIL import Image

from pipeline.tasks.classification.prediction import THUMBNAIL, write_sheets


@pytest.mark.parametrize(
    ("images", "files"),
    [
        (0, {}),
        (1, {"contact_sheet.png": (136, 164)}),
        (96, {"contact_sheet.png": (8 * 136, 12 * 164)}),
        (97, {"contact_sheet_1.png": (8 * 136, 12 * 164), "contact_sheet_2.png": (136, 164)}),
    ],
)
def test_the_sheets_of_so_many_images(tmp_path, images, files):
    (tmp_path / "contact_sheet_3.png").write_text("of a former run")
    picture = Image.new("RGB", (THUMBNAIL, THUMBNAIL), "red")
    write_sheets(((picture, {"image": f"{n}", "predicted": "cell", "cell": 0.5}) for n in range(images)), tmp_path)
    assert {path.name: Image.open(path).size for path in tmp_path.iterdir()} == files
