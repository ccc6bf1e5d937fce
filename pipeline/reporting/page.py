"""One self-contained page of all results, and its headline in Markdown."""

import base64
import io
import re
from pathlib import Path

import jinja2
import pandas as pd
from PIL import Image, UnidentifiedImageError

from pipeline.errors import UserError
from pipeline.reporting import figures, tables

TEMPLATE = "page.html.jinja"
PICTURE_WIDTH = 1152  # pixels, at most: four pictures of a panel side by side, as wide as the page can show
PICTURE_QUALITY = 82  # of WebP: no loss that the eye sees, a quarter of the PNG's size
EXAMPLES = 10  # rows of the table of hardest images; all of them are in per_image.csv


def render(datasets, params_text, leaking=()):
    """Build the page.

    Parameters
    ----------
    datasets : list of pipeline.reporting.results.DatasetResult
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
        loader=jinja2.FileSystemLoader(Path(__file__).parent),
        autoescape=True,  # names and citations come from other people's files
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    sections = [_section(dataset, dataset.info.name in leaking) for dataset in datasets]
    headline = tables.headline(datasets)
    return environment.get_template(TEMPLATE).render(sections=sections, headline=headline, params=params_text) + "\n"


def render_summary(datasets, leaking=()):
    """Build the headline tables in Markdown, for the summary of a CI job."""
    lines = ["## Test scores", "", "Shares in percent; segmentation pooled over all test pixels.", ""]
    lines += ["| dataset | source | network | metric | score | trivial | reported |", "|---|---|---|---|--:|--:|--:|"]
    for row in tables.headline(datasets):
        source = row["source"].replace("|", r"\|") + (" (generated)" if row["phantom"] else "")
        for score in row["scores"]:
            cells = " | ".join(score["cells"])
            lines.append(f"| {row['dataset']} | {source} | {row['network']} | {score['metric']} | {cells} |")
    for dataset in datasets:
        name = dataset.info.name
        lines += ["", f"### {name}", ""]
        if dataset.info.phantom:
            lines += ["**Phantom: generated images; these numbers say nothing about real tissue.**", ""]
        if name in leaking:
            lines += ["**Random split: images of one group are on both sides; for comparison only.**", ""]
        columns = tables.headers(dataset)
        lines += [f"| metric | {' | '.join(columns)} |", "|---" + "|--:" * len(columns) + "|"]
        lines += [f"| {row['metric']} | {' | '.join(row['cells'])} |" for row in tables.comparison(dataset)]
        lines += ["", tables.REPORTED_NOTES[name]]
    return "\n".join(lines) + "\n"


def _section(dataset, leaks):
    segmentation = dataset.info.kind == "segmentation"
    return {
        "info": dataset.info,
        # Any other scheme (javascript:, or a folder of this machine) is shown as text and is no link.
        "linked": (dataset.info.url or "").startswith(("https://", "http://")),
        "leaks": leaks,
        "preview": _photograph(dataset.preview),
        "headers": tables.headers(dataset),
        "rows": tables.comparison(dataset),
        "note": tables.REPORTED_NOTES[dataset.info.name],
        "sentence": tables.paired_sentence(dataset) if len(dataset.networks) == 2 else "",
        "networks": [_network(network) for network in dataset.networks],
        "detail": _svg(_detail_figure(dataset, segmentation)),
        "detail_title": "Precision and recall" if segmentation else "Confusion matrix",
        "hardest": _lowest_dice(dataset) if segmentation else _confidently_wrong(dataset),
    }


def _network(network):
    return {
        "title": tables.TITLES[network.name],
        "facts": tables.facts(network),
        "curves": _svg(figures.learning_curves(network.curves, network.card["best_epoch"], style="svg")),
        "panels": [{"caption": _caption(panel), "picture": _photograph(panel)} for panel in network.panels],
    }


def _detail_figure(dataset, segmentation):
    if segmentation:
        curves = {tables.TITLES[network.name]: network.detail for network in dataset.networks}
        return figures.precision_recall(curves, style="svg")
    frame, classes = dataset.networks[0].detail, list(dataset.info.classes)
    counts = pd.crosstab(frame["actual"], frame["predicted"]).reindex(index=classes, columns=classes, fill_value=0)
    return figures.confusion_matrix(counts.to_numpy(), classes, style="svg")


def _lowest_dice(dataset):
    table = pd.DataFrame(dataset.networks[0].per_image[["image", "group", "reference_fraction"]])
    titles = [tables.TITLES[network.name] for network in dataset.networks]
    for title, network in zip(titles, dataset.networks, strict=True):
        table = table.merge(network.per_image[["image", "dice"]].rename(columns={"dice": title}), on="image")
    order = table[titles].mean(axis=1).sort_values(kind="stable").index[:EXAMPLES]
    rows = [
        [
            row["image"],
            row["group"],
            tables.number(row["reference_fraction"], True),
            *(tables.number(row[t], True) for t in titles),
        ]
        for _, row in table.loc[order].iterrows()
    ]
    return {
        "title": "Test images of the lowest Dice",
        "headers": ["image", "group", "foreground", *titles],
        "text": 2,
        "rows": rows,
    }


def _confidently_wrong(dataset):
    frame = dataset.networks[0].per_image
    wrong = frame[frame["actual"] != frame["predicted"]].sort_values("confidence", ascending=False, kind="stable")
    rows = [
        [row["image"], row["group"], row["actual"], row["predicted"], tables.number(row["confidence"], True)]
        for _, row in wrong.head(EXAMPLES).iterrows()
    ]
    headers = ["image", "group", "actual", "predicted", "confidence"]
    return {"title": "Most confidently wrong test images", "headers": headers, "text": 4, "rows": rows}


def _caption(panel):
    """Turn ``1-worst-section_03.png`` into "worst: section_03"; another name stays as it is."""
    return re.sub(r"^\d+-(worst|median|best)-", r"\1: ", panel.stem)


def _svg(content):
    return "data:image/svg+xml;base64," + base64.b64encode(content).decode()


def _photograph(path):
    """Embed a picture as WebP; as PNG, a dozen panels of noisy micrographs would make a page of many megabytes."""
    buffer = io.BytesIO()
    try:
        with Image.open(path) as picture:
            picture.thumbnail((PICTURE_WIDTH, picture.height))
            picture.save(buffer, "WEBP", quality=PICTURE_QUALITY)
    except (OSError, UnidentifiedImageError) as error:
        raise UserError(f"{path}: expected a picture, received: {error}") from error
    return "data:image/webp;base64," + base64.b64encode(buffer.getvalue()).decode()
