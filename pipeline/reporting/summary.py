"""The leaderboards in Markdown, for the summary of a CI job, and how much the scores have changed since the last commit."""

import json
import subprocess

from pipeline import paths
from pipeline.reporting.format import MISSING, difference, markdown
from pipeline.reporting.tables import leaderboard, note_on_scores

ON_CHANGES = (
    "Change: in points, since the last commit; bold if it is larger than the standard deviation over seeds or, with one seed, "
    "if the committed score lies outside the interval."
)


def render_summary(datasets, without, transfers):
    """Build the summary from what `pipeline.reporting.page.render` takes: Markdown."""
    lines = ["## Test scores", "", "Scores in percent, with 95 % intervals in brackets. The best network comes first."]
    for dataset in datasets:
        info, board, since = dataset.info, leaderboard(dataset), _changes(dataset)
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


def _committed(dataset, network):
    """The headline of a network in the last commit; None if git does not have it."""
    path = paths.metrics(dataset, network).as_posix()
    try:
        result = subprocess.run(["git", "show", f"HEAD:./{path}"], capture_output=True, text=True, encoding="utf-8")
        return json.loads(result.stdout) if result.returncode == 0 else None
    except (OSError, ValueError):  # no git, or another format
        return None


def _changes(dataset):
    """The change of the leading metric since the last commit, by the title of the network; empty if no score has changed.

    It is bold where `ON_CHANGES` says so.
    """
    key, found = dataset.comparison["metric"], {}
    pairs = [(network, _committed(dataset.name, network.name)) for network in dataset.networks]
    if all(old is None or old == {name: network.headline.get(name) for name in old} for network, old in pairs):
        return {}
    for network, old in pairs:
        new, style = network.headline[key], dataset.task.METRICS[key].style
        if old is None or old.get(key) is None or new is None:
            text = "new" if old is None else MISSING
        elif old.get("data") and old["data"] != network.headline.get("data"):
            text = "other images"
        else:
            text = difference(new - old[key], style)
            text = f"**{text}**" if _is_large(network, key, old[key]) else text
        found[network.title] = text
    return found


def _is_large(network, key, old):
    new, seeds, interval = network.headline[key], network.detail["repeats"].get(key), network.detail["intervals"].get(key)
    if seeds and seeds["sd"] is not None:
        return abs(new - old) > seeds["sd"]
    return bool(interval) and not interval[0] <= old <= interval[1]
