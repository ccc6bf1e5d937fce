"""The size of a TIFF's pixels and the distance of its sections, as OME, ImageJ or the file's own resolution state them."""

import xml.etree.ElementTree as ElementTree

from pipeline.images.units import nanometres

CENTIMETRE = 3  # of the tag ResolutionUnit; inches are ignored, they only say how to print
# nm. A resolution in centimetres is the size of a pixel only if it is at least as fine, 1000 pixels a centimetre: printers stay
# below, and libvips writes 10 where nothing is known.
PRINT = 1e4


def pixel_size(file, shape):
    """Return height and width of a pixel in nm, and the distance of sections; None where the file does not say.

    Parameters
    ----------
    file : tifffile.TiffFile
    shape : tuple
        Rows and columns of its pages.
    """
    page = file.pages.first
    if page.description.rstrip("\0 \r\n").endswith("OME>"):
        size, depth = _ome(page.description, shape)
        if size:
            return size, depth
    described = file.imagej_metadata or {}
    per_unit = [page.tags.valueof(f"{axis}Resolution") for axis in "YX"]
    unit = described.get("unit") if file.is_imagej else None
    if nanometres(1, unit) is None:
        unit = "cm" if page.tags.valueof("ResolutionUnit") == CENTIMETRE else None
    depth = nanometres(described.get("spacing"), described.get("zunit", described.get("unit")))
    try:
        size = tuple(nanometres(below / above, unit) for above, below in per_unit)
    except (TypeError, ValueError, ZeroDivisionError):
        return None, depth
    printed = unit == "cm" and None not in size and max(size) > PRINT
    return (None if None in size or printed else size), depth


def _ome(xml, shape):
    try:
        elements = [element for element in ElementTree.fromstring(xml).iter() if element.tag.endswith("}Pixels")]
    except ElementTree.ParseError:
        return None, None
    found = set()
    for pixels in elements:
        if (pixels.get("SizeY"), pixels.get("SizeX")) == tuple(map(str, shape)):
            lengths = [
                nanometres(pixels.get(f"PhysicalSize{axis}"), pixels.get(f"PhysicalSize{axis}Unit", "µm")) for axis in "YXZ"
            ]
            found.add(tuple(lengths))
    if len(found) != 1:  # positions of different scale
        return None, None
    high, wide, depth = found.pop()
    return ((high, wide) if high and wide else None), depth
