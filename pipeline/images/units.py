"""Units of length as OME-XML, OME-Zarr and ImageJ write them."""

import math

# The micro sign, the Greek letter, and the micro sign as ImageJ escapes it.
MICROMETRE = ("\u00b5m", "\u03bcm", "\\u00B5m", "um", "micron", "microns", "micrometer")
NANOMETRES = {
    **{"pm": 1e-3, "picometer": 1e-3, "\u00c5": 0.1, "\u212b": 0.1, "angstrom": 0.1, "nm": 1.0, "nanometer": 1.0},
    **dict.fromkeys(MICROMETRE, 1e3),
    **{"mm": 1e6, "millimeter": 1e6, "cm": 1e7, "centimeter": 1e7, "m": 1e9, "meter": 1e9},
}


def nanometres(value, unit):
    """A length in nm; None if it is no positive number, or the unit is not known."""
    try:
        length = float(value) * NANOMETRES[unit]
    except (TypeError, ValueError, KeyError):
        return None
    return length if 0 < length < math.inf else None
