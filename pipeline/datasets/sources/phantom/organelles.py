"""The phantom of `mitochondria` with the class of every pixel: cytoplasm, membrane, mitochondria and vesicles."""

from pipeline.datasets.layout import DatasetInfo
from pipeline.datasets.sources.phantom import GENERATED
from pipeline.datasets.sources.phantom.mitochondria import DISTANCE_NM, PIXEL_NM, organelles

CLASSES = ("cytoplasm", "membrane", "mitochondria", "vesicles")  # by their numbers; the first is the background


def make(writer, name, dataset, seed):
    """Write the sections, each a group of its own: neighbours resemble each other, so split them into blocks with gaps."""
    for z, (image, shown) in enumerate(zip(*organelles(seed), strict=True)):
        writer.add(f"section_{z:02d}", image, mask=shown)
    size = (PIXEL_NM, PIXEL_NM)
    return DatasetInfo(name, dataset.source, "segmentation", CLASSES, 1, size, depth_nm=DISTANCE_NM, **GENERATED)
