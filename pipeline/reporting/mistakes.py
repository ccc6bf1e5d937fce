"""A sheet of the images that a classifier got wrong with the most confidence."""

import numpy as np

from pipeline.reporting.canvas import draw

COLUMNS = 4
SIDE = 1.7  # inches, width of one picture with its caption


def mistakes(images, captions):
    """Show images with captions below a title.

    Parameters
    ----------
    images : sequence of ndarray, shape (H, W, 1) or (H, W, 3), uint8 or uint16
        At most a dozen; none gives a sheet that says so.
    captions : sequence of str
        Of the same length.

    Returns
    -------
    bytes
        A PNG.
    """
    rows = max(1, -(-len(images) // COLUMNS))

    def paint(figure):
        grid = figure.subplots(rows, COLUMNS, squeeze=False).ravel()
        for axis in grid:
            axis.set_axis_off()
        for axis, image, caption in zip(grid, images, captions, strict=False):
            axis.imshow(np.broadcast_to(image / np.iinfo(image.dtype).max, (*image.shape[:2], 3)), interpolation="nearest")
            axis.set_title(caption, fontsize=6.5, pad=2, parse_math=False)
        if not len(images):
            grid[0].text(0, 0.5, "no test image is classified wrongly", transform=grid[0].transAxes)

    return draw((COLUMNS * SIDE, rows * (SIDE + 0.35)), paint)
