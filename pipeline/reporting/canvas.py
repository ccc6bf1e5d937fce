"""What all figures share: colours, type sizes, and rendering to bytes that are the same every time."""

import io
import re

import matplotlib
import numpy as np
from matplotlib.figure import Figure

INK = "#7a7a7a"  # text and axes: legible on white and on a dark page alike, as the background is transparent
BLUE, ORANGE, GREEN = "#2f7fb8", "#e69f00", "#009e73"  # after Okabe and Ito's palette: told apart by colour-blind eyes

STYLE = {
    "font.family": "DejaVu Sans",  # comes with Matplotlib: the same on every machine
    "font.size": 9,
    "axes.titlesize": 9,
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


def draw(size, paint, style="png", dpi=120):
    """Make a figure and render it.

    Parameters
    ----------
    size : tuple of float
        Width and height in inches.
    paint : callable
        Given the `Figure`, draws into it.
    style : {"png", "svg"}
        SVG takes its ink from the reader's colour scheme.
    dpi : int
        Pixels per inch of PNG; 120 keeps lettering crisp and files small.

    Returns
    -------
    bytes
        Without date or software version: equal figures are equal bytes.
    """
    if style not in ("png", "svg"):
        raise ValueError(f"expected style 'png' or 'svg', received {style!r}")
    buffer = io.BytesIO()
    with matplotlib.rc_context(STYLE):
        figure = Figure(figsize=size, layout="constrained")
        paint(figure)
        metadata = {"Software": None} if style == "png" else {"Date": None, "Creator": None}
        figure.savefig(buffer, format=style, dpi=dpi, metadata=metadata)
    return buffer.getvalue() if style == "png" else _themed(buffer.getvalue())


def displayable(image):
    """Turn an image (H, W, C), uint8 or uint16, into RGB (H, W, 3), float in [0, 1].

    Cameras rarely fill 16 bits: those images are scaled by their own largest value.
    """
    top = 255 if image.dtype == np.uint8 else max(int(image.max()), 1)
    return np.broadcast_to(image / top, (*image.shape[:2], 3)).copy()


def sheet(pictures, captions, columns, side, nothing=""):
    """A sheet of pictures (H, W, 3) with captions of two lines above them.

    Parameters
    ----------
    pictures : sequence of ndarray
    captions : sequence of str
    columns : int
    side : float
        Width of a picture in inches.
    nothing : str
        What an empty sheet says.

    Returns
    -------
    bytes
        A PNG.
    """
    rows = max(1, -(-len(pictures) // columns))
    tallest = max((picture.shape[0] / picture.shape[1] for picture in pictures), default=1)

    def paint(figure):
        grid = figure.subplots(rows, columns, squeeze=False).ravel()
        for axis in grid:
            axis.set_axis_off()
        for axis, picture, caption in zip(grid, pictures, captions, strict=False):
            axis.imshow(picture, interpolation="nearest")
            axis.set_title(caption, fontsize=6.5, pad=2, parse_math=False)
        if not len(pictures):
            grid[0].text(0, 0.5, nothing, transform=grid[0].transAxes)

    return draw((columns * side, rows * (side * tallest + 0.35)), paint)  # 0.35 inches: the caption


def _themed(svg):
    text = svg.decode().replace(INK, "currentColor")
    return re.sub(r"(<svg [^>]*>)", rf"\1{_THEME}", text, count=1).encode()
