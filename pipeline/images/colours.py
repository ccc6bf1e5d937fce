"""The colours of all figures, after Okabe and Ito: told apart by colour-blind eyes."""

INK = "#7a7a7a"  # text and axes: legible on white and on a dark page alike, as the background is transparent
BLUE, ORANGE, GREEN = "#2f7fb8", "#e69f00", "#009e73"

ERRORS = {"true positive": GREEN, "false positive": ORANGE, "false negative": BLUE}


def rgb(colour):
    """Red, green and blue (0 to 255) of a colour such as "#2f7fb8"."""
    return tuple(bytes.fromhex(colour.removeprefix("#")))


# Of palette images of errors: 0 is right background, then as in `ERRORS`.
PALETTE = [0, 0, 0, *(value for colour in ERRORS.values() for value in rgb(colour))]
