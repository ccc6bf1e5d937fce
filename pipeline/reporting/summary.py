"""The headline in Markdown, for the summary of a CI job."""

from pipeline.reporting import tables
from pipeline.reporting.comparison import verdict
from pipeline.reporting.table import markdown
from pipeline.tasks.classification import tables as classification
from pipeline.tasks.segmentation import tables as segmentation


def render_summary(datasets, differences, leaking=()):
    """Build the headline tables.

    Parameters
    ----------
    datasets, differences, leaking
        As for `pipeline.reporting.page.render`.

    Returns
    -------
    str
        Markdown.
    """
    lines = [
        "## Test scores",
        "",
        "Shares in percent, with 95 % intervals in brackets; segmentation pooled over all test pixels.",
        "",
    ]
    lines += markdown(["dataset", "source", "network", "metric", "score", "trivial", "reported"], _headline(datasets), texts=4)
    for dataset in datasets:
        name, found = dataset.info.name, differences[dataset.info.name]
        lines += ["", f"### {name}", ""]
        if dataset.info.phantom:
            lines += ["**Phantom: generated images; these numbers say nothing about real tissue.**", ""]
        if name in leaking:
            lines += ["**Random split: images of one group are on both sides; for comparison only.**", ""]
        table = segmentation.overlap(dataset, found) if dataset.segmentation else classification.scores(dataset)
        lines += markdown([table.first, *table.headers], ([row.title, *row.cells] for row in table.rows))
        sentence = verdict(dataset, found)
        lines += ["", *([sentence, ""] if sentence else []), table.note]
    return "\n".join(lines) + "\n"


def _headline(datasets):
    for row in tables.headline(datasets):
        source = row["source"] + (" (generated)" if row["phantom"] else "")
        for score in row["scores"]:
            yield [row["dataset"], source, row["network"], score["metric"], *score["cells"]]
