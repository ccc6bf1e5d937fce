"""Kvasir v2 (Pogorelov et al. 2017, doi 10.1145/3083187.3083212): 8000 endoscopy frames in 8 classes, of several sizes.

Neither patients nor a split are stated.
"""

from pipeline.datasets.layout import DatasetInfo
from pipeline.datasets.sources.archive import inside, unpacked
from pipeline.datasets.sources.fetch import Remote, fetch
from pipeline.datasets.sources.listing import entries

ARCHIVE = Remote(
    "kvasir-dataset-v2.zip",
    "https://datasets.simula.no/downloads/kvasir/kvasir-dataset-v2.zip",
    size=2_489_312_085,  # no checksum is published
    licence="research and education; commercial use by permission",
    citation="Pogorelov et al.: KVASIR: a multi-class image dataset for computer aided gastrointestinal disease detection, "
    "ACM Multimedia Systems 2017, doi 10.1145/3083187.3083212",
)
CLASSES = (
    *("dyed-lifted-polyps", "dyed-resection-margins", "esophagitis", "normal-cecum"),
    *("normal-pylorus", "normal-z-line", "polyps", "ulcerative-colitis"),
)


def make(writer, name, dataset, seed):
    with unpacked(fetch(ARCHIVE, dataset.url)) as folder:
        for label in CLASSES:
            for path in entries(inside(folder, f"kvasir-dataset-v2/{label}")):
                writer.add(f"{label}_{path.stem}", path, label=label)
    return DatasetInfo(name, dataset.source, "classification", CLASSES, 3, colour=True, **ARCHIVE.provenance())
