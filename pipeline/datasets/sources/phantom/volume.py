"""The phantom of `mitochondria` in which one section is not enough.

A third of the mitochondria show no cristae. As many bodies look the same, but lie in a single section: only the neighbouring
sections tell them apart.
"""

from pipeline.datasets.layout import DatasetInfo
from pipeline.datasets.sources.phantom import GENERATED
from pipeline.datasets.sources.phantom.mitochondria import DISTANCE_NM, MITOCHONDRIA, PIXEL_NM, organelles

SECTIONS = 96  # for a test set of many independent blocks


def make(writer, name, dataset, seed):
    """Write the sections in order: split them into blocks."""
    for z, (image, shown) in enumerate(zip(*organelles(seed, SECTIONS, lookalikes=True), strict=True)):
        writer.add(f"section_{z:02d}", image, mask=shown == MITOCHONDRIA)
    classes, size = ("background", "mitochondria"), (PIXEL_NM, PIXEL_NM)
    return DatasetInfo(name, dataset.source, "segmentation", classes, 1, size, depth_nm=DISTANCE_NM, **GENERATED)
