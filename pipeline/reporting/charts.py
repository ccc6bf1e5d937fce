"""The curves of the report, small enough that their lettering stays legible on a phone. Each is the bytes of an SVG."""

import numpy as np

from pipeline.images.colours import BLUE, GREEN, INK, ORANGE
from pipeline.reporting.canvas import draw

SIZE = (3.6, 3.1)  # inches, of a square plot with its legend
LINES = ((BLUE, "-"), (ORANGE, "--"), (GREEN, ":"))  # of the networks: told apart without colour, too
# Of classes, after Okabe and Ito; with more than seven classes they return with other dashes.
MANY = ("#2f7fb8", "#e69f00", "#009e73", "#cc79a7", "#56b4e9", "#d55e00", "#8c7ae6")
DASHES = ("-", "--", ":", "-.")
LEGEND = 14  # entries at most: a longer legend would leave no room for the curves
LETTERS = 26  # of an entry: two columns of them fit the width, and "Attention ResU-Net: 0.400" is whole
RELIABLE = 0.001  # share of all predictions below which a bin's frequency is chance


def learning_curves(frame, best_epoch):
    """Loss and score by epoch, of training and validation.

    Parameters
    ----------
    frame : DataFrame
        Columns ``epoch``, ``loss``, ``val_loss``, and ``dice`` with ``val_dice`` or ``accuracy`` with ``val_accuracy``.
    best_epoch : int
        The one that was kept; marked by a line.
    """
    score = "dice" if "dice" in frame else "accuracy"
    marker = 3 if len(frame) <= 30 else 0  # points; beyond 30 epochs the dots run into each other

    def paint(figure):
        axes = figure.subplots(2, 1, sharex=True)
        for axis, name in zip(axes, ("loss", score), strict=True):
            for column, colour, role in ((name, BLUE, "training"), (f"val_{name}", ORANGE, "validation")):
                axis.plot(frame["epoch"], frame[column], color=colour, label=role, marker="o", markersize=marker)
            axis.set_ylabel(name.capitalize() if name == "dice" else name)
            axis.grid(axis="y")
            axis.axvline(best_epoch, color=INK, linewidth=0.8, linestyle=(0, (2, 2)), label="epoch kept")
        axes[-1].set_xlabel("epoch")
        axes[-1].xaxis.get_major_locator().set_params(integer=True)
        figure.legend(*axes[0].get_legend_handles_labels(), loc="outside upper left", ncols=3, columnspacing=1)

    return draw(SIZE, paint)


def precision_recall(curves):
    """Precision against recall over all thresholds, one line per network or class.

    Parameters
    ----------
    curves : dict of str to DataFrame
        By the title of the network or class; columns ``precision``, ``recall``.
    """
    return _square(lambda axis: _lines(axis, curves, "recall", "precision"), "recall", "precision")


def roc(curves):
    """True against false positive rate over all thresholds, one line per network or class.

    Parameters
    ----------
    curves : dict of str to DataFrame
        By the title of the network or class; columns ``false_positive_rate``, ``true_positive_rate``.
    """

    def paint(axis):
        axis.plot([0, 1], [0, 1], color=INK, linewidth=0.6)
        _lines(axis, curves, "false_positive_rate", "true_positive_rate")

    return _square(paint, "false positive rate", "true positive rate")


def reliability(curves):
    """How often what was predicted with a given confidence came true, one line per network; the diagonal is perfect.

    Parameters
    ----------
    curves : dict of str to DataFrame
        By the network's title; columns ``count``, ``confidence``, ``frequency``. A bin with less than a thousandth of all
        predictions is drawn hollow.
    """

    def paint(axis):
        axis.plot([0, 1], [0, 1], color=INK, linewidth=0.6)
        for (title, frame), (colour, dashes) in zip(curves.items(), LINES, strict=False):
            full = frame[frame["count"] > 0]
            axis.plot(full["confidence"], full["frequency"], color=colour, linestyle=dashes, linewidth=1, label=title)
            many = full["count"] >= RELIABLE * full["count"].sum()
            faces = np.where(many, colour, "none").tolist()
            axis.scatter(full["confidence"], full["frequency"], s=14, facecolors=faces, edgecolors=colour, linewidths=1)

    return _square(paint, "mean confidence", "observed frequency")


def thresholds(curves, chosen):
    """Dice on validation against the threshold, one line per network, with the threshold that was chosen.

    Parameters
    ----------
    curves : dict of str to DataFrame
        By the network's title; columns ``threshold``, ``dice``.
    chosen : dict of str to float
        By the network's title.
    """

    def paint(axis):
        for (title, frame), (colour, dashes) in zip(curves.items(), LINES, strict=False):
            frame = frame.sort_values("threshold")
            axis.plot(frame["threshold"], frame["dice"], color=colour, linestyle=dashes, label=f"{title}: {chosen[title]:.3f}")
            height = np.interp(chosen[title], frame["threshold"], frame["dice"])
            axis.plot([chosen[title]] * 2, [0, height], color=colour, linewidth=0.8, linestyle=(0, (2, 2)))
            axis.plot(chosen[title], height, color=colour, marker="o", markersize=5)

    return _square(paint, "threshold", "Dice on validation")


def _lines(axis, curves, x, y):
    few = len(curves) <= len(LINES)
    for number, (title, frame) in enumerate(curves.items()):
        colour, dashes = LINES[number] if few else (MANY[number % len(MANY)], DASHES[number // len(MANY) % len(DASHES)])
        axis.plot(frame[x], frame[y], color=colour, linestyle=dashes, label=title)


def _square(paint, x, y):
    def whole(figure):
        axis = figure.subplots()
        paint(axis)
        axis.set(xlim=(0, 1.02), ylim=(0, 1.02), xlabel=x, ylabel=y)
        axis.grid()
        handles, labels = axis.get_legend_handles_labels()
        if len(handles) <= LEGEND:
            shown = [label if len(label) <= LETTERS else f"{label[: LETTERS - 1]}…" for label in labels]
            legend = figure.legend(handles, shown, loc="outside upper left", ncols=2, columnspacing=1, handlelength=1.6)
            for text in legend.get_texts():
                text.set_parse_math(False)  # a class may be called "a$b$"

    return draw(SIZE, whole)
