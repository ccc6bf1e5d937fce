"""The colours of all figures, after Okabe and Ito, whose palette colour-blind readers can tell apart."""

from PIL.ImageColor import getrgb

INK = "#7a7a7a"  # text and axes: legible on white and on dark pages, because the background is transparent
BLUE, ORANGE, GREEN = "#2f7fb8", "#e69f00", "#009e73"

ERRORS = {"true positive": GREEN, "false positive": ORANGE, "false negative": BLUE}

# Colours of classes by their number, the background first. Further classes use them again, all but the background's.
# None of them is in `ERRORS`, because pictures of both appear side by side.
CLASSES = ("#000000", "#56b4e9", "#d55e00", "#f0e442", "#cc79a7", "#8c7ae6", "#a6761d", "#ffffff")


def class_colour(number):
    """The colour of a class of a mask."""
    return CLASSES[number if number < len(CLASSES) else 1 + (number - 1) % (len(CLASSES) - 1)]


# Palettes of indexed images: of errors (0 is correct background, then the order of `ERRORS`), and of masks (255 is ignored).
ERROR_PALETTE = [0, 0, 0, *(value for colour in ERRORS.values() for value in getrgb(colour))]
CLASS_PALETTE = [value for colour in (*map(class_colour, range(255)), INK) for value in getrgb(colour)]
