"""Scores on other data: one table, beside the scores on the own test images."""

import json
from types import SimpleNamespace

import pytest
import yaml

from pipeline import params, paths
from pipeline.stages import report

RESULT = {
    **{"model": "nuclei", "images": "blood-vessels", "task": "segmentation", "metric": "dice", "phantom": True},
    **{"count": 1200, "shared": 0, "unit": {"name": "group", "count": 29, "alike": False}},
    "networks": {"toy": {"title": "Toy-Net", "folds": 1, "score": 0.6125, "interval": [0.5, 0.7]}},
}
KEY = "nuclei-on-blood-vessels"
ROW = "| Toy-Net | nuclei | blood-vessels (phantom) | 1,200 in 29 groups | Dice 61.3 (50.0–70.0) | 89.6 (70.0–95.0) |"


@pytest.fixture
def told(workspace, monkeypatch):
    """Report with some transfers in ``params.yaml``: what the page and the summary say."""

    def tell(*keys):
        found = SimpleNamespace(**vars(params.load()))
        found.transfers = {key: SimpleNamespace(**dict(zip(("model", "images"), key.split("-on-"), strict=True))) for key in keys}
        monkeypatch.setattr(params, "load", lambda: found)
        report.main()
        return paths.PAGE.read_text(), paths.SUMMARY.read_text()

    return tell


def write(key, **changes):
    paths.transferred(key).parent.mkdir(parents=True, exist_ok=True)
    paths.transferred(key).write_text(json.dumps(RESULT | changes))


def test_without_transfers_nothing_is_shown(told):
    write(KEY)  # of an earlier params.yaml
    assert not any("other data" in text for text in told())


def test_the_score_on_other_data_stands_beside_the_own_one(told):
    write(KEY)
    page, summary = told(KEY)
    assert ROW in summary.splitlines() and "### On other data" in summary
    assert '<h2 id="transfers">On other data</h2>' in page and '<a href="#transfers">' in page
    assert "Dice 61.3" in page and "of all folds" not in page and "Out of date" not in page


def test_folds_and_images_that_were_seen_are_said(told):
    networks = {"toy": RESULT["networks"]["toy"] | {"folds": 5, "interval": None, "began_there": True}}
    write(KEY, networks=networks, shared=7, unit={"name": "image", "count": 1200})
    _, summary = told(KEY)
    assert "| 1,200, 7 also in nuclei | Dice 61.3 | 89.6" in summary
    assert "There, the networks of all folds predict as one" in summary
    assert "Toy-Net of nuclei began with a model of blood-vessels: its score is too good." in summary


def test_what_has_no_results_is_listed_with_the_reason(told):
    write("unused-on-nuclei", networks={})
    page, summary = told("unused-on-nuclei", KEY)
    assert "- unused-on-nuclei: no network is trained on unused" in summary
    assert f"- {KEY}: not scored yet; `dvc repro transfer@{KEY}` does" in summary
    assert "On other data" not in summary and KEY in page


def test_a_network_without_a_score_of_its_own_is_shown(told):
    write("later-on-nuclei", model="later", images="nuclei", phantom=False)
    assert "| Toy-Net | later | nuclei | 1,200 in 29 groups | Dice 61.3 (50.0–70.0) | – |" in told("later-on-nuclei")[1]


def test_what_was_made_anew_since_is_out_of_date(told):
    write(KEY)
    models, images = ({"path": path} for path in ("models/nuclei", "data/raw/blood-vessels"))
    stages = {
        f"transfer@{KEY}": {"deps": [models | {"md5": "1"}, images | {"md5": "2"}]},
        "evaluate@nuclei": {"deps": [models | {"md5": "3"}]},
        "download@blood-vessels": {"outs": [images | {"md5": "2"}]},
    }
    paths.LOCK.write_text(yaml.safe_dump({"stages": stages}))
    page, summary = told(KEY)
    expected = f"Out of date: models/nuclei has changed since; `dvc repro transfer@{KEY}` scores again."
    on_the_page = expected.replace("`dvc", "<code>dvc").replace("`", "</code>")
    assert on_the_page in page and expected in summary and "blood-vessels has changed since" not in summary
