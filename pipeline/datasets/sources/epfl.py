"""EPFL hippocampus (Lucchi et al. 2012, doi 10.1109/TMI.2011.2171705): two volumes of 165 × 768 × 1024 voxels of 5 nm."""

from dataclasses import replace

from pipeline.datasets.layout import DatasetInfo
from pipeline.datasets.sources.fetch import Remote, believed, fetch
from pipeline.errors import UserError
from pipeline.images.masks import MaskRule
from pipeline.images.stack import read_pages

VOLUME = Remote(
    "epfl-",
    "https://documents.epfl.ch/groups/c/cv/cvlab-unit/www/data/%20ElectronMicroscopy_Hippocampus/",  # the %20 is theirs
    licence="see https://www.epfl.ch/labs/cvlab/data/data-em/",
    citation="Lucchi, Smith, Achanta, Knott, Fua: Supervoxel-based segmentation of mitochondria in EM image stacks with "
    "learned shape features, IEEE Transactions on Medical Imaging 31(2), 2012, doi 10.1109/TMI.2011.2171705",
)
CLASSES = ("background", "mitochondria")
MASKS = MaskRule(threshold=127)  # middle of the 8-bit masks


def make(writer, name, dataset, seed):
    """``dataset.url`` is the address of a folder that holds the four files. EPFL publishes no checksums."""
    folder, sha256 = (dataset.url or VOLUME.url).rstrip("/"), {}
    for split, part in (("train", "training"), ("test", "testing")):
        files = [replace(VOLUME, name=f"epfl-{file}.tif", url=f"{folder}/{file}.tif") for file in (part, f"{part}_groundtruth")]
        volumes = [fetch(file) for file in files]
        sha256 |= {file.name.removeprefix("epfl-"): file.checksum() for file in files}
        with believed(files):
            images, masks = read_pages(volumes[0]), [mask.classes for mask in MASKS.read(volumes[1])]
            if [page.shape[:2] for page in images] != [mask.shape for mask in masks]:
                raise UserError(f"{volumes[1]}: its sections differ in number or size from those of {volumes[0]}")
        for section, (image, mask) in enumerate(zip(images, masks, strict=True)):
            writer.add(f"{split}_{section:03d}", image[..., :1], mask=mask, split=split)
    origin = VOLUME.provenance() | {"sha256": sha256}
    return DatasetInfo(name, dataset.source, "segmentation", CLASSES, 1, (5.0, 5.0), depth_nm=5.0, **origin)
