"""Kvasir v2 (Pogorelov et al. 2017, doi 10.1145/3083187.3083212): 8000 endoscopy frames in 8 classes, of several sizes."""

from pipeline.datasets.layout import DatasetInfo
from pipeline.datasets.sources.archive import inside, unpacked
from pipeline.datasets.sources.fetch import Remote, fetch
from pipeline.datasets.sources.listing import entries

ARCHIVE = Remote(
    name="kvasir-dataset-v2.zip",
    url="https://datasets.simula.no/downloads/kvasir/kvasir-dataset-v2.zip",
    size=2_489_312_085,  # the only thing that is published about the file
)
CLASSES = (
    "dyed-lifted-polyps",
    "dyed-resection-margins",
    "esophagitis",
    "normal-cecum",
    "normal-pylorus",
    "normal-z-line",
    "polyps",
    "ulcerative-colitis",
)


def make(writer, url=None, archive=ARCHIVE):
    """Add the frames as they are, class by class; the source states neither patients nor a split."""
    fetched = fetch(archive, url)
    with unpacked(fetched.path) as folder:
        for label in CLASSES:
            for path in entries(inside(folder, f"kvasir-dataset-v2/{label}")):
                writer.add(f"{label}_{path.stem}", path, label=label)
    return DatasetInfo(
        name="tissue",
        source="kvasir-v2",
        task="classification",
        classes=CLASSES,
        channels=3,
        licence="research and education; commercial use by permission",
        citation="Pogorelov et al.: KVASIR: a multi-class image dataset for computer aided gastrointestinal disease detection, "
        "ACM Multimedia Systems 2017, doi 10.1145/3083187.3083212",
        url=archive.url,
        sha256={archive.name: fetched.sha256},
    )
