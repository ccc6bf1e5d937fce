"""The leaderboards in Markdown, for the summary of a CI job."""

from pipeline.reporting.baseline import changes
from pipeline.reporting.format import MISSING, markdown
from pipeline.reporting.tables import leaderboard, note_on_scores

ON_CHANGES = (
    "Change: in points, since the last commit; bold if it is larger than the standard deviation over seeds or, with one seed, "
    "if the committed score lies outside the interval."
)


def render_summary(datasets, without, transfers):
    """Build the summary from what `pipeline.reporting.page.render` takes: Markdown."""
    lines = ["## Test scores", "", "Scores in percent, with 95 % intervals in brackets. The best network comes first."]
    for dataset in datasets:
        info, board, since = dataset.info, leaderboard(dataset), changes(dataset)
        if since:
            board["frame"].insert(1, "change", [since.get(title, MISSING) for title in board["frame"].index])
        lines += ["", f"### {dataset.name}", ""]
        if dataset.outdated:
            lines += [f"**Out of date: {'; '.join(dataset.outdated)}.**", ""]
        if info["phantom"]:
            lines += ["**Phantom: generated images; these numbers say nothing about real tissue.**", ""]
        if info["split_method"] == "random" and not info["grouped"]:
            lines += ["**Random split: images of one patient may be on both sides; for comparison only.**", ""]
        lines += [*markdown(board["frame"], board["first"]), ""]
        for network in dataset.ranked[1:]:
            lines += [dataset.comparison["sentences"][network.name], ""]
        lines.append(note_on_scores(dataset) + (f" {ON_CHANGES}" if since else ""))
    if transfers:
        lines += ["", f"### {transfers['title']}", "", *markdown(transfers["frame"], transfers["first"]), "", transfers["note"]]
    if without:
        lines += ["", *(f"- {name}: {reason}" for name, reason in without.items())]
    return "\n".join(lines) + "\n"
