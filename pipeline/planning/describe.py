"""Say in words what a folder holds."""

from pipeline.errors import counted


def described_folder(seen):
    """Lines about a folder that `pipeline.planning.look.look` has seen."""
    rows, columns = seen.shape
    sizes = f"{rows} × {columns}" if seen.one_shape else f"different sizes around {rows} × {columns}"
    pages = f" in {counted(seen.files, 'file')}" if seen.pages > 1 else ""
    splits = ", ".join(f"{number} {split}" for split, number in seen.images.items() if split)
    yield f"{seen.root}:"
    images = counted(sum(seen.images.values()), "image")
    yield f"  {images}{pages} of {sizes} (rows × columns), {seen.kind}" + (f"; {splits}" if splits else "")
    if seen.classes:
        yield "  classes: " + ", ".join(f"{name} {number}" for name, number in seen.classes.items())
    masks = seen.masks
    if masks:
        parts = ", ".join(f"{percent(share)} %" for share in masks.share.values())
        each = " (a share for each class)" if len(masks.share) > 1 else ""
        yield f"  foreground: {parts} of the pixels{each}; empty masks: {masks.empty}, full: {masks.full}"
    if masks and masks.extent:
        middle, most = masks.extent
        objects = f"{masks.objects:g} object{'s' if masks.objects != 1 else ''} in a typical image"
        yield f"  {objects}; half of the objects are at most {middle:.0f} pixels long, nine in ten at most {most:.0f}"
    yield f"  {100 * seen.likeness.copies:.0f} % of the images have a near-duplicate"


def percent(share):
    """A share in percent, two digits of it: "0.63", "3.7", "100"."""
    return f"{float(f'{100 * share:.2g}'):g}"
