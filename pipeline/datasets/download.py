"""Make the raw images of a data set, from the source that ``params.yaml`` names."""

from importlib import import_module

from pipeline import paths
from pipeline.datasets.layout import DatasetWriter, read_table
from pipeline.datasets.sources import SOURCES
from pipeline.errors import UserError
from pipeline.params.messages import did_you_mean


def download(name, params):
    """Make ``data/raw/<name>`` as ``params.datasets[name]`` says, whole or not at all, and return the number of images."""
    dataset = params.dataset(name)
    module = source_module(name, dataset)
    with DatasetWriter(paths.raw(name)) as writer:
        writer.finish(module.make(writer, name, dataset, params.seed), dataset.class_names)
    return len(read_table(paths.raw(name) / "images.csv"))


def source_module(name, dataset):
    key, source = f"datasets.{name}", dataset.source
    if source not in SOURCES:
        raise UserError(f"{key}.source: unknown source {source!r}{did_you_mean(source, SOURCES)}")
    module, task = SOURCES[source]
    if task not in (None, dataset.task):
        fitting = [other for other, (_, other_task) in SOURCES.items() if other_task in (None, dataset.task)]
        choice = f"set {key}.task to {task}, or {key}.source to one of {', '.join(fitting)}"
        raise UserError(f"{key}: the source {source} is for {task}; {choice}")
    return import_module(f"pipeline.datasets.sources.{module}")
