import base64
import hashlib
import re
import shutil
from html.parser import HTMLParser

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from pipeline import paths
from pipeline.stages import report

HOSTILE = "<script>alert('x')</script>"


class Page(HTMLParser):
    """Collects the tags, what they load, and the text."""

    VOID = ("meta", "img", "br", "link", "input")

    def __init__(self, html):
        super().__init__()
        self.tags, self.loads, self.links, self.ids, self.handlers, self.open, self.text = [], [], [], [], [], [], ""
        self.feed(html)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        attributes = dict(attrs)
        self.loads += [attributes[key] for key in ("src", "srcset", "poster", "data") if key in attributes]
        (self.links if tag == "a" else self.loads).extend([attributes["href"]] if "href" in attributes else [])
        self.ids += [attributes["id"]] if "id" in attributes else []
        self.handlers += [name for name in attributes if name.startswith("on")]
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.text += data if not self.open or self.open[-1] not in ("script", "style") else ""


@pytest.fixture(scope="session")
def html(finished):
    return (finished / paths.PAGE).read_text()


@pytest.fixture(scope="session")
def page(html):
    return Page(html)


@pytest.fixture
def made(workspace):
    """Make the page anew, after a change."""

    def make():
        report.main()
        return Page(paths.PAGE.read_text())

    return make


def test_page_is_sound_and_loads_nothing(page, html):
    assert page.open == [] and page.handlers == []
    allowed = ("data:image/webp;base64,", "data:image/png;base64,", "data:image/svg+xml;base64,")
    assert page.loads and all(load.startswith(allowed) for load in page.loads)
    assert page.tags.count("script") == 1 and "link" not in page.tags
    assert not re.search(r"url\(|@import", html)


def test_every_link_of_the_page_has_its_place(page):
    assert len(page.ids) == len(set(page.ids))
    assert {link for link in page.links if link.startswith("#")} <= {f"#{place}" for place in page.ids}


def test_policy_allows_the_one_script_alone(html):
    (script,) = re.findall(r"<script>(.*?)</script>", html, re.S)
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    policy = re.search(r'Content-Security-Policy" content="([^"]*)"', html)[1]
    assert f"script-src 'sha256-{digest}'" in policy and "default-src 'none'" in policy
    assert not re.search(r"script-src[^;]*unsafe", policy)


def test_page_contains_what_was_measured(page, html):
    for text in ("81.2", "89.6", "(70.0–95.0)", "61.1", "0.2047", "50.0", "0.432", "3.21 [2.50–4.75]", "0.500", "94.56"):
        assert text in page.text, text
    assert "1,941,105" in page.text and "# a comment" in page.text and "Doe & Roe 2020" in page.text
    assert page.text.count("these numbers say nothing about real tissue") == 2
    assert "1,234 pairs of images" in page.text and "Wide U-Net & others 2015" in page.text
    assert "Wide U-Net against Deep: 5 blocks cannot tell." in page.text
    assert "not evaluated yet" in page.text and "no network is trained on it" in page.text
    assert f"<dt>pandas</dt><dd>{pd.__version__}</dd>" in html


def test_pictures_come_first_then_the_leaderboards_then_the_details(html):
    texts = 'class="strip"', "Leaderboard of nuclei", 'id="details-nuclei"', ">Overlap, all test"
    places = [html.index(text) for text in texts]
    assert places == sorted(places) and html.index("Leaderboard of cells") < places[2]


def test_an_image_is_embedded_once_for_all_networks(page):
    embedded = [load for load in page.loads if load.startswith("data:image/webp")]
    strips, previews, panels, images, maps = 6 + 5 + 3, 3, 3 * 4 + 2 * 2, 5 + 5 + 3, 2 + 3
    assert len(embedded) == strips + previews + panels + images + maps


def test_a_panel_links_to_its_large_picture(page):
    assert page.links.count("#blood-vessels-0002") == 3 + 1 + 1  # a panel of each network, the row, the sheet


def test_equal_results_are_equal_bytes(finished, html, known_params, monkeypatch):
    monkeypatch.chdir(finished)
    files = [paths.SUMMARY, *sorted(paths.PLOTS.iterdir())]
    before = [file.read_bytes() for file in files]
    report.main()
    assert paths.PAGE.read_text() == html and [file.read_bytes() for file in files] == before and len(files) == 4


def test_summary_has_the_leaderboards_and_the_sentences(finished):
    summary = (finished / paths.SUMMARY).read_text()
    assert "| Toy-Net | 89.6 (70.0–95.0) | 81.2 (70.0–95.0) | 1,941,105 | 3.02 | 12 |" in summary
    assert "| Deep | 85.0 (70.0–95.0) | 81.2 (70.0–95.0) | −5.0 (−8.0 to +1.0) |" in summary
    assert "Large against Small: 5 blocks cannot tell." in summary and "- later: not evaluated yet" in summary
    assert summary.count("these numbers say nothing about real tissue") == 2


def test_nothing_evaluated_is_a_page_too(made, workspace):
    shutil.rmtree("reports/results")
    assert made().text.count("not evaluated yet") == 5
    assert (paths.PLOTS / "learning_curves.csv").read_text() == "dataset,network,role,quantity,epoch,value\n"


def test_names_from_elsewhere_stay_text(made, workspace, change):
    values = {"classes": ["background", HOSTILE], "citation": HOSTILE, "url": "javascript:alert(1)"}
    change("reports/nuclei/details/dataset.json", values)
    panel = paths.panels("nuclei") / "toy-<img src=x onerror=alert(1)>.png"
    Image.fromarray(np.zeros((4, 16), np.uint8)).save(panel)
    per_image = paths.details("nuclei", "toy") / "per_image.csv"
    per_image.write_text(per_image.read_text().replace("007,g,b1", f'"{HOSTILE}""\'>",g,{HOSTILE}'))
    paths.PARAMS.write_text(f"# {HOSTILE}\n")
    page = made()
    assert page.tags.count("script") == 1 and page.handlers == []
    assert not any(load == "x" for load in page.loads)
    assert page.text.count(HOSTILE) == 2 + 1 + 3  # classes and citation, params, row (name and unit) and caption
    assert "javascript:alert(1)" in page.text
    assert all(link.startswith("#") for link in page.links)


def test_a_public_source_is_linked_and_not_called_a_phantom(made, change):
    values = {"phantom": False, "url": "https://example.org/a?b=1&c=2"}
    change("reports/nuclei/details/dataset.json", values)
    page = made()
    assert page.links.count("https://example.org/a?b=1&c=2") == 1
    assert page.text.count("these numbers say nothing about real tissue") == 1


def test_a_leaking_split_is_named(made, change):
    assert "These numbers leak" not in made().text
    change("reports/nuclei/details/dataset.json", {"split_method": "random", "grouped": True})
    assert "These numbers leak" not in made().text
    change("reports/nuclei/details/dataset.json", {"grouped": False})
    assert made().text.count("These numbers leak") == 1
    assert "for comparison only" in paths.SUMMARY.read_text()


def test_near_duplicates_are_shown(made, change):
    assert "most similar pairs" not in made().text
    change("reports/nuclei/audit.json", {"near": 2, "test_images_with_a_near_duplicate_in_train": 1})
    page = made()
    assert page.text.count("most similar pairs") == 1 and "1 test image of 6 has a near-duplicate in training" in page.text


def test_a_network_may_have_no_panels_and_no_pictures(made, workspace):
    for network in ("small", "large"):
        for panel in paths.panels("cells").glob(f"{network}-*"):
            panel.unlink()
        per_image = paths.details("cells", network) / "per_image.csv"
        per_image.write_text(re.sub(r",\d{4}$", ",", per_image.read_text(), flags=re.M))
    page = made()
    assert "Small on test images" not in page.text and "3 test images as pictures" not in page.text


def test_of_many_images_the_hardest_are_listed(made, monkeypatch):
    monkeypatch.setattr("pipeline.reporting.page.MOST", 2)
    assert made().text.count("The 2 hardest of") == 3


@pytest.mark.parametrize("lost", ["patches.png", "details/toy/gallery", "audit.json"])
def test_a_data_set_without_its_pictures_is_left_out_and_the_others_are_shown(workspace, capsys, lost):
    path = workspace / "reports/nuclei" / lost
    shutil.rmtree(path) if path.is_dir() else path.unlink()
    report.main()
    page = (workspace / "reports/index.html").read_text()
    assert f"reports/nuclei/{lost} is not here" in page and "<code>dvc repro evaluate@nuclei</code> brings it" in page
