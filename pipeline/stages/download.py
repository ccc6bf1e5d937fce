"""Make the raw images of one dataset: ``python -m pipeline.stages.download mitochondria``."""

from pipeline import params, paths
from pipeline.datasets import sources
from pipeline.stages import command


def main(dataset):
    settings = params.load()
    count = sources.download(dataset, settings)
    print(f"{paths.raw(dataset)}: {count} images from {settings.dataset(dataset).source}")


if __name__ == "__main__":
    command.run(main, dataset=command.DATASETS)
