"""Bring the images of one data set into the standard layout: ``python -m pipeline.stages.download mitochondria``."""

from pipeline import params, paths
from pipeline.datasets.download import download
from pipeline.stages import command


def main(dataset):
    settings = params.load()
    count = download(dataset, settings)
    print(f"{paths.raw(dataset)}: {count} images from {settings.dataset(dataset).source}")


if __name__ == "__main__":
    command.run(main, __doc__, ["dataset"])
