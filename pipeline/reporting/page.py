"""One self-contained page of all results."""

import base64
import hashlib
import itertools
import re
from pathlib import Path

import jinja2
import markupsafe

from pipeline import paths
from pipeline.reporting import charts, pictures, provenance, tables
from pipeline.reporting.format import Style, number

TEMPLATES = Path(__file__).parent / "templates"
MOST = 500  # rows of the table of test images; all are in per_image.csv


def render(datasets, without, params_text, transfers):
    """Build the page: HTML that loads nothing. Equal results give equal text.

    `datasets` and `without` are what `pipeline.reporting.read.read_results` gives; `params_text` is ``params.yaml``, and
    `transfers` the table of scores on other data, if there are any.
    """
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(TEMPLATES),
        autoescape=True,  # names and citations come from other people's files
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        "number": lambda value, style: number(value, Style(*style)),
        "brackets": lambda text: re.match(r"(.*?)(?: ([(\[].*))?$", text).groups(""),  # a score, and what stands behind it
        "commands": lambda text: markupsafe.Markup(re.sub(r"`(.*?)`", r"<code>\1</code>", str(markupsafe.escape(text)))),
        "groups": lambda columns: [(above, len(list(group))) for above, group in itertools.groupby(columns, lambda c: c[2])],
    }
    script = (TEMPLATES / "page.js").read_text(encoding="utf-8")
    sections = [_section(dataset) for dataset in datasets]
    page = environment.get_template("page.html.jinja").render(
        sections=sections,
        without=without,
        transfers=transfers,
        views=sorted({view for section in sections for view, _ in section["views"]} - {"image"}),
        params=params_text,
        versions=provenance.versions(),
        style=markupsafe.Markup((TEMPLATES / "page.css").read_text(encoding="utf-8")),
        script=markupsafe.Markup(script),
        # The one script that a browser may run, named as a Content-Security-Policy does.
        script_hash="sha256-" + base64.b64encode(hashlib.sha256(script.encode()).digest()).decode(),
    )
    return page + "\n"


def _section(dataset):
    frame, columns, sorted_by = dataset.task.images(dataset)
    captions, sentences = dataset.task.captions(dataset), dataset.comparison["sentences"]
    shown, near = pictures.gallery(dataset, frame, captions), dataset.audit["identical"] + dataset.audit["near"]
    return {
        **{"name": dataset.name, "info": dataset.info, "networks": dataset.networks, "outdated": dataset.outdated},
        # Any other scheme (javascript:, or a folder of this machine) is shown as text and not as a link.
        "linked": (dataset.info["url"] or "").startswith(("https://", "http://")),
        "strip": pictures.strip(dataset, frame, captions),
        "leaderboard": tables.leaderboard(dataset),
        "sentences": [sentences[network.name] for network in dataset.ranked if network.name in sentences],
        "note": tables.note_on_scores(dataset),
        "tables": dataset.task.tables(dataset),
        "charts": [(title, note, pictures.data_uri(svg, "image/svg+xml")) for title, note, svg in _charts(dataset)],
        "training": tables.training(dataset),
        "preview": pictures.photograph(paths.preview(dataset.name)),
        "audit": provenance.audit_in_words(dataset.audit),
        "leakage": pictures.photograph(paths.leakage(dataset.name, "png")) if near else "",
        "panels": {network.title: pictures.panels(dataset, network, frame) for network in dataset.ranked},
        **{"columns": columns, "sorted_by": sorted_by, "images": frame.head(MOST).to_dict("records"), "total": len(frame)},
        **{"pictures": shown, "views": pictures.views(shown)},
        "errors": any(layer["kind"] == "errors" for picture in shown for layer in picture["layers"]),
    }


def _charts(dataset):
    metric = dataset.comparison["metric"]
    costs = {
        network.title: (network.card["gflops"], network.scores[metric], network.detail["intervals"].get(metric))
        for network in dataset.networks
        if network.scores[metric] is not None
    }
    if len(costs) > 2:  # fewer points show nothing that the leaderboard does not
        title = dataset.task.METRICS[metric].title
        yield "Score and cost", "Whiskers: 95 % interval of the score.", charts.cost(costs, title)
    for network in dataset.networks:
        svg = charts.learning_curves(network.tables["curves"], network.card["best_epoch"])
        yield f"Learning, {network.title}", "Loss and score by epoch.", svg
    yield from dataset.task.curves(dataset)
