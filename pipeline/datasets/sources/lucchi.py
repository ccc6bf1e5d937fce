"""Lucchi++: the EPFL hippocampus volumes with the masks that Casser et al. redrew (arXiv 1812.06024).

165 training and 165 testing sections of 768 × 1024 pixels, 5 nm in all directions, by focused ion beam SEM.
"""

from pipeline.datasets.layout import DatasetInfo
from pipeline.datasets.sources.archive import inside, unpacked
from pipeline.datasets.sources.fetch import Remote, fetch
from pipeline.datasets.sources.listing import entries
from pipeline.images.io import read_image
from pipeline.images.masks import MaskRule

ARCHIVE = Remote(
    "lucchi_pp.zip",
    "http://www.casser.io/files/lucchi_pp.zip",
    sha256="770ce9e98fc6f29c1b1a250c637e6c5125f2b5f1260e5a7687b55a79e2e8844d",
    licence="none stated; see arXiv 1812.06024",
    citation="Casser, Kang, Pfister, Haehn: Fast mitochondria segmentation for connectomics, 2018, arXiv 1812.06024; images: "
    "Lucchi et al., IEEE Transactions on Medical Imaging 31(2), 2012, doi 10.1109/TMI.2011.2171705",
)
CLASSES = ("background", "mitochondria")
MASKS = MaskRule(threshold=127)  # middle of 8 bit; white is foreground where it is opaque, in the masks that have alpha


def make(writer, name, dataset, seed):
    with unpacked(fetch(ARCHIVE, dataset.url)) as folder:
        for split in ("train", "test"):
            masks = inside(folder, f"Lucchi++/{split.title()}_Out")
            for path in entries(inside(folder, f"Lucchi++/{split.title()}_In")):
                section = int(path.stem.removeprefix("mask"))  # the images are named mask0000.png, the masks 0.png
                image = read_image(path)[..., :1]  # grey, although some are stored as colour
                writer.add(f"{split}_{section:03d}", image, mask=MASKS.read_page(masks / f"{section}.png"), split=split)
    return DatasetInfo(name, dataset.source, "segmentation", CLASSES, 1, (5.0, 5.0), depth_nm=5.0, **ARCHIVE.provenance())
