"""Serial sections of the ventral nerve cord of a fruit fly (Gerhard et al. 2013, doi 10.6084/m9.figshare.856713).

20 sections of 1024 × 1024 pixels, 4.6 nm wide and 45 to 50 nm apart, by transmission electron microscopy. No split is stated.
"""

from pipeline.datasets.layout import DatasetInfo
from pipeline.datasets.sources.archive import inside, unpacked
from pipeline.datasets.sources.fetch import Remote, fetch
from pipeline.datasets.sources.listing import entries
from pipeline.images.io import read_image
from pipeline.images.masks import MaskRule

ARCHIVE = Remote(
    "groundtruth-drosophila-vnc.zip",
    "https://github.com/unidesigner/groundtruth-drosophila-vnc/archive/refs/heads/master.zip",
    sha256="f7bd0db03c86b64440a16b60360ad60c0a4411f89e2c021c7ee2c8d6af3d7e86",
    licence="CC BY-NC-SA 3.0",
    citation="Gerhard, Funke, Martel, Cardona, Fetter: Segmented anisotropic ssTEM dataset of neural tissue, 2013, "
    "doi 10.6084/m9.figshare.856713",
)
CLASSES = ("background", "mitochondria")
DEPTH_NM = 45.0  # from section to section, at least
MASKS = MaskRule(threshold=127)  # middle of the 8-bit masks; three of the twenty are 1-bit


def make(writer, name, dataset, seed):
    with unpacked(fetch(ARCHIVE, dataset.url)) as folder:
        stack = inside(folder, "groundtruth-drosophila-vnc-master/stack1")
        masks = inside(stack, "mitochondria")
        for path in entries(inside(stack, "raw")):
            writer.add(path.stem, read_image(path), mask=MASKS.read_page(masks / f"{path.stem}.png"))
    return DatasetInfo(name, dataset.source, "segmentation", CLASSES, 1, (4.6, 4.6), depth_nm=DEPTH_NM, **ARCHIVE.provenance())
