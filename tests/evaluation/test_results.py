"""What evaluation writes: in git, a line for each table and one for all pictures; and names that tell networks apart."""

import json
from types import SimpleNamespace

import pandas as pd

from pipeline import paths
from pipeline.atomic import read_json, write_json
from pipeline.evaluation import evaluate
from pipeline.evaluation.evaluate import _write_results
from pipeline.inference import ensemble
from pipeline.scoring.statistics import Difference


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


TASK = SimpleNamespace(
    **{"HEADLINE": ["dice"], "LEADING": "dice", "LEADING_TITLE": "Dice"},
    score=lambda models, *_: SimpleNamespace(metrics={"dice": 0.5}),
    detail=lambda *_: {},
    tables=lambda *_: {"per_image": pd.DataFrame({"image": ["a"]})},
    draw=lambda *_: None,
    compare=lambda *_: {"dice": Difference(-0.1, (-0.2, -0.05), None, 9)},
)


def test_a_copied_network_that_kept_its_title_is_told_from_the_first(tmp_path, monkeypatch):
    """The report looks networks up by their titles."""
    monkeypatch.chdir(tmp_path)
    for name, title in {"unet": "U-Net", "my_unet": "U-Net", "toy": "Toy"}.items():
        write_json(paths.model("cells", name).with_suffix(".json"), {"title": title, "seed": 1})
    write_json(paths.patches("cells") / "dataset.json", {"task": "segmentation", "unit": {"name": "image", "images": None}})
    pd.DataFrame({"split": ["train"]}).to_csv(paths.patches("cells") / "split.csv", index=False)
    monkeypatch.setattr(evaluate, "open_test_split", lambda *_: [])
    monkeypatch.setattr(ensemble, "load_all", lambda files: SimpleNamespace(card=read_json(files[0].with_suffix(".json"))))
    evaluate.evaluate("cells", ["unet", "my_unet", "toy"], TASK, SimpleNamespace(seed=1))
    titles = [read_json(paths.details("cells", name) / "card.json")["title"] for name in ("unet", "my_unet", "toy")]
    assert titles == ["U-Net (unet)", "U-Net (my_unet)", "Toy"]
    sentences = read_json(paths.details("cells") / "comparison.json")["sentences"]
    assert sentences["my_unet"].startswith("U-Net (unet) scores 10.0 points of Dice higher than U-Net (my_unet) ")
