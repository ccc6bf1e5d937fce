"""Colorectal cancer histology (Kather et al. 2016, doi 10.1038/srep27988): 5000 tiles of 150 × 150 pixels in 8 classes.

No split is stated. A tile's name contains the image that it was cut from, which is its group:
``10009_CRC-Prim-HE-03_009.tif_Row_301_Col_151.tif`` lies in image 009 of slide 03. Parts of one image (009b) count as one
image. Slides would be better groups, but there are only ten, and only two of them have tiles of the class EMPTY: no split
of slides has every class in train, val and test.
"""

import re

from pipeline.datasets.layout import DatasetInfo
from pipeline.datasets.sources.archive import inside, unpacked
from pipeline.datasets.sources.fetch import Remote, fetch
from pipeline.datasets.sources.listing import entries
from pipeline.images.io import read_image

ARCHIVE = Remote(
    "Kather_texture_2016_image_tiles_5000.zip",
    "https://zenodo.org/record/53169/files/Kather_texture_2016_image_tiles_5000.zip",
    sha256="936d0b95ae0f04f1f7b18a2b7e8c55776c3e887d102f645bcee752d1a6626a32",
    licence="CC BY 4.0",
    citation="Kather, Weis, Bianconi, Melchers, Schad, Gaiser, Marx, Zöllner: Multi-class texture analysis in colorectal "
    "cancer histology, Scientific Reports 6:27988, 2016, doi 10.1038/srep27988",
)
CLASSES = ("tumor", "stroma", "complex", "lympho", "debris", "mucosa", "adipose", "empty")  # folders 01_TUMOR to 08_EMPTY
ORIGIN = re.compile(r"CRC-Prim-HE-\d+(?:_\d+)?")  # slide and image; a few tiles name only the slide


def make(writer, name, dataset, seed):
    with unpacked(fetch(ARCHIVE, dataset.url)) as folder:
        root = inside(folder, "Kather_texture_2016_image_tiles_5000")
        for number, label in enumerate(CLASSES, start=1):
            for path in entries(inside(root, f"{number:02d}_{label.upper()}")):
                origin = ORIGIN.search(path.name)
                writer.add(f"{label}_{path.stem}", read_image(path), label=label, group=origin and origin[0])
    return DatasetInfo(
        name, dataset.source, "classification", CLASSES, 3, (495.0, 495.0), colour=True, grouped=True, **ARCHIVE.provenance()
    )
