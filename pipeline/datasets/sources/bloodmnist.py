"""BloodMNIST (Yang et al. 2023, doi 10.1038/s41597-022-01721-8): 17,092 blood cells of 28 × 28 pixels in 8 classes."""

import numpy as np

from pipeline.datasets.layout import DatasetInfo
from pipeline.datasets.sources.fetch import Remote, fetch

ARCHIVE = Remote(
    "bloodmnist.npz",
    "https://zenodo.org/records/10519652/files/bloodmnist.npz?download=1",
    sha256="062023e186f537e26b3c21ea3b2614ddfc475e8a14825dfd20663bbb7e37bddc",
    licence="CC BY 4.0",
    citation="Yang et al.: MedMNIST v2, Scientific Data 10:41, 2023, doi 10.1038/s41597-022-01721-8; cells: Acevedo et al., "
    "Data in Brief 30, 2020, doi 10.1016/j.dib.2020.105474",
)
CLASSES = (
    *("basophil", "eosinophil", "erythroblast", "immature granulocyte"),
    *("lymphocyte", "monocyte", "neutrophil", "platelet"),
)


def make(writer, name, dataset, seed):
    with np.load(fetch(ARCHIVE, dataset.url)) as arrays:
        for split in ("train", "val", "test"):
            labels = arrays[f"{split}_labels"].ravel()
            for index, (image, label) in enumerate(zip(arrays[f"{split}_images"], labels, strict=True)):
                writer.add(f"{split}_{index:05d}", image, label=CLASSES[label], split=split)
    return DatasetInfo(name, dataset.source, "classification", CLASSES, 3, colour=True, **ARCHIVE.provenance())
