"""Where raw images come from: public archives, the user's own folder, or phantoms made from the seed.

Every source module has one function, ``make(writer, ...)``, which adds its images to an entered `DatasetWriter` and
returns the `DatasetInfo`. What follows the writer is what the kind of source needs: a phantom the seed, a folder the
dataset's name, the path and how to read it, a public source another address (or None).
"""

from pipeline import paths
from pipeline.datasets.layout import DatasetWriter, read_table
from pipeline.errors import UserError


def download(dataset, params):
    """Make ``data/raw/<dataset>`` from the source that the params choose.

    Parameters
    ----------
    dataset : str
        A key of ``datasets`` in ``params.yaml``.
    params : pipeline.params.Params

    Returns
    -------
    int
        Number of images.

    Raises
    ------
    UserError
        If the dataset is unknown, the network fails or the images are not what the source promises.
        What was made before stays as it is.
    """
    known = type(params.datasets).model_fields
    if dataset not in known:
        raise UserError(f"expected a dataset of {', '.join(known)}, received {dataset!r}")
    settings = params.dataset(dataset)
    module = _module(dataset, settings.source)
    with DatasetWriter(paths.raw(dataset)) as writer:
        if settings.source == "phantom":
            info = module.make(writer, params.seed)
        elif settings.source == "folder":
            info = module.make(writer, dataset, settings.path, settings.folder)
        else:
            info = module.make(writer, settings.url)
        writer.finish(info)
    return len(read_table(paths.raw(dataset) / "images.csv"))


def _module(dataset, source):
    """Import the one module that is needed: the others' libraries would only cost time."""
    match dataset, source:
        case "mitochondria", "phantom":
            from pipeline.datasets.sources.phantom import mitochondria as module
        case "polyps", "phantom":
            from pipeline.datasets.sources.phantom import polyps as module
        case "tissue", "phantom":
            from pipeline.datasets.sources.phantom import tissue as module
        case _, "folder":
            from pipeline.datasets.sources import folder as module
        case "mitochondria", "vnc":
            from pipeline.datasets.sources import vnc as module
        case "mitochondria", "lucchi++":
            from pipeline.datasets.sources import lucchi as module
        case "mitochondria", "epfl":
            from pipeline.datasets.sources import epfl as module
        case "polyps", "kvasir-seg":
            from pipeline.datasets.sources import kvasir_seg as module
        case "tissue", "kather2016":
            from pipeline.datasets.sources import kather2016 as module
        case "tissue", "kvasir-v2":
            from pipeline.datasets.sources import kvasir_v2 as module
        case "tissue", "bloodmnist":
            from pipeline.datasets.sources import bloodmnist as module
        case _:
            raise UserError(f"datasets.{dataset}.source: no source {source!r} for this dataset")
    return module
