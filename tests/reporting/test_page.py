import base64
import hashlib
import re
import shutil
from html.parser import HTMLParser

import numpy as np
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
    return (finished / paths.REPORT).read_text()


@pytest.fixture(scope="session")
def page(html):
    return Page(html)


@pytest.fixture
def made(workspace):
    """Make the page anew, after a change."""

    def make():
        report.main()
        return Page(paths.REPORT.read_text())

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


def test_page_contains_what_was_measured(page):
    for text in ("81.2", "89.6", "(70.0–95.0)", "61.1", "0.2047", "50.0", "0.432", "3.21 [2.50–4.75]", "0.508"):
        assert text in page.text, text
    for reported in ("94.56", "70.318", "0.25755", "77.72", "1.5588"):
        assert reported in page.text
    assert "1,941,105" in page.text and "lr_scale" in page.text and "Doe & Roe 2020" in page.text
    assert page.text.count("these numbers say nothing about real tissue") == 3
    assert page.text.count("scores") >= 2 and "1,234 pairs of images" in page.text
    assert "worst: section_03" in page.text and "Grad-CAM of the worst" in page.text


def test_an_image_is_embedded_once_for_both_networks(page):
    embedded = [load for load in page.loads if load.startswith("data:image/webp")]
    assert len(embedded) == 3 + 5 + 2 * 5 + 2 * 3 + 1  # previews, panels, images, tiles with Grad-CAM, the sheet


def test_a_panel_links_to_its_large_picture(page):
    assert page.links.count("#mitochondria-0002") == 2 + 1 + 1  # a panel of each network, the row, the sheet


def test_equal_results_are_equal_bytes(finished, html, monkeypatch):
    monkeypatch.chdir(finished)
    summary = paths.SUMMARY.read_bytes()
    report.main()
    assert paths.REPORT.read_text() == html and paths.SUMMARY.read_bytes() == summary


def test_summary_has_the_headline_with_intervals_and_the_sentence(finished):
    summary = (finished / paths.SUMMARY).read_text()
    assert "| mitochondria | phantom (generated) | U-Net | IoU | 81.2 (70.0–95.0) | 13.0 | 94.56 |" in summary
    assert "| tissue | phantom (generated) | VGG16 | Accuracy | 81.2 | 16.7 | 77.72 |" in summary
    assert "| IoU | 81.2 (70.0–95.0) | 81.2 (70.0–95.0) | +17.2 (" in summary
    assert "say nothing about real tissue" in summary
    assert summary.count("5 blocks") == 4  # the sentence and the note of two datasets


def test_hostile_texts_are_escaped(made, workspace, change):
    change(
        "data/raw/polyps/dataset.json", {"classes": ["background", HOSTILE], "citation": HOSTILE, "url": "javascript:alert(1)"}
    )
    panels = paths.report("polyps", "unet") / "panels"
    Image.fromarray(np.zeros((4, 16), np.uint8)).save(panels / "2-best-<img src=x onerror=alert(1)>.png")
    for network in ("unet", "attn_resunet"):
        per_image = paths.report("polyps", network) / "per_image.csv"
        per_image.write_text(per_image.read_text().replace("007,g,b1", f'"{HOSTILE}""\'>",g,{HOSTILE}'))
    paths.PARAMS.write_text(paths.PARAMS.read_text() + f"# {HOSTILE}\n")
    page = made()
    assert page.tags.count("script") == 1 and page.handlers == []
    assert not any(load == "x" for load in page.loads)
    assert page.text.count(HOSTILE) == 2 + 1 + 3  # classes and citation, params, row (name and unit) and caption
    assert "javascript:alert(1)" in page.text
    assert all(link.startswith("#") for link in page.links)


def test_a_public_source_is_linked_and_not_called_a_phantom(made, change):
    for name in ("mitochondria", "polyps"):
        change(f"data/raw/{name}/dataset.json", {"phantom": False, "url": "https://example.org/a?b=1&c=2"})
    page = made()
    assert page.links.count("https://example.org/a?b=1&c=2") == 2
    assert page.text.count("these numbers say nothing about real tissue") == 1


def test_a_leaking_split_is_named(made):
    assert "These numbers leak" not in made().text
    paths.PARAMS.write_text(paths.PARAMS.read_text().replace("method: blocks", "method: random"))
    assert made().text.count("These numbers leak") == 1
    assert "for comparison only" in paths.SUMMARY.read_text()


def test_findings_of_the_audit_are_shown(made, change):
    assert "most similar pairs" not in made().text
    change("reports/polyps/audit.json", {"near": 2, "test_images_with_a_near_duplicate_in_train": 1})
    page = made()
    assert page.text.count("most similar pairs") == 1 and "1 test image of 6 has a near-duplicate in training" in page.text


def test_seeds_are_shown_where_there_are_several(made, change):
    change("reports/polyps/unet/detail.json", {"repeats": {"dice": {"mean": 0.9, "sd": 0.0123, "n": 3}}})
    page = made()
    assert page.text.count("Over seeds") == 1 and "90.0 ± 1.2" in page.text


def test_a_network_may_have_no_panels_and_no_pictures(made, workspace):
    folder = paths.report("tissue", "vgg16")
    shutil.rmtree(folder / "panels")
    per_image = folder / "per_image.csv"
    per_image.write_text(re.sub(r",\d{4}$", ",", per_image.read_text(), flags=re.M))
    page = made()
    assert "VGG16 on test images" not in page.text and "3 test images as pictures" not in page.text


def test_of_many_images_the_hardest_are_listed(made, monkeypatch):
    monkeypatch.setattr("pipeline.reporting.rows.MOST", 2)
    assert made().text.count("The 2 hardest of") == 3
