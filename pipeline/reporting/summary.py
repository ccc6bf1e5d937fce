"""The leaderboards in Markdown, for the summary of a CI job."""

from pipeline.reporting.format import markdown
from pipeline.reporting.tables import leaderboard, note_on_scores


def render_summary(datasets, without):
    """Build the summary from what `pipeline.reporting.read.read_results` gives: Markdown."""
    lines = ["## Test scores", "", "Shares in percent, with 95 % intervals in brackets. The best network stands first."]
    for dataset in datasets:
        info, board = dataset.info, leaderboard(dataset)
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
        lines.append(note_on_scores(dataset))
    if without:
        lines += ["", *(f"- {name}: {reason}" for name, reason in without.items())]
    return "\n".join(lines) + "\n"
