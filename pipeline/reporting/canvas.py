"""What all charts share: type sizes, and rendering to bytes that are the same every time."""

import io
import re

import matplotlib
from matplotlib.figure import Figure

from pipeline.images.colours import INK

STYLE = {
    "font.family": "DejaVu Sans",  # comes with Matplotlib: the same on every machine
    "font.size": 9,
    "axes.labelsize": 9,
    "axes.edgecolor": INK,
    "axes.labelcolor": INK,
    "axes.linewidth": 0.6,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.facecolor": "none",
    "figure.facecolor": "none",
    "savefig.facecolor": "none",
    "grid.color": INK,
    "grid.alpha": 0.2,
    "grid.linewidth": 0.6,
    "text.color": INK,
    "xtick.color": INK,
    "ytick.color": INK,
    "xtick.labelsize": 8,
    "ytick.labelsize": 8,
    "legend.frameon": False,
    "legend.fontsize": 8,
    "lines.linewidth": 1.6,
    "svg.hashsalt": "report",  # otherwise the identifiers in an SVG are random
    "svg.fonttype": "path",  # letters as outlines: the reader's fonts cannot move them
    "path.simplify": True,
}

# An SVG knows the reader's colour scheme even inside an <img>: the ink follows it.
_THEME = "<style>svg{color:#4a4a48}@media(prefers-color-scheme:dark){svg{color:#c3c2bb}}</style>"


def draw(size, paint):
    """Make a figure and render it.

    Parameters
    ----------
    size : tuple of float
        Width and height in inches.
    paint : callable
        Given the `Figure`, draws into it.

    Returns
    -------
    bytes
        An SVG that takes its ink from the reader's colour scheme, without date or software version: equal figures are equal
        bytes.
    """
    buffer = io.BytesIO()
    with matplotlib.rc_context(STYLE):
        figure = Figure(figsize=size, layout="constrained")
        paint(figure)
        figure.savefig(buffer, format="svg", metadata={"Date": None, "Creator": None})
    return _themed(buffer.getvalue())


def _themed(svg):
    text = svg.decode().replace(INK, "currentColor")
    return re.sub(r"(<svg [^>]*>)", rf"\1{_THEME}", text, count=1).encode()
