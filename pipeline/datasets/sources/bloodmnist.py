"""BloodMNIST (Yang et al. 2023, doi 10.1038/s41597-022-01721-8): 17,092 blood cells of 28 × 28 pixels in 8 classes."""

import zipfile
import zlib

import numpy as np

from pipeline.datasets.layout import DatasetInfo
from pipeline.datasets.sources.fetch import Remote, fetch
from pipeline.errors import UserError

ARCHIVE = Remote(
    name="bloodmnist.npz",
    url="https://zenodo.org/records/10519652/files/bloodmnist.npz?download=1",
    sha256="062023e186f537e26b3c21ea3b2614ddfc475e8a14825dfd20663bbb7e37bddc",
    size=35_461_855,
)
CLASSES = (
    "basophil",
    "eosinophil",
    "erythroblast",
    "immature granulocyte",
    "lymphocyte",
    "monocyte",
    "neutrophil",
    "platelet",
)


def make(writer, url=None, archive=ARCHIVE):
    """Add the cells with the official split (train, val and test)."""
    fetched = fetch(archive, url)
    for split in ("train", "val", "test"):
        images, labels = _arrays(fetched.path, split)
        for index, (image, label) in enumerate(zip(images, labels, strict=True)):
            writer.add(f"{split}_{index:05d}", image, label=CLASSES[label], split=split)
    return DatasetInfo(
        name="tissue",
        source="bloodmnist",
        task="classification",
        classes=CLASSES,
        channels=3,
        licence="CC BY 4.0",
        citation="Yang et al.: MedMNIST v2, Scientific Data 10:41, 2023, doi 10.1038/s41597-022-01721-8; cells: Acevedo et al., "
        "Data in Brief 30, 2020, doi 10.1016/j.dib.2020.105474",
        url=archive.url,
        sha256={archive.name: fetched.sha256},
    )


def _arrays(path, split):
    """Read images (N, H, W, 3) uint8 and labels (N,) of one split; a pickle inside is never run."""
    try:
        with np.load(path, allow_pickle=False) as arrays:
            images, labels = arrays[f"{split}_images"], arrays[f"{split}_labels"].ravel()
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile, zlib.error) as error:
        raise UserError(f"{path}: expected arrays {split}_images and {split}_labels, received: {error}") from error
    if images.dtype != np.uint8 or images.ndim != 4 or images.shape[-1] != 3 or len(images) != len(labels):
        raise UserError(
            f"{path}: expected {split}_images of shape (N, H, W, 3) and type uint8 with N labels, "
            f"received {images.shape}, {images.dtype} and {len(labels)} labels"
        )
    if not np.isin(labels, range(len(CLASSES))).all():
        raise UserError(f"{path}: expected labels 0 to {len(CLASSES) - 1}, received {np.unique(labels)[:20]}")
    return images, labels
