"""Colorectal cancer histology (Kather et al. 2016, doi 10.1038/srep27988): 5000 tiles of 150 × 150 pixels in 8 classes.

A tile's name tells the image that it was cut from: ``10009_CRC-Prim-HE-03_009.tif_Row_301_Col_151.tif`` lies in image 009
of slide 03. That image is the group. The slide would be the better one, but there are ten, and the class EMPTY occurs
in two of them: no split of slides has every class in train, val and test. Parts of one image (009b) count as one with it.
"""

import re

from pipeline.datasets.layout import DatasetInfo
from pipeline.datasets.sources.archive import inside, unpacked
from pipeline.datasets.sources.fetch import Remote, fetch
from pipeline.datasets.sources.listing import entries
from pipeline.images.io import read_image

ARCHIVE = Remote(
    name="Kather_texture_2016_image_tiles_5000.zip",
    url="https://zenodo.org/record/53169/files/Kather_texture_2016_image_tiles_5000.zip",
    sha256="936d0b95ae0f04f1f7b18a2b7e8c55776c3e887d102f645bcee752d1a6626a32",
    size=258_098_431,
)
CLASSES = ("tumor", "stroma", "complex", "lympho", "debris", "mucosa", "adipose", "empty")  # folders 01_TUMOR to 08_EMPTY
ORIGIN = re.compile(r"CRC-Prim-HE-\d+(?:_\d+)?")  # slide and, but for some tiles, image


def make(writer, url=None, archive=ARCHIVE):
    """Add the tiles class by class, grouped by the image that they were cut from; the source states no split."""
    fetched = fetch(archive, url)
    with unpacked(fetched.path) as folder:
        root = inside(folder, "Kather_texture_2016_image_tiles_5000")
        for number, label in enumerate(CLASSES, start=1):
            for path in entries(inside(root, f"{number:02d}_{label.upper()}")):
                origin = ORIGIN.search(path.name)
                group = origin[0] if origin else None
                writer.add(f"{label}_{path.stem}", read_image(path), label=label, group=group)
    return DatasetInfo(
        name="tissue",
        source="kather2016",
        task="classification",
        classes=CLASSES,
        channels=3,
        pixel_size_nm=(495.0, 495.0),
        licence="CC BY 4.0",
        citation="Kather, Weis, Bianconi, Melchers, Schad, Gaiser, Marx, Zöllner: Multi-class texture analysis in colorectal "
        "cancer histology, Scientific Reports 6:27988, 2016, doi 10.1038/srep27988",
        url=archive.url,
        sha256={archive.name: fetched.sha256},
    )
