"""One self-contained page of all results."""

import base64
import hashlib
import io
import re
from pathlib import Path

import jinja2
import markupsafe
from PIL import Image

from pipeline.errors import UserError
from pipeline.reporting import charts, gallery, provenance, rows, tables
from pipeline.reporting.comparison import verdict
from pipeline.tasks.classification import tables as classification
from pipeline.tasks.segmentation import tables as segmentation

TEMPLATES = Path(__file__).parent / "templates"
PICTURE_WIDTH = 1152  # pixels, at most: four pictures of a panel side by side, as wide as the page can show
SHEETS = {"mistakes": "The most confident mistakes", "gradcam": "Grad-CAM of the worst, the median and the best images"}
HIGHEST = 16383  # pixels; WebP holds no more
PICTURE_QUALITY = 80  # of WebP: no loss that the eye sees, a quarter of the PNG's size


def render(datasets, differences, params_text, leaking=()):
    """Build the page.

    Parameters
    ----------
    datasets : list of pipeline.reporting.results.DatasetResult
    differences : dict of str to dict
        By dataset, as `pipeline.reporting.comparison.differences` gives them.
    params_text : str
        ``params.yaml`` as it stands.
    leaking : collection of str
        Datasets split image by image, whose groups stand on both sides.

    Returns
    -------
    str
        HTML that loads nothing from anywhere; equal results give equal text.
    """
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(TEMPLATES),
        autoescape=True,  # names and citations come from other people's files
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    script = (TEMPLATES / "page.js").read_text(encoding="utf-8")
    template = environment.get_template(
        "page.html.jinja", globals={"macros": environment.get_template("macros.html.jinja").module}
    )
    return (
        template.render(
            sections=[_section(dataset, differences[dataset.info.name], dataset.info.name in leaking) for dataset in datasets],
            headline=tables.headline(datasets),
            params=params_text,
            versions=provenance.versions(),
            style=markupsafe.Markup((TEMPLATES / "page.css").read_text(encoding="utf-8")),
            script=markupsafe.Markup(script),
            script_hash=_hash(script),
        )
        + "\n"
    )


def _hash(script):
    """Name the one script that a browser may run, as a Content-Security-Policy does."""
    return "sha256-" + base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()


def _section(dataset, differences, leaks):
    shown = segmentation.all_tables(dataset, differences) if dataset.segmentation else classification.all_tables(dataset)
    seeds = tables.seeds(dataset)
    images, findings = rows.images(dataset), dataset.audit["identical"] + dataset.audit["near"]
    return {
        "info": dataset.info,
        "segmentation": dataset.segmentation,
        # Any other scheme (javascript:, or a folder of this machine) is shown as text and is no link.
        "linked": (dataset.info.url or "").startswith(("https://", "http://")),
        "leaks": leaks,
        "verdict": verdict(dataset, differences),
        "tables": [*shown, *([seeds] if seeds else [])],
        "confusion": None if dataset.segmentation else classification.confusion(dataset),
        "charts": _segmentation_charts(dataset) if dataset.segmentation else _classification_charts(dataset),
        "training": tables.training(dataset),
        "networks": [
            {"title": network.title, "panels": [_panel(dataset, panel) for panel in network.panels]}
            for network in dataset.networks
        ],
        "preview": _photograph(dataset.preview),
        "audit": provenance.audit_in_words(dataset.audit),
        "leakage": _photograph(dataset.leakage) if findings else "",
        "images": images,
        "pictures": gallery.pictures(dataset, rows.captions(dataset)),
        "views": gallery.views(dataset),
    }


def _segmentation_charts(dataset):
    def each(name):
        return {network.title: network.tables[name] for network in dataset.networks}

    chosen = {network.title: network.detail["threshold"] for network in dataset.networks}
    return [
        *_learning_curves(dataset),
        _chart("Precision and recall", "Test pixels, over all thresholds.", charts.precision_recall(each("precision_recall"))),
        _chart("ROC", "Test pixels; the diagonal is chance.", charts.roc(each("roc"))),
        _chart("Reliability", "Test pixels; hollow: less than 0.1 % of them.", charts.reliability(each("reliability"))),
        _chart("Threshold", "The dot is the threshold that was chosen.", charts.thresholds(each("threshold"), chosen)),
    ]


def _classification_charts(dataset):
    network = dataset.networks[0]

    def by_class(name):
        return dict(list(network.tables[name].groupby("class", sort=False)))

    reliability = charts.reliability({network.title: network.tables["reliability"]})
    return [
        *_learning_curves(dataset),
        _chart("Precision and recall", "Each class against the rest.", charts.precision_recall(by_class("precision_recall"))),
        _chart("ROC", "Each class against the rest; the diagonal is chance.", charts.roc(by_class("roc"))),
        _chart("Reliability", "Confidence of the answer, and how often it is right.", reliability),
    ]


def _learning_curves(dataset):
    return [
        _chart(
            f"Learning, {network.title}",
            "Loss and score by epoch.",
            charts.learning_curves(network.tables["curves"], network.card["best_epoch"]),
        )
        for network in dataset.networks
    ]


def _chart(title, note, content):
    return {"title": title, "note": note, "source": gallery.data_uri(content, "image/svg+xml")}


def _panel(dataset, path):
    """Embed a panel, such as ``attention-1-worst-section_03.png``, with a link to the large picture of its image."""
    found = re.fullmatch(r"(attention-)?\d+-(worst|median|best)-(.*)", path.stem)
    if not found:
        title = re.sub(r"^\d+-", "", path.stem)
        return {"caption": SHEETS.get(title, title), "source": _photograph(path), "id": ""}
    attention, rank, name = found.groups()
    table = dataset.networks[0].tables["per_image"]
    stems = {re.sub(r"[^\w.-]", "_", image): stem for image, stem in zip(table["image"], table["picture"], strict=True) if stem}
    linked = gallery.picture_id(dataset, stems[name]) if name in stems and not attention else ""
    return {"caption": f"{rank}{', attention' if attention else ''}: {name}", "source": _photograph(path), "id": linked}


def _photograph(path):
    """Embed a picture as WebP; as PNG, a dozen panels of noisy micrographs would make a page of many megabytes."""
    buffer = io.BytesIO()
    try:
        with Image.open(path) as picture:
            picture.thumbnail((PICTURE_WIDTH, HIGHEST))
            picture.save(buffer, "WEBP", quality=PICTURE_QUALITY, method=2)  # 4 takes twice as long for 5 % less
    except OSError as error:
        raise UserError(f"{path}: expected a picture, received: {error}") from error
    return gallery.data_uri(buffer.getvalue(), "image/webp")
