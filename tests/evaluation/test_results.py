"""What git holds of the results: a line for each table, one for all pictures."""

import json

from pipeline import paths
from pipeline.evaluation.evaluate import _write_results


def test_the_list_of_results_does_not_grow_with_the_test_images_and_knows_each_of_them(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    gallery = paths.details("cells", "net") / "gallery"
    gallery.mkdir(parents=True)
    (paths.details("cells", "net") / "per_image.csv").write_text("name,iou\n")

    def written(pictures):
        for number in range(pictures):
            (gallery / f"{number:03d}-errors.png").write_bytes(b"picture")
            (gallery / f"{number:03d}-image.webp").write_bytes(b"picture")
        _write_results("cells", "segmentation", ["net"])
        return paths.results("cells").read_text()

    few, many = written(1), written(300)
    assert len(few.splitlines()) == len(many.splitlines()) < 12 and few != many
    assert list(json.loads(many)["files"]) == ["reports/cells/details/net/per_image.csv"]
    (gallery / "200-image.webp").write_bytes(b"another")
    assert written(0) != many
