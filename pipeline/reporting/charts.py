"""The curves of the report, small enough that their lettering stays legible on a phone. Each is an SVG.

An SVG follows the reader's colour scheme even inside an <img>, and equal charts are equal bytes.
"""

import io
import re

import matplotlib
import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, NullLocator

from pipeline.images.colours import BLUE, GREEN, INK, ORANGE

STYLE = {
    "font.family": "DejaVu Sans",  # comes with Matplotlib: the same on every machine
    **{"font.size": 9, "axes.labelsize": 9, "xtick.labelsize": 8, "ytick.labelsize": 8, "legend.fontsize": 8},
    **dict.fromkeys(("text.color", "axes.edgecolor", "axes.labelcolor", "xtick.color", "ytick.color", "grid.color"), INK),
    **dict.fromkeys(("axes.facecolor", "figure.facecolor", "savefig.facecolor"), "none"),
    **{"axes.spines.top": False, "axes.spines.right": False, "legend.frameon": False},
    **{"axes.linewidth": 0.6, "grid.linewidth": 0.6, "grid.alpha": 0.2, "lines.linewidth": 1.6},
    "svg.hashsalt": "report",  # otherwise the identifiers in an SVG are random
    "svg.fonttype": "path",  # letters as outlines: the reader's fonts cannot move them
}
THEME = "<style>svg{color:#4a4a48}@media(prefers-color-scheme:dark){svg{color:#c3c2bb}}</style>"
SIZE = (3.6, 3.1)  # inches, of a square plot with its legend
# Of networks and classes, after Okabe and Ito. Colour and dashes change together, so that each line is told apart without
# colour, and seven colours with four dashes give 28 different lines.
COLOURS = (BLUE, ORANGE, GREEN, "#cc79a7", "#56b4e9", "#d55e00", "#8c7ae6")
DASHES = ("-", "--", ":", "-.")
MARKERS = "os^D"  # where there are no lines
LEGEND = 14  # entries at most: a longer legend would leave no room for the curves
LETTERS = 26  # of an entry: two columns of them fit the width
RELIABLE = 0.001  # share of all predictions below which a bin's frequency is chance


def learning_curves(frame, best_epoch):
    """Draw loss and score by epoch, of training and validation, and mark the epoch that was kept."""
    quantity = "dice" if "dice" in frame else "accuracy"
    marker = 3 if len(frame) <= 30 else 0  # points; beyond 30 epochs the dots run into each other

    def paint(figure):
        axes = figure.subplots(2, 1, sharex=True)
        for axis, name in zip(axes, ("loss", quantity), strict=True):
            for column, colour, role in ((name, BLUE, "training"), (f"val_{name}", ORANGE, "validation")):
                axis.plot(frame["epoch"], frame[column], color=colour, label=role, marker="o", markersize=marker)
            axis.set_ylabel("Dice" if name == "dice" else name)
            axis.grid(axis="y")
            axis.axvline(best_epoch, color=INK, linewidth=0.8, linestyle=(0, (2, 2)), label="epoch kept")
        axes[-1].set_xlabel("epoch")
        axes[-1].xaxis.get_major_locator().set_params(integer=True)
        figure.legend(*axes[0].get_legend_handles_labels(), loc="outside upper left", ncols=3, columnspacing=1)

    return draw(paint)


def precision_recall(curves):
    """Draw precision against recall over all thresholds; `curves` has a table for each network or class, by its title."""
    return _square(lambda axis: _lines(axis, curves, "recall", "precision"), "recall", "precision")


def roc(curves):
    """Draw the true against the false positive rate over all thresholds, one line for each network or class."""

    def paint(axis):
        _diagonal(axis)
        _lines(axis, curves, "false_positive_rate", "true_positive_rate")

    return _square(paint, "false positive rate", "true positive rate")


def of_each_class(networks):
    """Draw precision and recall, and the ROC, of each class against the rest: (title, note, SVG) for each network."""
    shown = []
    for network in networks:
        pr, roc_curves = (dict(list(network.tables[key].groupby("class", sort=False))) for key in ("precision_recall", "roc"))
        shown += [
            (f"Precision and recall, {network.title}", "Each class against the rest.", precision_recall(pr)),
            (f"ROC, {network.title}", "Each class against the rest; the diagonal is chance.", roc(roc_curves)),
        ]
    return shown


def reliability(curves):
    """Draw how often a prediction of a given confidence came true, one line for each network; the diagonal is perfect."""

    def paint(axis):
        _diagonal(axis)
        for title, frame, look in _each(curves):
            full = frame[frame["count"] > 0]
            axis.plot(full["confidence"], full["frequency"], **look | {"linewidth": 1}, label=title)
            solid = full["count"] >= RELIABLE * full["count"].sum()
            faces = np.where(solid, look["color"], "none").tolist()
            axis.scatter(full["confidence"], full["frequency"], s=14, facecolors=faces, edgecolors=look["color"], linewidths=1)

    return _square(paint, "mean confidence", "observed frequency")


def thresholds(curves, chosen):
    """Draw Dice on validation against the threshold, and mark the threshold that was chosen for each network."""

    def paint(axis):
        for title, frame, look in _each(curves):
            frame = frame.sort_values("threshold")
            axis.plot(frame["threshold"], frame["dice"], **look, label=f"{title}: {chosen[title]:.3f}")
            height = np.interp(chosen[title], frame["threshold"], frame["dice"])
            axis.plot(chosen[title], height, color=look["color"], marker="o", markersize=5)

    return _square(paint, "threshold", "Dice on validation")


def cost(networks, title):
    """Draw the score of each network against its cost: `networks` has GFLOPs, score and its interval or None, by title."""

    def paint(figure):
        axis = figure.subplots()
        for number, (name, (gflops, score, interval)) in enumerate(networks.items()):
            colour, marker = COLOURS[number % len(COLOURS)], MARKERS[number // len(COLOURS) % len(MARKERS)]
            low, high = interval or (score, score)
            axis.errorbar(gflops, score, [[max(score - low, 0)], [max(high - score, 0)]], color=colour, marker=marker, label=name)
        axis.set(xscale="log", xlabel="GFLOPs to predict one patch", ylabel=title)
        axis.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
        axis.xaxis.set_major_formatter("{x:g}")
        axis.xaxis.set_minor_locator(NullLocator())
        axis.grid()
        _legend(figure, axis, "outside lower left")

    return draw(paint)


def draw(paint):
    """Render what `paint` draws into a figure, with ink that follows the reader's colour scheme."""
    buffer = io.BytesIO()
    with matplotlib.rc_context(STYLE):
        figure = Figure(figsize=SIZE, layout="constrained")
        paint(figure)
        figure.savefig(buffer, format="svg", metadata={"Date": None, "Creator": None})
    text = buffer.getvalue().decode().replace(INK, "currentColor")
    return re.sub(r"(<svg [^>]*>)", rf"\1{THEME}", text, count=1).encode()


def _each(curves):
    """Yield title and table of each line, with the colour and dashes that distinguish it."""
    for number, (title, frame) in enumerate(curves.items()):
        yield title, frame, {"color": COLOURS[number % len(COLOURS)], "linestyle": DASHES[number % len(DASHES)]}


def _diagonal(axis):
    axis.plot([0, 1], [0, 1], color=INK, linewidth=0.6)


def _lines(axis, curves, x, y):
    for title, frame, look in _each(curves):
        axis.plot(frame[x], frame[y], **look, label=title)


def _square(paint, x, y):
    def whole(figure):
        axis = figure.subplots()
        paint(axis)
        axis.set(xlim=(0, 1.02), ylim=(0, 1.02), xlabel=x, ylabel=y)
        axis.grid()
        if len(axis.get_legend_handles_labels()[0]) <= LEGEND:
            _legend(figure, axis, "outside upper left")

    return draw(whole)


def _legend(figure, axis, place):
    """Name what is drawn in two columns, or in one if that leaves room for long names and there are few of them."""
    handles, labels = axis.get_legend_handles_labels()
    columns = 1 if max(map(len, labels), default=0) > LETTERS and len(labels) <= LEGEND // 2 else 2
    most = 2 * LETTERS // columns
    shown = [label if len(label) <= most else f"{label[: most - 1]}…" for label in labels]
    legend = figure.legend(handles, shown, loc=place, ncols=columns, columnspacing=1, handlelength=1.6)
    for text in legend.get_texts():
        text.set_parse_math(False)  # a class may be called "a$b$"
