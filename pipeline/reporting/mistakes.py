"""A sheet of the images that a classifier got wrong with the most confidence."""

from pipeline.reporting.canvas import displayable, sheet

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
    return sheet([displayable(image) for image in images], captions, COLUMNS, SIDE, "no test image is classified wrongly")
