import xml.etree.ElementTree as ElementTree

import pandas as pd
import pytest
from matplotlib import rc_context
from matplotlib.figure import Figure

from pipeline.reporting import charts

CURVES = pd.DataFrame({"epoch": [1, 2], "loss": [1.0, 0.5], "val_loss": [1.1, 0.7], "dice": [0.1, 0.5], "val_dice": [0.1, 0.4]})
ROC = pd.DataFrame({"false_positive_rate": [0, 0.2, 1], "true_positive_rate": [0, 0.8, 1]})
BINS = pd.DataFrame({"count": [0, 1, 5000], "confidence": [None, 0.5, 0.9], "frequency": [None, 0, 0.8]})
THRESHOLDS = pd.DataFrame({"threshold": [1.0, 0.5, 0.0], "dice": [0.0, 0.9, 0.1]})

CALLS = {
    "learning_curves": lambda: charts.learning_curves(CURVES, 2),
    "precision_recall": lambda: charts.precision_recall({"U-Net": pd.DataFrame({"recall": [0, 1], "precision": [1, 0.5]})}),
    "roc": lambda: charts.roc({"U-Net": ROC, "a$b$": ROC}),
    "roc of many classes": lambda: charts.roc({f"class {n}": ROC for n in range(30)}),
    "roc of no class": lambda: charts.roc({}),
    "reliability": lambda: charts.reliability({"U-Net": BINS}),
    "cost": lambda: charts.cost({"U-Net": (3, 0.9, (0.8, 0.95)), "ResNet": (0.1, 0.5, None)}, "Dice"),
    "thresholds": lambda: charts.thresholds({"U-Net": THRESHOLDS}, {"U-Net": 0.5}),
}


@pytest.mark.parametrize("name", CALLS)
def test_equal_charts_are_equal_bytes(name):
    first, second = CALLS[name](), CALLS[name]()
    assert first == second
    assert ElementTree.fromstring(first).tag.endswith("svg")
    assert b"Matplotlib v" not in first and b"<dc:date>" not in first


def test_a_legend_of_long_titles_fits_the_figure_and_keeps_them_whole(monkeypatch):
    figure = Figure(charts.SIZE, layout="constrained")
    monkeypatch.setattr(charts, "draw", lambda paint: paint(figure))
    titles = [f"{name} on efficientnet_lite0" for name in ("U-Net", "Attention U-Net", "Attention ResU-Net")]
    with rc_context(charts.STYLE):
        charts.cost({title: (1 + number, 0.5, None) for number, title in enumerate(titles)}, "Dice")
        charts.thresholds(dict.fromkeys(titles, THRESHOLDS), dict.fromkeys(titles, 0.523))
        figure.draw_without_rendering()
    for legend, end in zip(figure.legends, ("", ": 0.523"), strict=True):
        assert legend.get_window_extent().x1 <= figure.bbox.x1
        assert [text.get_text() for text in legend.get_texts()] == [f"{title}{end}" for title in titles]


def test_ink_follows_the_colour_scheme():
    svg = CALLS["learning_curves"]().decode()
    assert "prefers-color-scheme:dark" in svg and "currentColor" in svg and "#7a7a7a" not in svg
