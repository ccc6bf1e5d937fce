"""Kvasir-SEG (Jha et al. 2020, doi 10.1007/978-3-030-37734-2_37): 1000 polyps in endoscopy frames of several sizes.

Neither patients nor a split are stated.
"""

from pipeline.datasets.layout import DatasetInfo
from pipeline.datasets.sources.archive import inside, unpacked
from pipeline.datasets.sources.fetch import Remote, fetch
from pipeline.datasets.sources.listing import entries
from pipeline.images.masks import MaskRule

ARCHIVE = Remote(
    "kvasir-seg.zip",
    "https://datasets.simula.no/downloads/kvasir-seg.zip",
    sha256="03b30e21d584e04facf49397a2576738fd626815771afbbf788f74a7153478f7",
    licence="research and education; commercial use by permission",
    citation="Jha, Smedsrud, Riegler, Halvorsen, de Lange, Johansen, Johansen: Kvasir-SEG: a segmented polyp dataset, "
    "MultiMedia Modeling 2020, doi 10.1007/978-3-030-37734-2_37",
)
CLASSES = ("background", "polyp")
MASKS = MaskRule(threshold=127)  # middle of 8 bit: the masks are JPEG, noisy around 0 and 255


def make(writer, name, dataset, seed):
    with unpacked(fetch(ARCHIVE, dataset.url)) as folder:
        masks = inside(folder, "Kvasir-SEG/masks")
        for path in entries(inside(folder, "Kvasir-SEG/images")):
            writer.add(path.stem, path, mask=MASKS.read_page(masks / path.name))
    return DatasetInfo(name, dataset.source, "segmentation", CLASSES, 3, colour=True, **ARCHIVE.provenance())
