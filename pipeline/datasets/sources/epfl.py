"""EPFL hippocampus (Lucchi et al. 2012, doi 10.1109/TMI.2011.2171705): two volumes of 165 × 768 × 1024 voxels of 5 nm."""

from pipeline.datasets.layout import DatasetInfo
from pipeline.datasets.sources.fetch import Remote, fetch
from pipeline.errors import UserError
from pipeline.images.io import read_pages, to_mask

ADDRESS = "https://documents.epfl.ch/groups/c/cv/cvlab-unit/www/data/%20ElectronMicroscopy_Hippocampus/"  # the %20 is theirs
PARTS = {"train": ("training.tif", "training_groundtruth.tif"), "test": ("testing.tif", "testing_groundtruth.tif")}
THRESHOLD = 127  # middle of the 8-bit masks


def make(writer, url=None):
    """Add both volumes in order, with the split that the source states (train and test).

    `url` is the address of a folder that holds the four files. EPFL publishes no checksums.
    """
    base = (url or ADDRESS).rstrip("/")
    sha256 = {}
    for split, names in PARTS.items():
        fetched = [fetch(Remote(name=f"epfl-{name}", url=f"{base}/{name}")) for name in names]
        sha256 |= {name: file.sha256 for name, file in zip(names, fetched, strict=True)}
        _add_volume(writer, split, *(file.path for file in fetched))
    return DatasetInfo(
        name="mitochondria",
        source="epfl",
        task="segmentation",
        classes=("background", "mitochondria"),
        channels=1,
        pixel_size_nm=(5.0, 5.0),
        licence="see https://www.epfl.ch/labs/cvlab/data/data-em/",
        citation="Lucchi, Smith, Achanta, Knott, Fua: Supervoxel-based segmentation of mitochondria in EM image stacks with "
        "learned shape features, IEEE Transactions on Medical Imaging 31(2), 2012, doi 10.1109/TMI.2011.2171705",
        url=ADDRESS,
        sha256=sha256,
    )


def _add_volume(writer, split, images_path, masks_path):
    images, masks = read_pages(images_path), read_pages(masks_path)
    if len(images) != len(masks):
        raise UserError(f"{masks_path}: expected {len(images)} sections as in {images_path}, received {len(masks)}")
    for section, (image, page) in enumerate(zip(images, masks, strict=True)):
        if image.shape[:2] != page.shape[:2]:
            raise UserError(f"{masks_path}: expected sections of {image.shape[:2]}, received {page.shape[:2]} at {section}")
        mask = to_mask(page, masks_path, THRESHOLD)
        writer.add(f"{split}_{section:03d}", image[..., :1], mask=mask, split=split)
