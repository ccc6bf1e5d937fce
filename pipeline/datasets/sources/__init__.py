"""Where raw images come from: the user's own folder, generated phantoms, and public archives.

Each module has one function ``make(writer, name, dataset, seed)``: it adds its images to an entered `DatasetWriter` and
returns the `DatasetInfo`. `name` is the data set's name, `dataset` its block of ``params.yaml``, `seed` draws the phantoms.
"""

# Source in params.yaml: (module in this folder, task; None: both)
SOURCES = {
    "folder": ("folder", None),
    "phantom-mitochondria": ("phantom.mitochondria", "segmentation"),
    "phantom-organelles": ("phantom.mitochondria", "segmentation"),
    "phantom-volume": ("phantom.mitochondria", "segmentation"),
    "phantom-polyps": ("phantom.polyps", "segmentation"),
    "phantom-tissue": ("phantom.tissue", "classification"),
    "vnc": ("vnc", "segmentation"),
    "lucchi++": ("lucchi", "segmentation"),
    "epfl": ("epfl", "segmentation"),
    "kvasir-seg": ("kvasir_seg", "segmentation"),
    "kather2016": ("kather2016", "classification"),
    "kvasir-v2": ("kvasir_v2", "classification"),
    "bloodmnist": ("bloodmnist", "classification"),
}
