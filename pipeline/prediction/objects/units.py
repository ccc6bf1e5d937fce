"""Measurements of objects in pixels, and beside them in micrometres, where the size of a pixel is known."""

import math

from pipeline.prediction.objects.measure import ellipse

COLUMNS = (
    "label",
    "centroid_row",
    "centroid_column",
    "area_px",
    "area_um2",
    "perimeter_px",
    "perimeter_um",
    "major_axis_px",
    "major_axis_um",
    "minor_axis_px",
    "minor_axis_um",
    "eccentricity",
    "solidity",
    "circularity",
    "mean_intensity",
    "touches_border",
)


def table_row(measured, pixel_size=None):
    """Make one row of the table of objects.

    Parameters
    ----------
    measured : Measured
    pixel_size : tuple of float, or None
        Height and width of a pixel in nm, if known.

    Returns
    -------
    dict
        Of all `COLUMNS`. Without a pixel size micrometres are None. Of pixels that are not square, so are the perimeter and
        what follows from it; the eccentricity is then that of the ellipse in micrometres.
    """
    row = {name: getattr(measured, name.removesuffix("_px"), None) for name in COLUMNS}
    if pixel_size is None:
        return row
    height, width = _micrometres(pixel_size)
    rows, columns, both = measured.covariance
    row["area_um2"] = measured.area * height * width
    row["major_axis_um"], row["minor_axis_um"], eccentricity = ellipse(
        rows * height**2, columns * width**2, both * height * width
    )
    if height == width:
        row["perimeter_um"] = measured.perimeter * height
    else:
        row["circularity"], row["eccentricity"] = None, eccentricity
    return row


def totals(count, area, shape, pixel_size=None):
    """Sum up the objects of one plane.

    Parameters
    ----------
    count, area : int
        Objects, and pixels in them.
    shape : tuple of int
        Rows and columns of the plane.
    pixel_size : tuple of float, or None
        Height and width of a pixel in nm, if known.

    Returns
    -------
    dict
        count, area_px, area_fraction (of the plane; None of an empty one), area_um2 (None without a pixel size).
    """
    pixels = math.prod(shape)
    return {
        "count": count,
        "area_px": area,
        "area_fraction": area / pixels if pixels else None,
        "area_um2": area * math.prod(_micrometres(pixel_size)) if pixel_size is not None else None,
    }


def _micrometres(pixel_size):
    """Height and width of a pixel, from nm."""
    height, width = pixel_size
    if not (0 < height < math.inf and 0 < width < math.inf):
        raise ValueError(f"expected a pixel's height and width in nm, both above 0, received {pixel_size}")
    return height / 1000, width / 1000
